"""What every report of a comparison says in the same words; pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pytest_evalmd.case.problems import printable, shorten
from pytest_evalmd.verdict.changes import Difference, Fate, Side
from pytest_evalmd.verdict.paired import Numbers, Row
from pytest_evalmd.verdict.runs import RunHead
from pytest_evalmd.verdict.stats import Interval

LISTED = 20
"""How many results of a fate, and how many measures twice over, are listed."""
ROWS = 50
LONGEST_NAME = 200

TITLES: dict[Fate, str] = {
    "broke": "broke",
    "fails": "fail, and the base does not say whether they passed",
    "error": "can't be computed any more",
    "healed": "healed",
    "moved": "moved: another output, the same outcome",
    "unmeasured": "not measured any more",
    "gone": "only in the base",
    "new": "only in the candidate",
    "still_error": "could be computed by neither",
}
LEGEND = (
    "n: results that passed or failed in both runs; in brackets: 95 % intervals;",
    "p: chance of so many worse cases by noise alone (McNemar; Holm across measures).",
)


def name_of(found: Difference) -> str:
    """Name a result as pytest does."""
    name = f"{found.case}::{found.measure}"
    name += f"[{found.variant}]" if found.variant else ""
    return printable(shorten(name, LONGEST_NAME))


def notes_of(found: Difference) -> list[str]:
    """Say what else there is to a difference."""
    notes = []
    if found.recorded_changed:
        notes.append("the recorded result changed, too")
    if found.fate == "moved" and found.base == found.candidate:
        notes.append("they differ in white space, or further on")
    if found.reason and found.fate != "healed":
        notes.append(f"the judge's reason: {printable(found.reason)}")
    return notes


def describe(head: RunHead, side: Side) -> str:
    """Say what a run was."""
    parts = [head.date, f"{sum(side.outcomes.values())} results"]
    if side.errors:
        parts.append(f"{side.errors} of them errors")
    parts += _models("judge", side.judges) + _models("answers of", side.answerers)
    return ", ".join(map(printable, parts))


def rate(passed: int, n: int, interval: Interval) -> str:
    """Write a rate and its interval in per cent; only all of them are 100."""
    if not n:
        return "-"
    shown = min(99.9, max(0.1, 100 * passed / n))
    share = f"{shown:.1f}" if 0 < passed < n else str(100 * passed // n)
    return (
        f"{share} ({math.floor(100 * interval.low)}-{math.ceil(100 * interval.high)})"
    )


def shift(numbers: Numbers) -> str:
    """Write by how much numbers moved."""
    if numbers.interval is None:
        return f"{numbers.difference:+.3g}"
    low, high = numbers.interval
    return f"{numbers.difference:+.3g} ({low:.3g} to {high:.3g})"


def moved(numbers: Numbers) -> str:
    """Say whether numbers moved."""
    if numbers.moved is None:
        return "too few cases to tell"
    return "moved by more than noise" if numbers.moved else "no more than noise"


def blind_spot(total: Row) -> str | None:
    """Say what a comparison of so few cases can't see."""
    if total.significant or not total.needed or not total.n:
        return None
    if total.needed + total.better > total.cases:
        return f"Of so few cases ({total.cases}) nothing can be told from noise."
    share = f"{100 * total.needed / total.cases:.0f} %"
    return (
        f"Fewer than {total.needed} of {total.cases} cases ({share}) getting worse "
        "can't be told from noise."
    )


def _models(word: str, names: Iterable[str]) -> list[str]:
    first = [shorten(name) for name in sorted(names)]
    if not first:
        return []
    return [f"{word} {' and '.join(first[:3])}{' …' if len(first) > 3 else ''}"]
