from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.case.values import same
from pytest_evalmd.judge.aggregate import aggregate
from pytest_evalmd.judge.model import JudgeError

HUGE = 10**400


@pytest.mark.parametrize(
    ("values", "how", "output", "expected"),
    [
        ([7], None, "integer", 7),
        (["a"], "median", "text", "a"),
        ([9, 7, 8], None, "integer", 8),
        ([9, 8, 7, 6], None, "integer", 7),
        ([9, 8, 7, 6], None, "response", 7),
        ([9, 8, 7, 6], "median", "number", 7.5),
        ([7, 9], "median", "number", 8),
        ([7.0, 8], None, "any", 7.5),
        ([0.5, 0.5, 3], "median", "number", 0.5),
        ([HUGE, HUGE], "median", "number", HUGE),
        ([1, 2], "mean", "integer", 1.5),
        ([1, 3], "mean", "integer", 2),
        ([0.1, 0.2, 0.3], "mean", "number", 0.2),
        ([1.5, 2.5], "mean", "number", 2.0),
        ([1e308, 1e308], "mean", "number", 1e308),
        (["a", "b", "b"], None, "text", "b"),
        ([8, 9, 9.0, 8, 9], "mode", "integer", 9),
        ([True, 1, True], None, "any", True),
        ([["a"], ["a", "b"], ["a"]], None, "list", ["a"]),
        ([{"a": 1}, {"a": 1.0}, None], None, "json", {"a": 1}),
        ([True, True], "all", "boolean", True),
        ([True, False], "all", "boolean", False),
        ([True, False], "any", "boolean", True),
        ([False, False], "any", "boolean", False),
    ],
)
def test_table(values, how, output, expected):
    found = aggregate(values, how, output)
    assert same(found, expected)
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("values", "how", "kind", "message"),
    [
        (
            [8, 9, 8, 9],
            "mode",
            "undecided",
            "the judge disagrees with itself: 8 (2 of 4), 9 (2 of 4)",
        ),
        (
            [True, False],
            None,
            "undecided",
            "the judge disagrees with itself: true (1 of 2), false (1 of 2)",
        ),
        (["x" * 100, ""], None, "undecided", None),
        (["a", 1], "median", "invalid", "'median' is for numbers, got \"a\""),
        ([1, True], "mean", "invalid", "'mean' is for numbers, got true"),
        ([True, None], "all", "invalid", "'all' is for booleans, got null"),
        ([1, 1], "any", "invalid", "'any' is for booleans, got 1"),
        ([HUGE, 1], "mean", "invalid", "the numbers are too large for a mean"),
        ([], None, "invalid", "there is no sample to aggregate"),
        ([], "all", "invalid", "there is no sample to aggregate"),
    ],
)
def test_errors(values, how, kind, message):
    with pytest.raises(JudgeError) as caught:
        aggregate(values, how, "any")
    assert caught.value.kind == kind
    assert str(caught.value) == message or message is None
    assert len(str(caught.value)) < 200


@given(st.lists(st.integers(), min_size=1), st.randoms())
def test_the_median_of_integers_is_one_of_them_in_any_order(values, random):
    median = aggregate(values, None, "integer")
    random.shuffle(values)
    assert median in values
    assert aggregate(values, None, "integer") == median
