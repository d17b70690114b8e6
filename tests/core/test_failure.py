"""How a failure reads."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pytest_evalmd.case.model import Measure
from pytest_evalmd.failure import (
    SHOWN_LINES,
    Failure,
    accept_command,
    diff,
    problem,
    votes_line,
)


def a_measure(**given: Any) -> Measure:
    keys = {"id": "m", "description": "m?", "type": "programmatic", "line": 1}
    return Measure(**(keys | given))


LONG = ",".join(f"name{n}" for n in range(30))


@pytest.mark.parametrize(
    ("measure", "recorded", "computed", "expected"),
    [
        ({}, "1", "2", "2 differs from the recorded 1"),
        ({}, "", "2", "no result is recorded; computed 2"),
        ({}, " \n", "a\nb", "no result is recorded; computed a b"),
        (
            {},
            "a b",
            "a  b ",
            "a b differs from the recorded a b (white space differs)",
        ),
        (
            {},
            LONG,
            LONG.replace("name20", "nameX"),
            "…7,name18,name19,nameX,name21,name22,name23,name24,name25,n… differs "
            "from the recorded "
            "…7,name18,name19,name20,name21,name22,name23,name24,name25,…",
        ),
        (
            {},
            LONG,
            f"{LONG},more",
            "…name27,name28,name29,more differs from the recorded …name27,name28,name29",
        ),
        (
            {"compare": "pattern"},
            "a{80}" + "b" * 80,
            "a{80}" + "c" * 80,
            f"a{{80}}{'c' * 54}… does not match the recorded pattern a{{80}}{'b' * 54}…",
        ),
        ({"compare": "superset"}, "a,b", "a", "a lacks some of the recorded a,b"),
        (
            {"compare": "within", "tolerance": 0.5},
            "1",
            "2",
            "2 is not within 0.5 of the recorded 1",
        ),
    ],
)
def test_problem(measure, recorded, computed, expected):
    found = problem(a_measure(**measure), recorded, computed)

    assert found == expected


@pytest.mark.parametrize(
    ("recorded", "computed", "expected"),
    [
        ("1", "2", ["- recorded: 1", "+ computed: 2"]),
        ("", "1", ["- recorded: nothing", "+ computed: 1"]),
        ("", "a\n-b", ["- recorded: nothing", "+ computed: a", "+ -b"]),
        (
            "a\nb",
            "a\nc",
            ["--- recorded", "+++ computed", "@@ -1,2 +1,2 @@", " a", "-b", "+c"],
        ),
        (
            "x" * 101,
            "y",
            ["--- recorded", "+++ computed", "@@ -1 +1 @@", "-" + "x" * 101, "+y"],
        ),
    ],
)
def test_diff(recorded, computed, expected):
    assert list(diff(recorded, computed)) == expected


@pytest.mark.parametrize(
    ("recorded", "computed"),
    [
        ("a" * 10**6, "b" * 10**6),
        ("", "b\n" * 10**5),
        (",".join(map(str, range(10**5))), ",".join(map(str, range(0, 2 * 10**5, 2)))),
        ("a,b," * 10**4, "b,a," * 10**4),
    ],
)
def test_a_huge_diff_is_cut_and_quick(recorded, computed):
    since = time.perf_counter()
    lines = diff(recorded, computed)

    assert time.perf_counter() - since < 5
    assert len(lines) <= SHOWN_LINES + 2
    assert sum(map(len, lines)) < 20_000
    assert len(problem(a_measure(), recorded, computed)) < 200


def test_the_whole_text_and_one_line():
    failure = Failure(
        measure_id="m",
        description="How many?",
        problem="2 differs from the recorded 1",
        path="a/case.md",
        line=7,
        details=("- recorded: 1", "+ computed: 2"),
        reason="counted\x1b[2J",
        provenance="recorded from gpt-x on 2026-11-20",
        next_step="to accept it: pytest",
    )
    bare = Failure(measure_id="m", description="d", problem="broken", path="p", line=1)

    assert failure.brief() == "a/case.md:7: 2 differs from the recorded 1"
    assert failure.text().split("\n") == [
        "m: How many?",
        "",
        "- recorded: 1",
        "+ computed: 2",
        "",
        "the judge's reason: counted\\x1b[2J",
        "",
        "recorded from gpt-x on 2026-11-20",
        "",
        "a/case.md:7: 2 differs from the recorded 1",
        "to accept it: pytest",
    ]
    assert bare.text() == "m: d\n\np:1: broken"


@pytest.mark.parametrize(
    ("node_id", "mode", "judge", "expected"),
    [
        ("a.md::m", "auto", None, "pytest a.md::m --update-results"),
        ("a b.md::m[x]", "auto", None, "pytest 'a b.md::m[x]' --update-results"),
        ("a.md::m", "off", None, "pytest a.md::m --update-results --evalmd-mode=off"),
        ("a.md::m", "auto", "gpt", "pytest a.md::m --update-results --judge-model=gpt"),
    ],
)
def test_accept_command(node_id, mode, judge, expected):
    assert accept_command(node_id, mode, judge) == expected


def test_accepting_a_new_answer():
    command = accept_command("a.md", "replay", None, "gpt new")

    assert command == (
        "pytest a.md --update-results --evalmd-mode=replay '--answer-model=gpt new'"
    )


@pytest.mark.parametrize(
    ("votes", "agreeing", "expected"),
    [
        ([], [], ""),
        (["7"], [False], ""),
        (
            ["7", "9", "7", "7"],
            [False, True, False, False],
            "votes: 7 · 9 · 7 · 7; 1 of 4 agree with the recorded result (best of 5)",
        ),
    ],
)
def test_votes(votes, agreeing, expected):
    assert votes_line(votes, agreeing, 5) == expected


def test_long_votes_are_cut():
    assert len(votes_line(["x" * 1000, "y"], [False, False], 5)) < 200


def test_what_a_failure_says_of_new_answers_and_votes():
    failure = Failure(
        measure_id="m",
        description="D",
        problem="4 differs from the recorded 9",
        path="a.md",
        line=3,
        attribution="recorded 9 -> the answer changed",
        votes="votes: 4 · 4 · 4",
        undecided="the server is down",
    )

    assert failure.text().split("\n") == [
        "m: D",
        "",
        "recorded 9 -> the answer changed",
        "",
        "votes: 4 · 4 · 4",
        "",
        "not asked again: the server is down",
        "",
        "a.md:3: 4 differs from the recorded 9",
    ]
