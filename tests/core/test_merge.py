"""Run files of shards, joined: ``evalmd merge``."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.cli import main
from pytest_evalmd.verdict.merge import MergeError, merge_runs
from pytest_evalmd.verdict.runfile import read_whole_run
from pytest_evalmd.verdict.runs import (
    Run,
    RunCase,
    RunHead,
    RunOptions,
    RunResult,
    write_run,
)
from pytest_evalmd.verdict.shard import Shard, selection_digest, split

HEAD = RunHead(plugin="0.1.0", date="2026-11-20", options=RunOptions(mode="replay"))


def whole(count, measures=2):
    cases = [f"c{n}.md" for n in range(count)]
    return Run(
        head=HEAD,
        results=[
            RunResult(
                case=case,
                measure=f"m{m}",
                type="ai",
                outcome="passed" if n % 3 else "failed",
                output=float(m),
                output_text=str(m),
                duration_s=0.25,
            )
            for n, case in enumerate(cases)
            for m in range(measures)
        ],
        cases=[RunCase(case=case, query="Q", answer="A") for case in cases],
    )


def shards_of(run, count):
    """Give the runs that the shards of a run would be."""
    numbers = split({case.case: 1 for case in run.cases}, count)
    digest = selection_digest(one.place for one in run.results)
    found = []
    for number in range(1, count + 1):
        results = [one for one in run.results if numbers[one.case] == number]
        shard = Shard(
            number=number,
            count=count,
            selected=len(results),
            total=len(run.results),
            digest=digest,
        )
        options = replace(run.head.options, shard=shard)
        cases = [one for one in run.cases if numbers[one.case] == number]
        head = replace(run.head, options=options)
        found.append(Run(head=head, results=results, cases=cases))
    return found


def named(runs):
    return [(f"{n}.json", run) for n, run in enumerate(runs, 1)]


def with_options(run, **options):
    changed = replace(run.head.options, **options)
    return replace(run, head=replace(run.head, options=changed))


def with_shard(run, **fields):
    return with_options(run, shard=replace(run.head.options.shard, **fields))


def problem(*runs):
    with pytest.raises(MergeError) as caught:
        merge_runs(named(runs))
    return str(caught.value)


@given(st.integers(1, 9), st.integers(1, 9), st.randoms())
def test_shards_make_the_whole_run_byte_for_byte(cases, count, chance):
    run = whole(cases)
    shards = [read_whole_run([write_run(one)]) for one in shards_of(run, count)]
    chance.shuffle(shards)
    assert write_run(merge_runs(named(shards))) == write_run(run)


def test_the_date_is_that_of_the_last_one():
    one, two = shards_of(whole(2), 2)
    late = replace(two, head=replace(two.head, date="2026-11-21"))
    assert merge_runs(named([one, late])).head.date == "2026-11-21"


@pytest.mark.fault(
    "the run file of a shard is missing",
    sees=("no run file of shard 3/15 was given",),
    keeps="the run files; nothing is written",
)
def test_a_gap_is_refused():
    shards = shards_of(whole(30), 15)
    assert problem(*shards[:2], *shards[3:]) == "no run file of shard 3/15 was given"
    assert problem(shards[14]).endswith("8/15, 9/15, 10/15 and 4 more was given")


def test_an_overlap_is_refused():
    one, two = shards_of(whole(4), 2)
    assert problem(one, two, one) == (
        "3.json: is shard 1/2, and so is 1.json; give each shard once"
    )
    twice = with_shard(replace(two, results=one.results), selected=len(one.results))
    assert problem(one, twice) == "2.json: c0.md::m0 is in 1.json, too"


@pytest.mark.fault(
    "a shard's run ended early or lost a worker",
    sees=("it ended early or lost a worker",),
    keeps="the run files; nothing is written, since what is missing would pass for measured",
)
def test_what_is_missing_within_a_shard_is_refused():
    one, two = shards_of(whole(4), 2)
    assert problem(one, replace(two, results=two.results[1:])) == (
        "2.json: holds 3 of the 4 results of shard 2/2; it ended early or lost a "
        "worker: run that shard again"
    )


def test_results_of_other_items_are_refused():
    one, two = shards_of(whole(4), 2)
    first = replace(two.results[0], measure="other")
    changed = replace(two, results=[first, *two.results[1:]])
    assert problem(one, changed).startswith("the results are not those that were dealt")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: with_options(run, shard=None), "2.json: is no shard of a run"),
        (
            lambda run: with_shard(run, count=3),
            "2.json: is shard 2/3, but 1.json is shard 1/2",
        ),
        (
            lambda run: with_options(run, judge_model="\x1bx"),
            "2.json: the option judge_model is \\x1bx, but None in 1.json",
        ),
        (lambda run: with_options(run, mode="live"), "2.json: the option mode is live"),
        (
            lambda run: replace(run, head=replace(run.head, plugin="9")),
            "2.json: the version of pytest-evalmd is 9, but 0.1.0 in 1.json",
        ),
        (
            lambda run: with_shard(run, digest="", total=0),
            "2.json: what was split is 0 items (digest missing), but 8 items",
        ),
    ],
)
def test_shards_of_different_runs_are_refused(change, said):
    one, two = shards_of(whole(4), 2)
    assert problem(one, change(two)).startswith(said)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, run in named(shards_of(whole(4), 2)):
        (tmp_path / name).write_text(write_run(run), encoding="utf-8")
    return tmp_path


def test_the_command(folder, capsys):
    assert main(["merge", "2.json", "1.json", "-o", "out/run.json"]) == 0
    assert capsys.readouterr().out == "out/run.json: 8 results of 2 shards\n"
    text = (folder / "out/run.json").read_text(encoding="utf-8")
    assert text == write_run(whole(4))
    assert main(["compare", "out/run.json", "out/run.json"]) == 0


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["1.json"], 1, "no run file of shard 2/2 was given"),
        (["1.json", "gone.json"], 2, "gone.json: can't be read: No such file"),
        (["1.json", "bad.json"], 2, "bad.json: shard: got 3/2; expected K/N"),
        (["1.json", "huge.json"], 2, "huge.json: shard: got 1/1000000000; expected"),
        (["1.json", "2.json", "-o", "./2.json"], 2, "2.json: is one of the shards"),
        (["1.json", "2.json", "-o", "1.json/x"], 2, "1.json/x: can't be written: "),
    ],
)
def test_what_the_command_refuses(folder, capsys, arguments, status, said):
    for name, numbers in (("bad", (3, 2)), ("huge", (1, 10**9))):
        document = json.loads((folder / "2.json").read_text(encoding="utf-8"))
        shard = document["options"]["shard"]
        shard["number"], shard["count"] = numbers
        (folder / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    before = {path: path.read_bytes() for path in folder.iterdir()}

    assert main(["merge", "-o", "run.json", *arguments]) == status

    assert capsys.readouterr().err.startswith(said)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_a_shard_is_not_compared_with_a_whole_run(folder, capsys):
    (folder / "run.json").write_text(write_run(whole(4)), encoding="utf-8")

    assert main(["compare", "run.json", "2.json"]) == 2
    assert capsys.readouterr().err == (
        "2.json: is shard 2/2, but the base is a whole run; join the shards of each "
        "with evalmd merge\n"
    )
    assert main(["compare", "1.json", "2.json"]) == 2
    assert main(["compare", "2.json", "2.json"]) == 0
