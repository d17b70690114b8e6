"""``evalmd merge``: join the run files of all shards to that of one run."""

from __future__ import annotations

import argparse
from pathlib import Path

from pytest_evalmd.case.problems import printable
from pytest_evalmd.cli.cases import say
from pytest_evalmd.cli.runfiles import UnreadableError, read_whole
from pytest_evalmd.files import write_atomically
from pytest_evalmd.verdict.merge import MergeError, merge_runs
from pytest_evalmd.verdict.runs import Run, write_run


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "merge",
        help="join the run files of all shards to that of one run",
        description="Join the files of pytest --evalmd-run that all shards of "
        "--evalmd-shard wrote: the result is what one run would have written. The exit "
        "status is 0 if that was written, 1 if the shards overlap, leave a gap or are of "
        "different runs, 2 if a file can't be read or written.",
    )
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a shard's run file"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="the run file to write",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Join the run files; gives the exit status."""
    try:
        runs = [(printable(str(path)), read_whole(path)) for path in arguments.runs]
        merged = merge_runs(runs)
        _write(arguments.output, merged, arguments.runs)
    except MergeError as error:
        say(str(error), error=True)
        return 1
    except UnreadableError as error:
        say(str(error), error=True)
        return 2
    shards = "1 shard" if len(runs) == 1 else f"{len(runs)} shards"
    output = printable(str(arguments.output))
    say(f"{output}: {len(merged.results)} results of {shards}")
    return 0


def _write(path: Path, run: Run, inputs: list[Path]) -> None:
    if any(path.exists() and path.samefile(one) for one in inputs):
        raise UnreadableError(f"{path}: is one of the shards; expected another file")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, write_run(run).encode())
    except OSError as error:
        why = error.strerror or error
        raise UnreadableError(f"{path}: can't be written: {why}") from None
