"""How far the replies behind a result disagree with each other; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, canonical
from pytest_evalmd.verdict.compare import write_output

SHOWN = 3
"""How many of the values are shown, the most frequent first."""
SHOWN_CHARACTERS = 40


def spread(measure: Measure, value: Value, seen: Sequence[Value]) -> str:
    """Warn of a result that disagrees with itself.

    Args:
        measure: whose result it is.
        value: the result.
        seen: the responses that it was made of, in any order.

    Returns:
        such as ``WARNING: it disagrees with itself: 7 (3 of 5), 9 (2 of 5); a tolerance
        of 2 covers that``; empty if all are alike.
    """
    counts = Counter(canonical(one) for one in seen)
    if len(counts) < 2:
        return ""
    texts = {canonical(one): write_output(measure, one) for one in seen}
    shown = [
        f"{shorten(texts[key], SHOWN_CHARACTERS)} ({count} of {len(seen)})"
        for key, count in counts.most_common(SHOWN)
    ]
    if len(counts) > SHOWN:
        shown.append("…")
    warning = f"WARNING: it disagrees with itself: {', '.join(shown)}"
    if (tolerance := _tolerance(value, seen)) > measure.tolerance:
        warning += f"; 'tolerance: {tolerance:g}' covers that"
    return warning


def _tolerance(value: Value, seen: Sequence[Value]) -> float:
    """Give the tolerance that all numbers need; 0 if they aren't all numbers."""
    numbers = [one for one in (value, *seen) if type(one) in (int, float)]
    if len(numbers) <= len(seen):
        return 0
    return max(abs(float(one) - float(numbers[0])) for one in numbers)  # type: ignore[arg-type]
