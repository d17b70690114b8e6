"""Two runs -> what got worse, and whether that is more than noise; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from pytest_evalmd.verdict.changes import (
    FATES,
    Difference,
    Fate,
    Pair,
    Side,
    difference,
    pair_up,
)
from pytest_evalmd.verdict.runs import RunResult
from pytest_evalmd.verdict.stats import (
    ALPHA,
    Interval,
    holm,
    mcnemar,
    mean,
    mean_interval,
    needed,
    wilson,
)

FEWEST_NUMBERS = 6
"""With fewer cases, numbers that all moved one way may be chance: 2 / 2**6 is 3 %."""
MANY = 1000
"""With more cases that got better, their number isn't what is too small to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """How the numbers that a measure puts out moved."""

    n: int
    cases: int
    base: float
    """The mean."""
    candidate: float
    difference: float
    interval: Interval | None
    """Of the difference; ``None`` of one case."""

    @property
    def moved(self) -> bool | None:
        """Whether that is more than noise; ``None``: too few cases to tell."""
        if self.interval is None or self.cases < FEWEST_NUMBERS:
            return None
        return not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A measure, or all of them: results that passed or failed in both runs."""

    measure: str
    """The id; empty of all measures."""
    n: int
    cases: int
    base_passed: int
    base_interval: Interval
    candidate_passed: int
    candidate_interval: Interval
    broke: int
    healed: int
    worse: int
    """Cases in which more results broke than healed."""
    better: int
    p: float
    """Of McNemar's test, which counts cases: results of one case aren't independent."""
    adjusted_p: float
    """By Holm, across measures; for all measures together ``p`` itself."""
    numbers: Numbers | None = None

    @property
    def significant(self) -> bool:
        """Whether it got worse by more than noise."""
        return self.adjusted_p <= ALPHA

    def says(self) -> str:
        """Say in words whether it got worse, and whether that can be told."""
        if not self.n:
            return "nothing to compare"
        if self.significant:
            return "worse, by more than noise"
        if self.p <= ALPHA:
            return "worse, were it the only measure"
        enough = self.needed
        if enough is None:
            return "no more than noise"
        if enough + self.better > self.cases:
            return f"too few cases to tell: it takes {enough} that are worse"
        if self.worse > self.better:
            return f"too few to tell from noise: it takes {enough} that are worse"
        return "no worse"

    @property
    def needed(self) -> int | None:
        """How many have to be worse to be more than noise; ``None`` of very many."""
        return needed(self.better) if self.better <= MANY else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What became of every result between two runs."""

    base: Side
    candidate: Side
    fates: Mapping[Fate, int]
    """How many, of each fate that there was."""
    differences: tuple[Difference, ...]
    """The worst first, then by case, measure and variant; nothing unchanged."""
    rows: tuple[Row, ...]
    """A measure each, the most significant first."""
    total: Row


@dataclass(slots=True)
class _Tally:
    """Counts the pairs of a measure, or of all."""

    n: int = 0
    base_passed: int = 0
    candidate_passed: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    net: dict[str, int] = field(default_factory=dict)
    """By case: how many more results broke than healed."""
    numbers: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    """By case: base and candidate."""

    def add(self, pair: Pair, fate: Fate) -> None:
        base, candidate = pair.base, pair.candidate
        if not base or not candidate:
            return
        if base.passed is not None and candidate.passed is not None:
            self.n += 1
            self.base_passed += base.passed
            self.candidate_passed += candidate.passed
            self.fates[fate] += 1
            worse = base.passed - candidate.passed
            self.net[pair.case] = self.net.get(pair.case, 0) + worse
        if base.number is not None and candidate.number is not None:
            numbers = (base.number, candidate.number)
            self.numbers.setdefault(pair.case, []).append(numbers)

    def row(self, measure: str) -> Row:
        worse = sum(net > 0 for net in self.net.values())
        better = sum(net < 0 for net in self.net.values())
        p = mcnemar(worse, better)
        return Row(
            measure=measure,
            n=self.n,
            cases=len(self.net),
            base_passed=self.base_passed,
            base_interval=wilson(self.base_passed, self.n),
            candidate_passed=self.candidate_passed,
            candidate_interval=wilson(self.candidate_passed, self.n),
            broke=self.fates["broke"],
            healed=self.fates["healed"],
            worse=worse,
            better=better,
            p=p,
            adjusted_p=p,
            numbers=self._numbers() if measure and self.numbers else None,
        )

    def _numbers(self) -> Numbers:
        by_case = [self.numbers[case] for case in sorted(self.numbers)]
        moves = [[new - old for old, new in pairs] for pairs in by_case]
        return Numbers(
            n=sum(map(len, by_case)),
            cases=len(by_case),
            base=mean([[old for old, _ in pairs] for pairs in by_case]),
            candidate=mean([[new for _, new in pairs] for pairs in by_case]),
            difference=mean(moves),
            interval=mean_interval(moves),
        )


def compare_runs(
    base: Iterable[RunResult], candidate: Iterable[RunResult]
) -> Comparison:
    """Hold a run against another one; each is walked once, and not kept.

    Args:
        base: the results of the run before.
        candidate: the results of the run that is to be judged.
    """
    sides, total = (Side(), Side()), _Tally()
    tallies: dict[str, _Tally] = {}
    fates: Counter[Fate] = Counter()
    differences: list[Difference] = []
    for pair in pair_up(sides[0].counted(base), sides[1].counted(candidate)):
        fate = pair.fate
        fates[fate] += 1
        if pair.measure not in tallies:
            tallies[pair.measure] = _Tally()
        tallies[pair.measure].add(pair, fate)
        total.add(pair, fate)
        if fate != "unchanged":
            differences.append(difference(pair, fate))
    return Comparison(
        base=sides[0],
        candidate=sides[1],
        fates=fates,
        differences=tuple(sorted(differences, key=_place)),
        rows=_rows(tallies),
        total=total.row(""),
    )


def _rows(tallies: Mapping[str, _Tally]) -> tuple[Row, ...]:
    """Give a row a measure; only those with something to compare are tests for Holm."""
    rows = [tally.row(measure) for measure, tally in tallies.items()]
    tested = [row for row in rows if row.n]
    adjusted = holm([row.p for row in tested])
    tested = [
        replace(row, adjusted_p=p) for row, p in zip(tested, adjusted, strict=True)
    ]
    rows = tested + [row for row in rows if not row.n]
    return tuple(sorted(rows, key=lambda row: (row.adjusted_p, row.p, row.measure)))


def _place(found: Difference) -> tuple[int, str, str, str]:
    return FATES.index(found.fate), found.case, found.measure, found.variant
