"""Cases as a report: what is recorded, with nothing computed; pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from posixpath import basename, dirname, splitext

from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.results import ResultError, fits
from pytest_evalmd.case.values import Value, same
from pytest_evalmd.judge.miss import nearest, provenance
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.question import Question, question_of
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.report.document import (
    AnswerReport,
    MeasureReport,
    QuestionReport,
    Report,
    State,
)
from pytest_evalmd.verdict.compare import read_recorded, write_output

BLANK = "blank"
"""The stem of a case file that waits for the answers of models beside it."""
LARGEST = 1e100
"""Numbers beyond this are none that can be drawn."""
_DIGITS = re.compile("([0-9]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An answer, and what was asked for it."""

    query: str
    tags: tuple[str, ...] = ()
    answer: AnswerReport


def questions_of(entries: Iterable[Entry]) -> tuple[QuestionReport, ...]:
    """Put the answers to the same query in the same folder together.

    A case that waits for an answer is left out beside answers to its query.

    Returns:
        the questions sorted by folder and name, numbers in them by size.
    """
    folders: dict[str, dict[str, list[Entry]]] = {}
    for entry in entries:
        asked = folders.setdefault(dirname(entry.answer.path), {})
        asked.setdefault(entry.query, []).append(entry)
    found = [
        _question(folder, group, alone=len(asked) == 1)
        for folder, asked in folders.items()
        for group in asked.values()
    ]
    common = _common(question.folder for question in found)
    found = [replace(one, folder=one.folder[common:]) for one in found]
    return tuple(sorted(found, key=_order))


def report_of_cases(
    cases: Iterable[tuple[str, Case]],
    *,
    title: str,
    date: str,
    plugin: str,
    replies: Callable[[str], Iterable[Remembered]] = lambda path: (),
    problems: Iterable[str] = (),
) -> Report:
    """Say what cases record.

    Args:
        cases: each with its path, which has ``/`` and is not absolute.
        title: of the report.
        date: year-month-day.
        plugin: the version of pytest-evalmd.
        replies: gives what is remembered of the case with a path.
        problems: of the case files that could not be read; read after the cases.
    """
    entries = (
        Entry(
            query=case.query.text,
            tags=case.tags,
            answer=_answer(path, case, list(replies(path)) if case.answered else []),
        )
        for path, case in cases
    )
    return Report(
        title=title,
        date=date,
        plugin=plugin,
        questions=questions_of(entries),
        problems=tuple(problems),
    )


def number_of(value: Value) -> float | None:
    """Give a result as a number that can be drawn, if it is one."""
    if fits(value, "number") and abs(value) <= LARGEST:  # type: ignore[arg-type]
        return float(value)  # type: ignore[arg-type]
    return None


def _question(folder: str, group: list[Entry], *, alone: bool) -> QuestionReport:
    """Make a question; ``alone`` says that its folder holds no other."""
    answered = [entry for entry in group if not _waits(entry.answer)]
    shown = sorted(answered or group, key=lambda entry: _place(entry.answer.path))
    name = splitext(basename(shown[0].answer.path))[0]
    if alone and folder and _one_a_model(group):
        folder, name = dirname(folder), basename(folder)
    return QuestionReport(
        query=group[0].query,
        folder=folder,
        name=name,
        tags=tuple(dict.fromkeys(tag for entry in group for tag in entry.tags)),
        answers=tuple(entry.answer for entry in shown),
    )


def _order(question: QuestionReport) -> tuple[object, ...]:
    """Sort by folder and name; paths tell those apart that have both in common."""
    path = question.answers[0].path
    return _place(question.folder), _place(question.name), path


def _waits(answer: AnswerReport) -> bool:
    states = {measure.state for measure in answer.measures}
    return not answer.text.strip() and states <= {"unanswered", "skipped"}


