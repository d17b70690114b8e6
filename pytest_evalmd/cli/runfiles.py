"""Run files named on a command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pytest_evalmd.verdict.jsonstream import RunFileError
from pytest_evalmd.verdict.runfile import read_run, read_whole_run
from pytest_evalmd.verdict.runs import Run, RunHead, RunResult

PIECE = 2**18
"""Characters that are read of a file at once."""


class UnreadableError(Exception):
    """A run file can't be read, or not for this; says which, and why."""


def read_results(path: Path) -> tuple[RunHead, Iterator[RunResult]]:
    """Open a run file; reading on raises the same.

    Raises:
        UnreadableError: it can't be read, or is no run file.
    """
    try:
        head, results = read_run(_pieces(path))
    except RunFileError as error:
        raise UnreadableError(f"{path}: {error}") from None
    return head, _results(path, results)


def read_whole(path: Path) -> Run:
    """Read a run file into memory.

    Raises:
        UnreadableError: it can't be read, or is no run file.
    """
    try:
        return read_whole_run(_pieces(path))
    except RunFileError as error:
        raise UnreadableError(f"{path}: {error}") from None


def check_same_part(path: Path, base: RunHead, candidate: RunHead) -> None:
    """Hold that two runs are whole ones, or the same shard.

    Raises:
        UnreadableError: one of them lacks what is in the other's shards.
    """
    parts = [str(head.options.shard or "a whole run") for head in (base, candidate)]
    if parts[0] != parts[1]:
        raise UnreadableError(
            f"{path}: is {_named(parts[1])}, but the base is {_named(parts[0])}; join "
            "the shards of each with evalmd merge"
        )


def _named(part: str) -> str:
    return f"shard {part}" if "/" in part else part


def _results(path: Path, results: Iterator[RunResult]) -> Iterator[RunResult]:
    try:
        yield from results
    except RunFileError as error:
        raise UnreadableError(f"{path}: {error}") from None


def _pieces(path: Path) -> Iterator[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while piece := file.read(PIECE):
                yield piece
    except UnicodeDecodeError:
        raise UnreadableError(f"{path}: not UTF-8") from None
    except OSError as error:
        why = error.strerror or error
        raise UnreadableError(f"{path}: can't be read: {why}") from None
