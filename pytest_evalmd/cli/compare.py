"""``evalmd compare``: what a run changed, and whether that is more than noise."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pytest_evalmd.cli.cases import say
from pytest_evalmd.cli.runfiles import UnreadableError, check_same_part, read_results
from pytest_evalmd.report.markdown import write_markdown
from pytest_evalmd.report.plain import write_plain
from pytest_evalmd.report.terminal import write_terminal
from pytest_evalmd.verdict.gate import Gate, GateError, decide, read_gate
from pytest_evalmd.verdict.paired import compare_runs

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
        base_head, base = read_results(arguments.base)
        candidate_head, candidate = read_results(arguments.candidate)
        check_same_part(arguments.candidate, base_head, candidate_head)
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


def _print(text: str) -> None:
    """Print, whatever the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    say(text.encode(encoding, "backslashreplace").decode(encoding).removesuffix("\n"))
