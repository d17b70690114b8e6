"""What changed: the answer, the judge, or both."""

from __future__ import annotations

import pytest

from pytest_evalmd.case.model import Measure
from pytest_evalmd.verdict.attribution import attribute

MEASURE = Measure(id="m", description="", type="ai", line=1, output="integer")


def attributed(recorded="9", *, today, new, holds, measure=MEASURE, judged=True):
    return attribute(
        measure,
        recorded,
        today=today,
        today_holds=holds,
        new=new,
        judged=judged,
        matches=lambda *_: False,
    )


@pytest.mark.parametrize(
    ("today", "holds", "new", "attribution", "line"),
    [
        (9, True, 4, "answer", "today 9 · new answer 4 -> the answer changed"),
        (5, False, 5, "judge", "today 5 · new answer 5 -> the judge drifted"),
        (
            5,
            False,
            2,
            "both",
            "today 5 · new answer 2 -> the answer changed and the judge drifted",
        ),
    ],
)
def test_which_of_the_two(today, holds, new, attribution, line):
    found = attributed(today=today, holds=holds, new=new)

    assert found.attribution == attribution
    assert found.line() == f"recorded 9 · recorded answer judged {line}"


def test_alike_is_as_the_measure_compares():
    measure = Measure(
        id="m",
        description="",
        type="ai",
        line=1,
        output="number",
        compare="within",
        tolerance=1,
    )

    found = attributed(measure=measure, today=5, holds=False, new=5.5)

    assert found.attribution == "judge"


def test_without_a_judge_nothing_is_judged():
    found = attributed(today=5, holds=False, new=5, judged=False)

    assert found.line() == (
        "recorded 9 · recorded answer measured today 5 · new answer 5 "
        "-> the measure changed"
    )


def test_long_results_are_cut():
    measure = Measure(id="m", description="", type="ai", line=1, output="text")

    found = attributed(
        "x" * 500, measure=measure, today="y" * 500, holds=False, new="z"
    )

    assert len(found.line()) < 300
