"""How far replies disagree with each other."""

from __future__ import annotations

import pytest

from pytest_evalmd.case.model import Measure
from pytest_evalmd.verdict.spread import spread

WARNING = "WARNING: it disagrees with itself: "


def measure(**keys):
    given = {"id": "m", "description": "", "type": "ai", "line": 1, "output": "json"}
    return Measure(**(given | keys))


@pytest.mark.parametrize(
    ("seen", "value", "expected"),
    [
        ([9], 9, ""),
        ([9, 9, 9.0], 9, ""),
        (["a", "a"], "a", ""),
        (["a", "b", "b"], "b", "b (2 of 3), a (1 of 3)"),
        ([9, 7, 9], 9, "9 (2 of 3), 7 (1 of 3); 'tolerance: 2' covers that"),
        ([7, 8], 7.5, "7 (1 of 2), 8 (1 of 2); 'tolerance: 0.5' covers that"),
        ([True, False], True, "true (1 of 2), false (1 of 2)"),
        ([1, True], 1, "1 (1 of 2), true (1 of 2)"),
        (
            [1, 2, 3, 4, 1],
            1,
            "1 (2 of 5), 2 (1 of 5), 3 (1 of 5), …; 'tolerance: 3' covers that",
        ),
    ],
)
def test_what_is_said(seen, value, expected):
    assert spread(measure(), value, seen) == (WARNING + expected if expected else "")


def test_a_tolerance_that_is_enough_is_not_suggested():
    found = spread(measure(compare="within", tolerance=2), 9, [9, 7])

    assert found == WARNING + "9 (1 of 2), 7 (1 of 2)"


def test_long_values_are_cut():
    found = spread(measure(output="text"), "x" * 100, ["x" * 100, "y"])

    assert len(found) < 120
