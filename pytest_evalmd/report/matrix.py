"""A report as tables: a row an answer, a column a measure; pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TypeAlias

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.report.document import (
    AnswerReport,
    MeasureReport,
    QuestionReport,
    State,
)
from pytest_evalmd.report.summary import shown_text

SHOWN = 22
"""Characters of a result in a cell; details show all of it."""
EXCERPT = 120
"""Characters of a query in a row."""

WORST_FIRST: tuple[State, ...] = (
    "failed",
    "error",
    "blocked",
    "unrecorded",
    "unanswered",
    "skipped",
    "updated",
    "recorded",
    "passed",
)

_Indexed: TypeAlias = "tuple[int, MeasureReport]"
_WITHOUT_RESULT: frozenset[State] = frozenset(
    ("error", "blocked", "unanswered", "skipped")
)


@dataclass(frozen=True, slots=True)
class Cell:
    """A measure of an answer, as the matrix shows it."""

    index: int
    """Of the measure among its answer's, from 0."""
    measure: MeasureReport
    text: str
    more: int
    """How many others the same measure has, by variants; the worst one is shown."""


@dataclass(frozen=True, slots=True)
class Row:
    """An answer."""

    number: int
    """Of its question in the report, from 0."""
    place: int
    """Among its question's answers, from 0."""
    question: QuestionReport
    answer: AnswerReport
    excerpt: str
    cells: tuple[Cell | None, ...]
    """One for each column of its table."""


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of a folder."""

    folder: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Folders that follow each other and have the same measures."""

    measures: tuple[str, ...]
    groups: tuple[Group, ...]


def tables_of(questions: Iterable[QuestionReport]) -> tuple[Table, ...]:
    """Lay out questions that are sorted by folder."""
    by_folder = groupby(enumerate(questions), key=lambda pair: pair[1].folder)
    folders = [(folder, list(asked)) for folder, asked in by_folder]
    measured = groupby(folders, key=lambda pair: _measures(q for _, q in pair[1]))
    return tuple(
        Table(
            measures=measures,
            groups=tuple(
                Group(
                    folder,
                    tuple(
                        _row(number, place, question, answer, measures)
                        for number, question in asked
                        for place, answer in enumerate(question.answers)
                    ),
                )
                for folder, asked in same
            ),
        )
        for measures, same in measured
    )


def cell_text(measure: MeasureReport) -> str:
    """Give what a cell says of a measure, beside its state; empty if that is all."""
    if measure.state in _WITHOUT_RESULT:
        return ""
    shown = shorten(shown_text(measure), SHOWN)
    if measure.state != "failed":
        return shown
    return f"{shorten(measure.recorded_text, SHOWN)} → {shown}"


def _measures(questions: Iterable[QuestionReport]) -> tuple[str, ...]:
    """Name the measures of questions, in the order in which they first appear."""
    found = (
        measure.measure
        for question in questions
        for answer in question.answers
        for measure in answer.measures
    )
    return tuple(dict.fromkeys(found))


def _row(
    number: int,
    place: int,
    question: QuestionReport,
    answer: AnswerReport,
    measures: tuple[str, ...],
) -> Row:
    own: dict[str, list[_Indexed]] = {}
    for index, measure in enumerate(answer.measures):
        own.setdefault(measure.measure, []).append((index, measure))
    return Row(
        number=number,
        place=place,
        question=question,
        answer=answer,
        excerpt=shorten(question.query, EXCERPT),
        cells=tuple(_cell(own, name) for name in measures),
    )


def _cell(own: Mapping[str, list[_Indexed]], name: str) -> Cell | None:
    if name not in own:
        return None
    index, worst = min(own[name], key=lambda one: WORST_FIRST.index(one[1].state))
    return Cell(index, worst, cell_text(worst), len(own[name]) - 1)
