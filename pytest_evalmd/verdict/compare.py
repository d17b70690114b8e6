"""A measure's output held against its recorded result; pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Set
from fractions import Fraction
from typing import TypeAlias

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.results import (
    ResultError,
    read_result,
    read_result_like,
    write_result,
    write_result_of_any_type,
)
from pytest_evalmd.case.values import Value, canonical, same

Matches: TypeAlias = Callable[[str, str, bool], bool]
"""``matches(pattern, text, ignore_case)``: whether the whole text matches."""

_MARKS = str.maketrans("", "", "®™©")
_PATTERN_SIGNS = re.compile(r"[\\.^$*+?{}\[\]|()]")


def holds(measure: Measure, recorded: str, computed: Value, matches: Matches) -> bool:
    """Tell whether an output agrees with the recorded result.

    Args:
        measure: says how to compare.
        recorded: the text of the result block; empty if there is none.
        computed: the output.
        matches: looks up a regular expression, within a limit of time.
    """
    if not recorded.strip():
        # Old files hold an empty block where a list came out empty.
        return measure.output == "list" and computed == []
    if measure.compare == "pattern":
        text = _normalised(measure, computed, but_case=True)
        return matches(recorded, write_output(measure, text), "case" in measure.ignore)
    try:
        golden = read_recorded(measure, recorded, computed)
    except ResultError:
        return False
    return _agree(measure, _normalised(measure, golden), _normalised(measure, computed))


def read_recorded(measure: Measure, recorded: str, computed: Value) -> Value:
    """Read a recorded result as what it is held against.

    Raises:
        ResultError: it is not of the measure's output.
    """
    if measure.compare == "any-of":
        return read_result(recorded, "json")
    if measure.type == "programmatic":
        return read_result_like(recorded, computed)
    return read_result(recorded, measure.output)


def write_output(measure: Measure, computed: Value) -> str:
    """Write an output as a person reads it."""
    if measure.type == "programmatic":
        return write_result_of_any_type(computed)
    return write_result(computed, measure.output)


def accept(measure: Measure, recorded: str, computed: Value) -> str:
    """Write what has to be recorded so that the output holds.

    With ``any-of`` it joins the accepted values; a pattern becomes the literal output.
    """
    if measure.compare == "pattern":
        text = _normalised(measure, computed, but_case=True)
        return _PATTERN_SIGNS.sub(r"\\\g<0>", write_output(measure, text))
    if measure.compare == "any-of":
        golden = read_result(recorded, "json") if recorded.strip() else []
        accepted = golden if isinstance(golden, list) else [golden]
        return write_result([*accepted, computed], "json")
    return write_output(measure, computed)


def _agree(measure: Measure, golden: Value, computed: Value) -> bool:
    if measure.compare == "exact":
        return same(golden, computed)
    if measure.compare == "within":
        return _near(golden, computed, measure.tolerance)
    if not isinstance(golden, list):
        return False
    if measure.compare == "any-of":
        return canonical(computed) in map(canonical, golden)
    return isinstance(computed, list) and _lists_agree(measure, golden, computed)


def _lists_agree(measure: Measure, golden: list[Value], computed: list[Value]) -> bool:
    recorded, found = Counter(map(canonical, golden)), Counter(map(canonical, computed))
    if measure.compare == "unordered":
        return recorded == found
    if measure.compare == "subset":
        return found.keys() <= recorded.keys()
    if measure.compare == "superset":
        return found.keys() >= recorded.keys()
    return jaccard(recorded.keys(), found.keys()) >= measure.threshold


def jaccard(left: Set[str], right: Set[str]) -> float:
    """Give what two sets share: 0 to 1, and 1 for two empty ones."""
    union = left | right
    return len(left & right) / len(union) if union else 1.0


def _near(golden: Value, computed: Value, tolerance: float) -> bool:
    left, right = _exact(golden), _exact(computed)
    if left is None or right is None:
        return same(golden, computed)
    return abs(left - right) <= Fraction(str(tolerance))


def _exact(value: Value) -> Fraction | None:
    """Take a number as it is written: 1.1 is within 0.1 of 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return Fraction(str(value))


def _normalised(measure: Measure, value: Value, *, but_case: bool = False) -> Value:
    """Apply ``ignore`` to every text in a value."""
    if not measure.ignore:
        return value
    if isinstance(value, list):
        return [_normalised(measure, item, but_case=but_case) for item in value]
    if isinstance(value, dict):
        return {
            name: _normalised(measure, item, but_case=but_case)
            for name, item in value.items()
        }
    if not isinstance(value, str):
        return value
    if "marks" in measure.ignore:
        value = value.translate(_MARKS)
    if "space" in measure.ignore:
        value = " ".join(value.split())
    return value.casefold() if "case" in measure.ignore and not but_case else value
