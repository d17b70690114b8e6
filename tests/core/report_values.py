"""Reports, made short, for the tests of whatever writes or sums them up."""

from __future__ import annotations

from pytest_evalmd.report.document import (
    AnswerReport,
    MeasureReport,
    QuestionReport,
    Report,
)


def measure(state="passed", *, name="m", **more):
    more = {"description": "How good?", "type": "ai", **more}
    return MeasureReport(measure=name, state=state, **more)


def rating(recorded, computed=None, *, state=None, **more):
    """Make a measure of numbers, run if something is computed."""
    if state is None:
        same = computed is None or computed == recorded
        state = "passed" if same else "failed"
    shown = recorded if computed is None else computed
    return measure(
        state,
        recorded_text=str(recorded),
        computed_text=None if computed is None else str(computed),
        number=float(shown),
        **more,
    )


def answer(*measures, text="Yes.", model="tern", path="a/q.md", **more):
    return AnswerReport(model=model, text=text, path=path, measures=measures, **more)


def question(*answers, query="Why?", folder="a", name="q", tags=()):
    return QuestionReport(
        query=query, folder=folder, name=name, tags=tags, answers=answers
    )


def report(*questions, **more):
    more = {"title": "A report", "date": "2026-11-21", "plugin": "9.8.7", **more}
    return Report(questions=questions, **more)


def report_of(*measures, **more):
    """Make a report of one answer."""
    return report(question(answer(*measures)), **more)
