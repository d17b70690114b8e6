"""A report as values, whatever it was made from and whatever it is written as; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pytest_evalmd.case.model import MeasureType
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.outcome import Attribution as Attribution
from pytest_evalmd.outcome import Kind
from pytest_evalmd.verdict.attribution import what_changed

State = Kind | Literal["recorded", "unanswered"]
"""What became of a measure. Of cases that were not run, ``recorded`` holds a result,
``unrecorded`` none, and ``unanswered`` stands for a case without an answer."""
_NO_USAGE = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasureReport:
    """A measure of one answer."""

    measure: str
    """The measure's id."""
    description: str
    type: MeasureType
    state: State
    variant: str = ""
    """What stands in the brackets of the item's name; empty if there are none."""
    model: str = ""
    """Who gave the answer that was measured; empty if nobody says."""
    judge_model: str | None = None
    recorded_text: str = ""
    """The recorded result; empty if there is none."""
    computed_text: str | None = None
    """What the run computed; ``None`` if it computed nothing."""
    number: float | None = None
    """The result as a number, where it is one: computed, else recorded."""
    human_text: str = ""
    """What a person said the result is."""
    reason: str = ""
    """The judge's."""
    provenance: str = ""
    """How the recorded result came about."""
    problem: str = ""
    """Why there is no output."""
    attribution: Attribution | None = None
    today_text: str | None = None
    """What the recorded answer is judged as today, where that was asked."""
    votes: tuple[str, ...] = ()
    """The outputs of every round of asking, where there was more than one."""
    usage: Usage = _NO_USAGE
    duration_s: float | None = None

    @property
    def why(self) -> str:
        """Say what changed; empty if nobody told."""
        if self.attribution is None:
            return ""
        return what_changed(self.attribution, judged=self.type == "ai")


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReport:
    """An answer to a case's query, with its measures in the case's order."""

    model: str
    """Who gave it; empty if nobody says."""
    text: str
    """Markdown from a stranger; empty if there is no answer."""
    path: str
    """Of the case file, with ``/``; never absolute."""
    new: bool = False
    """Whether the run asked for it, in place of the recorded answer."""
    measures: tuple[MeasureReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionReport:
    """A query with all of its answers: those of the case files of a folder that ask it."""

    query: str
    folder: str
    """Of its case files, with ``/`` and without a common beginning of all; may be empty."""
    name: str
    """Tells it from others of its folder: the case file's stem, or the last folder's
    name if the files of the folder are one a model."""
    tags: tuple[str, ...] = ()
    answers: tuple[AnswerReport, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a report says."""

    title: str
    date: str
    """Year-month-day."""
    plugin: str
    """The version of pytest-evalmd."""
    questions: tuple[QuestionReport, ...] = ()
    """Sorted by folder and name."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the run, as text; empty if nothing was run."""
    problems: tuple[str, ...] = ()
    """Case files that could not be read, as ``path:line: problem``."""
