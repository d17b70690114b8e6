"""People against the judge: how far recorded results agree with theirs; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_evalmd.case.results import fits
from pytest_evalmd.case.values import Value, canonical, write_json
from pytest_evalmd.verdict import stats

MAX_CATEGORIES = 20
"""With more different answers than this, a table and a kappa of them say nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a judge and a person made of the same answer."""

    case: str
    """The case's path."""
    measure_id: str
    judge: str
    by_judge: Value
    by_person: Value
    agree: bool
    """By the measure's own way to compare."""

    @property
    def distance(self) -> float:
        """How far they are apart: in points of a rating, else 1 or 0."""
        left, right = self.by_judge, self.by_person
        if _is_number(left) and _is_number(right):
            return abs(float(left) - float(right))  # type: ignore[arg-type]
        return 0.0 if self.agree else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """How a judge agrees with people about one measure."""

    measure_id: str
    judge: str
    n: int
    agreed: int
    """By the measure's own way to compare: a tolerance counts."""
    categories: tuple[Value, ...]
    """What was answered, sorted; empty if there are too many to tabulate."""
    table: tuple[tuple[int, ...], ...]
    """How often the judge said the row's category where people said the column's."""
    kappa: stats.Kappa | None
    """Cohen's; with quadratic weights for numbers. ``None`` where it is not defined."""
    weighted: bool
    disagreements: tuple[Opinion, ...]
    """Those that disagree, the farthest apart first."""


def agreements(opinions: Iterable[Opinion]) -> list[Agreement]:
    """Sum up opinions, for each measure and judge, in the order of their names."""
    groups: dict[tuple[str, str], list[Opinion]] = {}
    for opinion in opinions:
        groups.setdefault((opinion.measure_id, opinion.judge), []).append(opinion)
    return [_agreement(*names, groups[names]) for names in sorted(groups)]


def _agreement(measure_id: str, judge: str, opinions: list[Opinion]) -> Agreement:
    values = [v for opinion in opinions for v in (opinion.by_judge, opinion.by_person)]
    numeric = all(map(_is_number, values))
    by_key = {canonical(value): value for value in values}
    keys = sorted(by_key, key=lambda key: _place(by_key[key]))
    keys = keys if len(keys) <= MAX_CATEGORIES else []
    table: list[list[int]] = []
    if keys:
        pairs = ((canonical(o.by_judge), canonical(o.by_person)) for o in opinions)
        table = stats.confusion(pairs, keys)
    scores = [float(by_key[key]) for key in keys] if numeric else None  # type: ignore[arg-type]
    apart = [opinion for opinion in opinions if not opinion.agree]
    return Agreement(
        measure_id=measure_id,
        judge=judge,
        n=len(opinions),
        agreed=len(opinions) - len(apart),
        categories=tuple(by_key[key] for key in keys),
        table=tuple(map(tuple, table)),
        kappa=stats.kappa(table, scores) if keys else None,
        weighted=numeric,
        disagreements=tuple(sorted(apart, key=lambda o: (-o.distance, o.case))),
    )


def _is_number(value: Value) -> bool:
    return fits(value, "number")


def _place(value: Value) -> tuple[bool, float, str]:
    """Sort numbers by size, before all else."""
    if _is_number(value):
        return False, float(value), ""  # type: ignore[arg-type]
    return True, 0.0, write_json(value)
