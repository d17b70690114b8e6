"""Several samples of a judge's opinion -> one output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from pytest_evalmd.case.model import Aggregate, Output
from pytest_evalmd.case.values import Value, same, write_json
from pytest_evalmd.judge.model import JudgeError


def aggregate(values: Sequence[Value], how: Aggregate | None, output: Output) -> Value:
    """Make one output of several.

    Args:
        values: what the samples say, in order; one stands for itself.
        how: ``None`` is the median of numbers, else the mode.
        output: the measure's; a median is a mean of two only where it is ``number``
            or the values aren't all integers.

    Raises:
        JudgeError: ``undecided`` (no value is the most frequent one) or ``invalid``
            (values that can't be aggregated so).
    """
    if len(values) == 1:
        return values[0]
    if not values:
        raise JudgeError(kind="invalid", message="there is no sample to aggregate")
    if how is None:
        how = "median" if all(map(_is_number, values)) else "mode"
    if how == "median":
        return _median(_numbers(values, how), output)
    return _WAYS[how](values)


def _median(numbers: list[int | float], output: Output) -> Value:
    ordered, half = sorted(numbers), len(numbers) // 2
    low, high = ordered[~half], ordered[half]
    if output != "number" and all(isinstance(number, int) for number in numbers):
        return low
    return _mean([low, high])


def _mean(values: Sequence[Value]) -> Value:
    # Exact, so that no rounding shows up in a result; slow to import, and rarely used.
    from statistics import mean

    numbers = _numbers(values, "mean")
    try:
        return mean(numbers)
    except OverflowError:
        message = "the numbers are too large for a mean"
        raise JudgeError(kind="invalid", message=message) from None


def _mode(values: Sequence[Value]) -> Value:
    counts: list[tuple[Value, int]] = []
    for value in values:
        if not any(same(value, counted) for counted, _ in counts):
            counts.append((value, sum(same(value, other) for other in values)))
    most = max(count for _, count in counts)
    first = [value for value, count in counts if count == most]
    if len(first) > 1:
        tie = ", ".join(f"{_shown(value)} ({most} of {len(values)})" for value in first)
        message = f"the judge disagrees with itself: {tie}"
        raise JudgeError(kind="undecided", message=message)
    return first[0]


def _all(values: Sequence[Value]) -> Value:
    return all(_booleans(values, "all"))


def _any(values: Sequence[Value]) -> Value:
    return any(_booleans(values, "any"))


_WAYS: Mapping[Aggregate, Callable[[Sequence[Value]], Value]] = {
    "mean": _mean,
    "mode": _mode,
    "all": _all,
    "any": _any,
}


def _numbers(values: Sequence[Value], how: Aggregate) -> list[int | float]:
    numbers = [v for v in values if isinstance(v, (int, float)) and _is_number(v)]
    if len(numbers) < len(values):
        raise _misfit(how, "numbers", next(v for v in values if not _is_number(v)))
    return numbers


def _booleans(values: Sequence[Value], how: Aggregate) -> list[bool]:
    booleans = [value for value in values if isinstance(value, bool)]
    if len(booleans) < len(values):
        misfit = next(v for v in values if not isinstance(v, bool))
        raise _misfit(how, "booleans", misfit)
    return booleans


def _misfit(how: Aggregate, wanted: str, value: Value) -> JudgeError:
    return JudgeError("invalid", f"{how!r} is for {wanted}, got {_shown(value)}")


def _is_number(value: Value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Value) -> str:
    text = write_json(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
