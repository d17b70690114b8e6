"""The run files of all shards, joined to that of the run that they are parts of; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

from pytest_evalmd.case.problems import printable
from pytest_evalmd.verdict.runs import Run, RunHead, RunOptions, RunResult
from pytest_evalmd.verdict.shard import Shard, selection_digest

SHOWN = 10
"""How many numbers of shards a message lists."""


class MergeError(Exception):
    """Run files are not the shards of one run; says why."""


def merge_runs(runs: Sequence[tuple[str, Run]]) -> Run:
    """Join the shards of a run: what it would have written in one piece.

    Args:
        runs: each with the name of its file, in any order; one or more.

    Raises:
        MergeError: they don't belong together, overlap, or leave a gap.
    """
    shards = [(name, _shard_of(name, run.head), run) for name, run in runs]
    _check_numbers([(name, shard) for name, shard, _ in shards])
    first, head = runs[0][0], runs[0][1].head
    for name, run in runs[1:]:
        _check_like((first, head), (name, run.head))
    for name, shard, run in shards:
        if len(run.results) != shard.selected:
            raise MergeError(
                f"{name}: holds {len(run.results)} of the {shard.selected} results of "
                f"shard {shard}; it ended early or lost a worker: run that shard again"
            )
    results = list(_joined(runs))
    if selection_digest(one.place for one in results) != shards[0][1].digest:
        raise MergeError("the results are not those that were dealt out to the shards")
    date = max(run.head.date for _, run in runs)
    options = replace(head.options, shard=None)
    return Run(
        head=replace(head, date=date, options=options),
        results=results,
        cases=[case for _, run in runs for case in run.cases],
    )


def _shard_of(name: str, head: RunHead) -> Shard:
    if head.options.shard is None:
        message = "is no shard of a run; expected files of --evalmd-shard=K/N"
        raise MergeError(f"{name}: {message} with --evalmd-run")
    return head.options.shard


def _check_numbers(shards: Sequence[tuple[str, Shard]]) -> None:
    first, expected = shards[0]
    seen: dict[int, str] = {}
    for name, shard in shards:
        if shard.count != expected.count:
            raise MergeError(
                f"{name}: is shard {shard}, but {first} is shard {expected}; expected "
                "shards of the same number"
            )
        if shard.number in seen:
            message = f"is shard {shard}, and so is {seen[shard.number]}"
            raise MergeError(f"{name}: {message}; give each shard once")
        seen[shard.number] = name
    if gaps := sorted(set(range(1, expected.count + 1)) - seen.keys()):
        listed = ", ".join(f"{number}/{expected.count}" for number in gaps[:SHOWN])
        more = f" and {len(gaps) - SHOWN} more" if len(gaps) > SHOWN else ""
        raise MergeError(f"no run file of shard {listed}{more} was given")


def _check_like(first: tuple[str, RunHead], other: tuple[str, RunHead]) -> None:
    """Hold that two shards are of the same run."""
    (first_name, one), (name, two) = first, other
    for what, here, there in _facts(one, two):
        if here != there:
            raise MergeError(
                f"{name}: {what} is {printable(str(there))}, but {printable(str(here))}"
                f" in {first_name}; expected shards of the same run"
            )


def _facts(one: RunHead, two: RunHead) -> Iterator[tuple[str, object, object]]:
    yield "the version of pytest-evalmd", one.plugin, two.plugin
    for field in fields(RunOptions):
        if field.name != "shard":
            here, there = (getattr(head.options, field.name) for head in (one, two))
            yield f"the option {field.name}", here, there
    shards = one.options.shard, two.options.shard
    here, there = (
        f"{shard.total} items (digest {shard.digest or 'missing'})"
        for shard in shards
        if shard is not None
    )
    yield "what was split", here, there


def _joined(runs: Sequence[tuple[str, Run]]) -> Iterator[RunResult]:
    found: dict[tuple[str, str, str], str] = {}
    for name, run in runs:
        for result in run.results:
            if result.place in found:
                item = printable("::".join(result.place).removesuffix("::"))
                raise MergeError(f"{name}: {item} is in {found[result.place]}, too")
            found[result.place] = name
            yield result
