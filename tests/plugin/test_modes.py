"""Where ai outputs come from, and a run that checks nothing."""

from __future__ import annotations

import pytest
from measures import ai, logic

CHAIN = ai("names", output="list") + logic(
    "count", "return input.length;", input="names"
)
RESULTS = {"names": "Zuvira,Lomanta", "count": "2"}
SKIP = "no judge is asked with --evalmd-mode=off"


def test_auto_and_live_ask_and_off_does_not(run_here, pytester, judge, write_case):
    asked = judge(NAMES='["Zuvira", "Lomanta"]')
    write_case(CHAIN, RESULTS)

    run_here("--evalmd-mode=live").assert_outcomes(passed=2)
    assert asked() >= 1
    run_here("--evalmd-mode=auto").assert_outcomes(passed=2)

    before = asked()
    off = run_here("--evalmd-mode=off", "-rs", "-p", "no:cacheprovider")
    off.assert_outcomes(passed=1, skipped=1)
    off.stdout.fnmatch_lines([f"SKIPPED [[]1] case.md:17: {SKIP}"])
    pytester.makeini("[pytest]\nevalmd_mode = off\n")
    run_here().assert_outcomes(passed=1, skipped=1)
    assert asked() == before
    run_here("--evalmd-mode=live").assert_outcomes(passed=2)
    assert asked() > before


def test_off_checks_a_file_against_itself(run_here, write_case):
    measures = CHAIN + logic("first", "return input[0];", input="names")
    write_case(measures, RESULTS | {"count": "3", "first": "Zuvira"})

    result = run_here("--evalmd-mode=off")

    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "case.md:*: 2 differs from the recorded 3",
            "to accept it: pytest case.md::count --update-results --evalmd-mode=off",
        ]
    )


def test_off_with_inputs_that_are_not_recorded(run_here, write_case):
    write_case(CHAIN, {"count": "2"}, name="none.md")
    write_case(CHAIN, {"names": None, "count": "0"}, name="old.md")
    more = logic("twice", "return 2 * input;", input="size")
    write_case(
        ai("size", output="integer") + more, {"size": "big", "twice": "2"}, name="x.md"
    )

    result = run_here("--evalmd-mode=off")

    result.assert_outcomes(passed=1, skipped=3, errors=2)
    result.stdout.fnmatch_lines(
        [
            "none.md:*: *no result of names is recorded*",
            "x.md:*: *'big' is not an integer*",
        ]
    )
    assert "Traceback" not in result.stdout.str()


@pytest.mark.parametrize(
    ("args", "ini", "said"),
    [
        (["--evalmd-mode=never"], "", "*invalid choice: 'never'*"),
        ([], "evalmd_mode = never", "ERROR: evalmd_mode: got 'never'; expected one *"),
        ([], "evalmd_mode =", "ERROR: evalmd_mode: got ''; expected one of auto,*"),
    ],
)
def test_a_mode_that_there_is_not(run_here, pytester, args, ini, said):
    pytester.makeini(f"[pytest]\n{ini}\n")

    result = run_here(*args)

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([said])
    assert "Traceback" not in result.stderr.str()


def test_a_run_that_checks_nothing_is_not_green(run, write_case):
    write_case(CHAIN, name="unanswered.md", answer="")

    result = run("-rs")

    assert result.ret == 1
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(
        [
            "*= nothing was checked =*",
            "2 measures were selected and all were skipped, so this run checked *",
        ]
    )
    assert "not answered yet" in result.stdout.str()


def test_what_is_enough_to_be_green(run_here, pytester, write_case):
    write_case(CHAIN, RESULTS)

    only_ai = run_here("--evalmd-mode=off", "-m", "ai")
    nothing_selected = run_here("--evalmd-mode=off", "-k", "nope")
    checked = run_here("--evalmd-mode=off")

    assert only_ai.ret == 1
    only_ai.stdout.fnmatch_lines(["1 measure was selected and skipped, so *"])
    assert nothing_selected.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    assert "nothing was checked" not in nothing_selected.stdout.str()
    assert checked.ret == 0
    pytester.makepyfile("def test_python(): pass")
    mixed = run_here("--evalmd-mode=off")
    mixed.assert_outcomes(passed=2, skipped=1)
    assert mixed.ret == 0
    python = run_here("test_what_is_enough_to_be_green.py")
    assert python.ret == 0
