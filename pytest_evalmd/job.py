"""A measure to be computed, and what came of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias

from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.results import read_result
from pytest_evalmd.case.values import Value
from pytest_evalmd.dataclass import dataclass
from pytest_evalmd.judge.judging import Judged

Key: TypeAlias = tuple[Path, str, str, str, int]
AnswerKey: TypeAlias = tuple[Path, str]


_BLOCKED = "blocked by "


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A measure of a case, to be computed."""

    path: Path
    case: Case
    measure: Measure
    alias: str = ""
    """Tells clients of a parametrised fixture apart."""
    answer_model: str = ""
    """Who gives the answer; empty: it is the recorded one."""
    round: int = 0
    """How often it was computed before, with other replies; from 0."""

    @property
    def key(self) -> Key:
        """Tell jobs apart."""
        return (
            self.path,
            self.measure.id,
            self.alias,
            self.answer_model,
            self.round,
        )

    def of(self, measure: Measure) -> Job:
        """Give the job of another measure of the case."""
        return replace(self, measure=measure)

    @property
    def answer_key(self) -> AnswerKey:
        """Tell new answers apart."""
        return self.path, self.answer_model

    @property
    def on_recorded_answer(self) -> Job:
        """Give the job of the same measure of the recorded answer."""
        return replace(self, answer_model="", round=0)

    def at_round(self, number: int) -> Job:
        """Give the job of another round of asking."""
        return self if number == self.round else replace(self, round=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a measure puts out."""

    value: Value
    judged: Judged | None = None
    """How a judge came to it; ``None`` for a programmatic measure."""

    @property
    def responses(self) -> tuple[Value, ...]:
        """What it was made of: the value of every sample."""
        return self.judged.responses if self.judged else (self.value,)


class MeasureError(Exception):
    """A measure could not be computed.

    Attributes:
        outcome: ``error``, or ``blocked`` if it was for one of its inputs.
    """

    def __init__(self, message: str, outcome: Literal["error", "blocked"]) -> None:
        self.outcome = outcome
        super().__init__(message)

    def blocks(self, measure_id: str) -> MeasureError:
        """Give the error of a measure that needed this one, ``measure_id``.

        However long the chain, it names the one whose own error it was.
        """
        message = str(self) if self.outcome == "blocked" else f"{measure_id}: {self}"
        return MeasureError(_BLOCKED + message.removeprefix(_BLOCKED), "blocked")


class NotComparableError(MeasureError):
    """What is recorded can't be held against anything, whatever the output is."""


def recorded_output(case: Case, measure: Measure) -> Value:
    """Take a recorded result as the measure's output.

    Raises:
        MeasureError: there is none, or it is not an output.
        ResultError: it can't be read.
    """
    text = case.result_text(measure.id)
    if not text.strip():
        recorded = case.recorded.get(measure.id)
        if measure.output == "list" and recorded and recorded.result and case.answered:
            return []  # what old files hold for an empty list
        raise MeasureError(f"no result of {measure.id} is recorded", "error")
    value = read_result(text, "json" if measure.compare == "any-of" else measure.output)
    if measure.compare == "any-of" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if measure.compare in ("any-of", "pattern"):
        message = (
            f"the recorded result of {measure.id} says what is accepted, not what it is"
        )
        raise MeasureError(message, "error")
    return value
