"""``evalmd compare``: what a run changed, and whether that is more than noise."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from pytest_evalmd.cli.cases import say
from pytest_evalmd.cli.runs import UnreadableError, pieces_of
from pytest_evalmd.report.markdown import write_markdown
from pytest_evalmd.report.plain import write_plain
from pytest_evalmd.report.terminal import write_terminal
from pytest_evalmd.verdict.gate import Gate, GateError, decide, read_gate
from pytest_evalmd.verdict.jsonstream import RunFileError
from pytest_evalmd.verdict.paired import compare_runs
from pytest_evalmd.verdict.runfile import read_run
from pytest_evalmd.verdict.runs import RunHead, RunResult

_FORMATS = {"terminal": write_terminal, "markdown": write_markdown, "json": write_plain}


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "compare",
        help="say what broke, healed and moved between two runs",
        description="Compare two files of pytest --evalmd-run: what broke, healed and "
        "moved, per measure and in all, and whether it is more than noise. The exit "
        "status is 0 if the gate lets it pass, 1 if not, 2 if a file can't be read.",
    )
    parser.add_argument("base", type=Path, help="the run file of the run before")
    parser.add_argument("candidate", type=Path, help="the run file to be judged")
    parser.add_argument(
        "--fail-on",
        type=_gate,
        default=Gate(),
        metavar="any|significant|RATE",
        help="what fails: any result that broke (default), getting worse by more than "
        "noise, or a pass rate under RATE, such as 0.95",
    )
    parser.add_argument(
        "--allow-errors",
        action="store_true",
        help="let results pass that can't be computed any more",
    )
    parser.add_argument("--format", choices=_FORMATS, default="terminal")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Compare; gives the exit status."""
    try:
        base_head, base = _read(arguments.base)
        candidate_head, candidate = _read(arguments.candidate)
        comparison = compare_runs(base, candidate)
    except UnreadableError as error:
        say(str(error), error=True)
        return 2
    gate = Gate(
        kind=arguments.fail_on.kind,
        rate=arguments.fail_on.rate,
        allow_errors=arguments.allow_errors,
    )
    decision = decide(comparison, gate)
    write = _FORMATS[arguments.format]
    _print(write((base_head, candidate_head), comparison, decision))
    return 1 if decision.failed else 0


def _gate(text: str) -> Gate:
    try:
        return read_gate(text)
    except GateError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _read(path: Path) -> tuple[RunHead, Iterator[RunResult]]:
    """Open a run file; reading on raises the same.

    Raises:
        UnreadableError: it can't be read, or is no run file.
    """
    try:
        head, results = read_run(pieces_of(path))
    except RunFileError as error:
        raise UnreadableError(f"{path}: {error}") from None
    return head, _results(path, results)


def _results(path: Path, results: Iterator[RunResult]) -> Iterator[RunResult]:
    try:
        yield from results
    except RunFileError as error:
        raise UnreadableError(f"{path}: {error}") from None


def _print(text: str) -> None:
    """Print, whatever the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    say(text.encode(encoding, "backslashreplace").decode(encoding).removesuffix("\n"))