def _one_a_model(group: list[Entry]) -> bool:
    """Tell whether the files of a folder are the answers of models, or wait for them."""
    stems = {splitext(basename(e.answer.path))[0]: e.answer.model for e in group}
    if len(stems) > 1:
        return True
    [(stem, model)] = stems.items()
    return stem == BLANK or _letters(stem) == _letters(model)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _common(folders: Iterable[str]) -> int:
    """Count the characters that all folders begin with, a ``/`` behind included."""
    common: list[str] | None = None
    for folder in folders:
        parts = folder.split("/")
        common = parts if common is None else _start(common, parts)
    return len("/".join([*(common or []), ""]))


def _start(left: list[str], right: list[str]) -> list[str]:
    same_ = takewhile(lambda pair: pair[0] == pair[1], zip(left, right, strict=False))
    return [part for part, _ in same_]


def _place(path: str) -> list[tuple[int, str]]:
    """Sort the numbers in a path by size."""
    numbers = (part.lstrip("0") for part in _DIGITS.findall(path))
    texts = ((0, part) for part in _DIGITS.split(path))
    sized = ((len(number), number) for number in numbers)
    return [one for pair in zip_longest(texts, sized) for one in pair if one]


def _answer(path: str, case: Case, replies: list[Remembered]) -> AnswerReport:
    return AnswerReport(
        model=case.model or "",
        text=case.answer.text,
        path=path,
        measures=tuple(
            _measure(case, measure, replies)
            for measure in sorted(case.measures.values(), key=lambda one: one.line)
        ),
    )


def _measure(case: Case, measure: Measure, replies: list[Remembered]) -> MeasureReport:
    recorded = case.result_text(measure.id)
    human = case.recorded[measure.id].human if measure.id in case.recorded else None
    value = _value(measure, recorded)
    report = MeasureReport(
        measure=measure.id,
        description=measure.description,
        type=measure.type,
        state=_state(case, recorded),
        model=case.model or "",
        judge_model=case.judge_model if measure.type == "ai" else None,
        recorded_text=recorded,
        number=number_of(value),
        human_text=human.text if human else "",
    )
    own = [reply for reply in replies if reply.measure_id == measure.id]
    known = report.state == "recorded"
    gave = [reply for reply in own if known and same(reply.response, value)]
    return _with_reply(report, case, measure, value, gave, own) if gave else report


def _state(case: Case, recorded: str) -> State:
    if not case.answered:
        return "unanswered"
    return "recorded" if recorded.strip() else "unrecorded"


def _value(measure: Measure, recorded: str) -> Value:
    """Read a recorded result, as far as it can be read without an output."""
    try:
        return read_recorded(measure, recorded, None) if recorded.strip() else None
    except ResultError:
        return None


def _with_reply(
    report: MeasureReport,
    case: Case,
    measure: Measure,
    value: Value,
    gave: list[Remembered],
    own: list[Remembered],
) -> MeasureReport:
    """Add what the reply says that gave the recorded result."""
    question = _question_today(case, measure, gave[0])
    reply = nearest(measure.id, question, gave) or gave[0]
    asked = [one for one in own if one.question == reply.question]
    asked.sort(key=lambda one: one.sample)
    votes = [write_output(measure, one.response) for one in asked]
    return replace(
        report,
        judge_model=reply.model or reply.question.model,
        reason=reply.reason,
        provenance=provenance(measure.id, question, value, gave) or "",
        votes=tuple(votes) if len(votes) > 1 else (),
        usage=_sum(one.usage for one in asked),
    )


def _question_today(case: Case, measure: Measure, like: Remembered) -> Question:
    """Say what would be asked today, as far as a case alone tells."""
    sources = {"query": case.query.text, "answer": case.answer.text}
    now = question_of(
        measure,
        model=like.question.model,
        texts={name: sources[name] for name in measure.context},
        parameters=like.question.parameters,
    )
    # What an input would be is not computed.
    names = ("input",) if measure.inputs else ()
    given = {name: like.question.context.get(name, "") for name in names}
    return replace(now, context={**now.context, **given})


def _sum(usages: Iterable[Usage]) -> Usage:
    known = list(usages)
    return Usage(
        **{n: _total(getattr(one, n) for one in known) for n in Usage.__slots__}
    )


def _total(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
