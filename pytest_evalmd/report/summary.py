"""What a report comes to: what changed, how often, and how sure that is; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pytest_evalmd.case.values import ValueTextError, read_json
from pytest_evalmd.report.document import (
    AnswerReport,
    Attribution,
    MeasureReport,
    QuestionReport,
    Report,
    State,
)
from pytest_evalmd.report.gather import number_of
from pytest_evalmd.verdict.stats import Interval, mean, mean_interval, wilson

CHECKED: frozenset[State] = frozenset(("passed", "updated", "failed"))
"""States of results that were held against a recorded one."""
_NOT_RUN: frozenset[State] = frozenset(("recorded", "unrecorded", "unanswered"))


@dataclass(frozen=True, slots=True)
class Found:
    """A measure with where it stands."""

    place: tuple[int, int, int]
    """Of the question in the report, of the answer and of the measure, each from 0."""
    question: QuestionReport
    answer: AnswerReport
    measure: MeasureReport

    @property
    def model(self) -> str:
        """Who gave the answer."""
        return self.measure.model or self.answer.model

    @property
    def votes(self) -> str:
        """Say how many votes the result has; empty if it was asked for once."""
        votes = self.measure.votes
        won = votes.count(self.measure.computed_text or "")
        return f"{won} of {len(votes)} votes" if len(votes) > 1 else ""

    @property
    def numbers(self) -> tuple[float, float] | None:
        """What was recorded and what was computed, where both are numbers."""
        before = _number(self.measure.recorded_text)
        now = number_of(self.measure.number)
        if before is None or now is None or self.measure.computed_text is None:
            return None
        return before, now


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How many results of a measure are as recorded."""

    measure: str
    passed: int
    n: int
    """Results that were held against a recorded one; 1 or more."""

    @property
    def interval(self) -> Interval:
        """Where the true rate lies: 0 to 1."""
        return wilson(self.passed, self.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a model scores in a measure."""

    measure: str
    model: str
    n: int
    mean: float
    """Of the numbers, or the share of ``true``."""
    interval: Interval | None
    share: bool
    """Whether it is a share."""


@dataclass(slots=True)
class Summary:
    """What all results come to."""

    states: Counter[State] = field(default_factory=Counter)
    attributions: Counter[Attribution | None] = field(default_factory=Counter)
    """Of the failed results."""
    failed: list[Found] = field(default_factory=list)
    """The largest moves of a number first, as a share of its measure's range."""
    rates: list[Rate] = field(default_factory=list)
    """By measure, the worst first."""
    scores: list[Score] = field(default_factory=list)
    """By measure and model."""
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By measure, of all numbers that were recorded or computed."""
    descriptions: dict[str, str] = field(default_factory=dict)
    """By measure; empty where cases have several."""

    @property
    def run(self) -> bool:
        """Whether anything was run, not only read."""
        return not self.states.keys() <= _NOT_RUN

    @property
    def checked(self) -> int:
        """How many results were held against a recorded one."""
        return sum(self.states[state] for state in CHECKED)

    @property
    def broken(self) -> int:
        """How many results could not be computed."""
        return self.states["error"] + self.states["blocked"]

    @property
    def rate(self) -> Rate | None:
        """Give how many of all results are as recorded."""
        if not self.checked:
            return None
        passed = self.checked - self.states["failed"]
        return Rate(measure="", passed=passed, n=self.checked)

    @property
    def down(self) -> int:
        """How many failed results are numbers that went down."""
        return sum(pair[1] < pair[0] for pair in self._moves())

    @property
    def up(self) -> int:
        """How many failed results are numbers that went up."""
        return sum(pair[1] > pair[0] for pair in self._moves())

    @property
    def asked_again(self) -> int:
        """How many failed results several rounds of asking confirm or not."""
        return sum(len(found.measure.votes) > 1 for found in self.failed)

    @property
    def unanimous(self) -> int:
        """How many failed results came out the same in several rounds."""
        votes = [found.measure.votes for found in self.failed]
        return sum(len(one) > 1 and len(set(one)) == 1 for one in votes)

    def _moves(self) -> Iterator[tuple[float, float]]:
        return (found.numbers for found in self.failed if found.numbers)


def summary_of(report: Report) -> Summary:
    """Sum up a report."""
    found, results = Summary(), list(results_of(report))
    numbers: dict[str, dict[str, list[float]]] = {}
    shares: dict[str, dict[str, list[bool]]] = {}
    for result in results:
        measure = result.measure
        found.states[measure.state] += 1
        first = found.descriptions.setdefault(measure.measure, measure.description)
        if first != measure.description:
            found.descriptions[measure.measure] = ""
        if (number := number_of(measure.number)) is not None:
            models = numbers.setdefault(measure.measure, {})
            models.setdefault(result.model, []).append(number)
        elif (text := shown_text(measure)) in ("true", "false"):
            judged = shares.setdefault(measure.measure, {})
            judged.setdefault(result.model, []).append(text == "true")
    found.rates = _rates(results)
    found.ranges = _ranges(results)
    found.scores = [*_means(numbers), *_shares(shares)]
    failed = [result for result in results if result.measure.state == "failed"]
    found.attributions.update(result.measure.attribution for result in failed)
    found.failed = sorted(failed, key=lambda one: -_size(one, found.ranges))
    return found


def results_of(report: Report) -> Iterator[Found]:
    """Give every measure of a report, in its order."""
    for number, question in enumerate(report.questions):
        for place, answer in enumerate(question.answers):
            for index, measure in enumerate(answer.measures):
                yield Found((number, place, index), question, answer, measure)


def shown_text(measure: MeasureReport) -> str:
    """Give what came out: computed, else recorded."""
    computed = measure.computed_text
    return measure.recorded_text if computed is None else computed


def _rates(results: Iterable[Found]) -> list[Rate]:
    counts: dict[str, Counter[bool]] = {}
    for result in results:
        if result.measure.state in CHECKED:
            passed = result.measure.state != "failed"
            counts.setdefault(result.measure.measure, Counter())[passed] += 1
    rates = [
        Rate(measure=name, passed=count[True], n=count.total())
        for name, count in counts.items()
    ]
    return sorted(rates, key=lambda rate: rate.passed / rate.n)


def _ranges(results: Iterable[Found]) -> dict[str, tuple[float, float]]:
    ranges: dict[str, tuple[float, float]] = {}
    for result in results:
        recorded = _number(result.measure.recorded_text)
        for number in (recorded, number_of(result.measure.number)):
            if number is not None:
                name = result.measure.measure
                low, high = ranges.get(name, (number, number))
                ranges[name] = min(low, number), max(high, number)
    return ranges


def _means(numbers: dict[str, dict[str, list[float]]]) -> Iterator[Score]:
    for measure, models in numbers.items():
        for model, values in sorted(models.items()):
            yield Score(
                measure=measure,
                model=model,
                n=len(values),
                mean=mean([values]),
                interval=mean_interval([[value] for value in values]),
                share=False,
            )


def _shares(shares: dict[str, dict[str, list[bool]]]) -> Iterator[Score]:
    for measure, models in shares.items():
        for model, values in sorted(models.items()):
            yield Score(
                measure=measure,
                model=model,
                n=len(values),
                mean=sum(values) / len(values),
                interval=wilson(sum(values), len(values)),
                share=True,
            )


def _size(found: Found, ranges: dict[str, tuple[float, float]]) -> float:
    """Give how far a number moved, as a share of its range; 2 for what is none."""
    if found.numbers is None:
        return 2.0
    low, high = ranges[found.measure.measure]
    before, now = found.numbers
    return abs(now - before) / (high - low) if high > low else 0.0


def _number(text: str) -> float | None:
    try:
        return number_of(read_json(text))
    except ValueTextError:
        return None
