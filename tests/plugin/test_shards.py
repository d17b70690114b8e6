"""``--evalmd-shard``, and the whole run that its run files are joined to."""

from __future__ import annotations

import re

import pytest
from measures import ai, logic

from pytest_evalmd.cli import main


@pytest.fixture
def write_cases(write_case):
    """Write cases of different sizes; one measure differs from its result."""

    def write(count=7):
        for n in range(count):
            ids = [f"m{m}" for m in range(1 + n % 3)]
            text = "".join(logic(id_, f"return {n};") for id_ in ids)
            results = {id_: str(n) for id_ in ids}
            if n == 5:
                results["m1"] = "77"
            write_case(text, results, name=f"cases/{n}/case.md")

    return write


@pytest.fixture(params=[(), ("-n2",)], ids=["plain", "-n2"])
def run_shard(request, run_here):
    """Run pytest in one process, and with two workers."""
    return lambda *args: run_here(*args, *request.param)


def untimed(path):
    text = path.read_text(encoding="utf-8")
    return re.sub(r'"duration_s": [\d.]+', '"duration_s": 0', text)


def test_shards_make_the_whole_run(run_shard, write_cases, pytester, capsys):
    write_cases()
    assert run_shard("--evalmd-run=whole.json").ret == 1
    names = []
    outcomes = {"passed": 0, "failed": 0}
    for number in (1, 2, 3):
        names.append(f"{number}.json")
        result = run_shard(f"--evalmd-shard={number}/3", f"--evalmd-run={number}.json")
        result.stdout.fnmatch_lines([f"shard {number}/3: * of 7 cases"])
        for kind, count in result.parseoutcomes().items():
            if kind in outcomes:
                outcomes[kind] += count

    assert outcomes == {"passed": 12, "failed": 1}
    assert main(["merge", *names, "-o", "merged.json"]) == 0
    assert untimed(pytester.path / "merged.json") == untimed(
        pytester.path / "whole.json"
    )
    assert main(["compare", "whole.json", "merged.json"]) == 0
    assert main(["merge", *names[1:], "-o", "gap.json"]) == 1
    assert "no run file of shard 1/3 was given" in capsys.readouterr().err


def collected(result):
    return [line for line in result.outlines if "::" in line]


def test_the_split_is_the_same_elsewhere(run_here, write_cases, pytester, monkeypatch):
    write_cases()
    here = collected(run_here("--collect-only", "-q", "--evalmd-shard=2/3"))
    moved = pytester.path / "elsewhere"
    (pytester.path / "cases").rename(pytester.mkdir("elsewhere") / "cases")
    monkeypatch.chdir(moved)
    there = collected(
        run_here(
            "--collect-only", "-q", "--evalmd-shard=2/3", f"--rootdir={moved}", "cases"
        )
    )
    assert here == there
    assert 1 < len(here) < 13


def test_a_case_stays_whole_and_requests_weigh(run_here, judge, write_case):
    judge()
    write_case(ai("a"), {}, name="few_requests.md")
    write_case("".join(ai(f"a{n}") for n in range(4)), {}, name="many_requests.md")
    for n in range(9):
        write_case(logic("a", "return 1;") + logic("b", "return 1;"), name=f"l{n}.md")

    def files(*args):
        lines = collected(run_here("--collect-only", "-q", *args))
        return [line.partition("::")[0] for line in lines]

    heavy = set(files("--evalmd-shard=1/2"))
    light = set(files("--evalmd-shard=2/2"))
    assert heavy == {"many_requests.md"}
    assert "few_requests.md" in light
    assert len(light) == 10
    # Remembered replies take no longer than other measures.
    replayed = files("--evalmd-shard=1/2", "--evalmd-mode=replay")
    assert 10 <= len(replayed) <= 13


def test_what_is_split_is_what_is_selected(run_here, write_cases, pytester):
    write_cases()
    pytester.makepyfile("def test_other(): pass")
    found = [
        collected(
            run_here("--collect-only", "-q", f"--evalmd-shard={k}/2", "-k", "m1 or oth")
        )
        for k in (1, 2)
    ]
    measures = [[line for line in lines if ".md" in line] for lines in found]
    assert list(map(len, measures)) == [2, 2]
    assert not set(measures[0]) & set(measures[1])
    # Other tests are not cases: every shard has them.
    assert all("test_other" in str(lines) for lines in found)


def test_node_ids_can_be_split(run_here, write_cases):
    write_cases()
    result = run_here("--evalmd-shard=1/2", "cases/2/case.md::m1", "cases/1/case.md")
    result.assert_outcomes(passed=2, deselected=1)


@pytest.mark.parametrize("with_others", [False, True])
def test_an_empty_shard_is_an_error(run_shard, write_cases, pytester, with_others):
    write_cases(2)
    if with_others:
        pytester.makepyfile("def test_other(): pass")

    result = run_shard("--evalmd-shard=3/3", "--evalmd-run=run.json")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(
        ["shard 3/3: 0 of 2 cases; nothing was checked: expected at most 2 shards"]
    )
    assert result.parseoutcomes().get("passed", 0) == with_others


def test_no_case_at_all_is_an_error(run_here, write_cases, pytester):
    write_cases(2)
    pytester.makepyfile("def test_other(): pass")
    result = run_here("--evalmd-shard=1/3", "-k", "test_other")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["shard 1/3: 0 of 0 cases; * none selected"])


def test_a_case_that_cannot_be_read_fails_every_shard(run_here, write_cases, pytester):
    write_cases(4)
    broken = pytester.path / "cases/0/case.md"
    broken.write_text(broken.read_text().replace("type: prog", "typ: prog"))
    for number in (1, 2, 3):
        result = run_here(f"--evalmd-shard={number}/3")
        assert result.ret not in (0, pytest.ExitCode.NO_TESTS_COLLECTED)
        result.stdout.fnmatch_lines(["ERROR cases/0/case.md*"])


def test_a_run_that_stops_early_leaves_a_gap(run_here, write_cases, capsys):
    write_cases()
    for number in (1, 2):
        run_here("-x", f"--evalmd-shard={number}/2", f"--evalmd-run={number}.json")

    assert main(["merge", "1.json", "2.json", "-o", "merged.json"]) == 1
    assert "it ended early or lost a worker" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--evalmd-shard=3/2"],
            "--evalmd-shard: got '3/2'; expected K/N such as 2/5*",
        ),
        (
            ["--evalmd-shard=1/2", "--evalmd-baseline=b.json"],
            "--evalmd-baseline: a shard is only part of a run; join*evalmd merge*",
        ),
    ],
)
def test_shards_that_make_no_sense(run_here, arguments, said):
    result = run_here(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])


def test_updating_shards_updates_what_one_run_would(run_here, write_cases):
    write_cases()
    for number in (1, 2):
        result = run_here("--update-results", f"--evalmd-shard={number}/2")
        assert result.ret == 0
    assert run_here().ret == 0
