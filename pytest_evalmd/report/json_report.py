"""A report as JSON, for programs; pure (docs/reports.md)."""

from __future__ import annotations

from collections import Counter

from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.report.document import (
    AnswerReport,
    MeasureReport,
    QuestionReport,
    Report,
)
from pytest_evalmd.report.summary import results_of
from pytest_evalmd.verdict.runs import cost, present

FORMAT = "evalmd-report/1"

_TEXTS = (
    "recorded_text",
    "human_text",
    "reason",
    "provenance",
    "problem",
    "attribution",
    "votes",
)
_MAYBE_EMPTY = ("computed_text", "today_text")
"""Texts that say something even if they are empty."""


def write_json_report(report: Report) -> str:
    """Write a report, a question a line."""
    top: dict[str, Value] = {
        "format": FORMAT,
        "title": report.title,
        "date": report.date,
        "plugin": report.plugin,
        "options": dict(report.options),
        "problems": list(report.problems),
        "totals": _totals(report),
    }
    head = "".join(f" {write_json(key)}: {write_json(v)},\n" for key, v in top.items())
    lines = ",\n".join(f"  {write_json(_question(one))}" for one in report.questions)
    return f'{{\n{head} "questions": [\n{lines}\n ]\n}}\n'


def _totals(report: Report) -> Value:
    states = Counter(found.measure.state for found in results_of(report))
    return {
        "questions": len(report.questions),
        "answers": sum(len(question.answers) for question in report.questions),
        "measures": states.total(),
        "states": dict(sorted(states.items())),
    }


def _question(question: QuestionReport) -> dict[str, Value]:
    return {
        **present(question, "folder", "name", "query", "tags"),
        "answers": [_answer(answer) for answer in question.answers],
    }


def _answer(answer: AnswerReport) -> dict[str, Value]:
    return {
        "path": answer.path,
        **present(answer, "model", "text", "new"),
        "measures": [_measure(measure) for measure in answer.measures],
    }


def _measure(measure: MeasureReport) -> dict[str, Value]:
    plain = present(measure, "measure", "variant", "description", "type", "state")
    plain |= present(measure, "model", "judge_model", "number")
    plain |= {
        name: text
        for name in _MAYBE_EMPTY
        if (text := getattr(measure, name)) is not None
    }
    plain |= present(measure, *_TEXTS)
    return plain | cost(measure.usage, measure.duration_s)
