"""A failure says how the recorded result came about, where a reply tells."""

from __future__ import annotations

import datetime

import pytest
from measures import ai, logic

MEASURES = ai("tone", prompt='"Rate it."')
TODAY = datetime.date.today().isoformat()


@pytest.fixture
def compare(run_here, judge, write_case):
    """Record ``calm``, then have a judge find ``angry``; gives the failure's lines."""

    def run(first, *second, measures=MEASURES, **more):
        judge(Rate='"calm"')
        write_case(MEASURES, {"tone": "calm"})
        assert run_here(*first).ret == 0
        judge(Rate='"angry"')
        write_case(measures, {"tone": "calm"}, **more)
        result = run_here(*second)
        result.assert_outcomes(failed=1)
        return [line for line in result.outlines if "recorded from" in line]

    return run


def test_the_judge_changed(compare):
    (line,) = compare(["--judge-model=old"], "--judge-model=new")

    assert line == (
        f"recorded from old on {TODAY}; the model changed since then "
        "(prompt, answer and schema are the same)"
    )


def test_the_prompt_changed(compare):
    measures = MEASURES.replace("Rate it.", "Rate all.")
    (line,) = compare(["--judge-model=old"], "--judge-model=old", measures=measures)

    assert f"recorded from old on {TODAY}; the prompt changed since then (" in line


def test_the_answer_changed(compare):
    (line,) = compare(["--judge-model=old"], "--judge-model=old", answer="Else.")

    assert "; the answer changed since then (" in line


def test_nothing_changed_but_the_judge_says_otherwise(compare):
    live = ("--judge-model=old", "--evalmd-mode=live")
    (line,) = compare(["--judge-model=old"], *live)

    assert line == f"recorded from old on {TODAY}; it was asked the same then"


def test_nothing_is_known(run_here, judge, write_case):
    judge(Rate='"angry"')
    write_case(MEASURES, {"tone": "calm"})

    result = run_here()

    result.assert_outcomes(failed=1)
    assert "recorded from" not in result.stdout.str()


def test_a_programmatic_measure_has_none(run_here, write_case):
    write_case(logic("size", "return 1;"), {"size": "2"})

    result = run_here()

    result.assert_outcomes(failed=1)
    assert "recorded from" not in result.stdout.str()
