"""``evalmd batch``: ask the judge by way of a provider's Batch API."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_evalmd.case.problems import printable
from pytest_evalmd.cli.cases import find_cases, say
from pytest_evalmd.judge.model import JudgeError

if TYPE_CHECKING:
    from pytest_evalmd.batch.provider import Provider
    from pytest_evalmd.batch.state import Batch
    from pytest_evalmd.batch.submitting import Submission
    from pytest_evalmd.batch.watching import Watch

BAD_USAGE = 2
"""The exit status where pytest refuses its configuration."""
UNDER_WAY = 3
"""The exit status while batches are not done."""


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "batch",
        help="ask the judge by way of a provider's Batch API",
        description="Ask for what the recordings lack at a batch's price, within 24 "
        "hours; the run afterwards is one with --evalmd-mode=replay (docs/batch.md).",
        epilog="The server is that of OPENAI_BASE_URL and OPENAI_API_KEY. What was "
        "submitted is remembered in __evalmd__/batches of the working directory.",
    )
    steps = parser.add_subparsers(dest="step", required=True)
    submit = steps.add_parser(
        "submit", help="submit every request that the recordings lack and that is known"
    )
    submit.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    submit.add_argument(
        "--judge-model",
        metavar="NAME",
        help="the model that judges, whatever a case says (default: as for pytest)",
    )
    submit.set_defaults(run=run_submit)
    for name, run, text in (
        ("status", run_status, "say how far batches are"),
        ("fetch", run_fetch, "put what came of batches that ended into the recordings"),
        ("cancel", run_cancel, "ask for nothing more; fetch what was answered then"),
    ):
        step = steps.add_parser(
            name,
            help=text,
            description=f"{text[0].upper()}{text[1:]}. The exit status is 1 if "
            f"something went wrong, else {UNDER_WAY} while a batch is not done.",
        )
        step.add_argument(
            "ids", nargs="*", metavar="ID", help="default: all that are not fetched"
        )
        step.set_defaults(run=run)


def run_submit(arguments: argparse.Namespace) -> int:
    """Submit; gives the exit status."""
    from pytest_evalmd.batch.folder import BatchFolder
    from pytest_evalmd.batch.project import measuring_for
    from pytest_evalmd.batch.provider import Provider
    from pytest_evalmd.batch.submitting import Submission

    options = [f"--judge-model={arguments.judge_model}"] * bool(arguments.judge_model)
    measuring = measuring_for([*options, *map(str, arguments.cases)])
    if measuring is None:
        return BAD_USAGE
    with closing(measuring), closing(Provider()) as provider:
        submission = Submission(
            folder=BatchFolder(Path.cwd()),
            measuring=measuring,
            provider=provider,
            say=_say,
            complain=_complain,
        )
        return _guarded(
            submission, lambda: submission.submit(find_cases(arguments.cases))
        )


def run_status(arguments: argparse.Namespace) -> int:
    """Say how far batches are; gives the exit status."""
    from pytest_evalmd.batch.provider import Provider
    from pytest_evalmd.batch.watching import Watch

    with closing(Provider()) as provider:
        watch = Watch(**_around(provider))
        status = _each(watch, arguments.ids, watch.look)
    if watch.ended:
        _say("next: evalmd batch fetch")
    return status


def run_cancel(arguments: argparse.Namespace) -> int:
    """Cancel; gives the exit status."""
    from pytest_evalmd.batch.provider import Provider
    from pytest_evalmd.batch.watching import Watch

    with closing(Provider()) as provider:
        watch = Watch(**_around(provider))
        return _each(watch, arguments.ids, watch.cancel)


def run_fetch(arguments: argparse.Namespace) -> int:
    """Fetch; gives the exit status."""
    from pytest_evalmd.batch.fetching import Fetching
    from pytest_evalmd.batch.project import measuring_for
    from pytest_evalmd.batch.provider import Provider

    measuring = measuring_for([])
    if measuring is None:
        return BAD_USAGE
    with closing(measuring), closing(Provider()) as provider:
        fetching = Fetching(measuring=measuring, **_around(provider))
        status = _each(fetching, arguments.ids, fetching.fetch)
    if fetching.blocked:
        _say(
            "next: evalmd batch submit, for the measures that waited for these replies"
        )
    return status


def _around(provider: Provider) -> dict[str, Any]:
    from pytest_evalmd.batch.folder import BatchFolder

    folder = BatchFolder(Path.cwd())
    return {
        "folder": folder,
        "provider": provider,
        "say": _say,
        "complain": _complain,
    }


def _each(watch: Watch, ids: list[str], do: Callable[[Batch], object]) -> int:
    """Do something with the batches that are meant; gives the exit status."""

    def run() -> None:
        batches, problems = watch.folder.load()
        for problem in problems:
            watch.fail(problem)
        known = {batch.id for batch in batches}
        for unknown in [id_ for id_ in ids if id_ not in known]:
            watch.fail(f"{unknown}: no batch of this folder; evalmd batch status")
        meant = [b for b in batches if (b.id in ids if ids else not b.fetched)]
        if not meant and not watch.failed:
            _say("no batch is under way here")
        for batch in meant:
            do(batch)

    status = _guarded(watch, run)
    return UNDER_WAY if not status and watch.under_way else status


def _guarded(what: Submission | Watch, run: Callable[[], None]) -> int:
    """Run a step; gives the exit status."""
    try:
        run()
    except (JudgeError, OSError) as error:
        what.fail(str(error))
    return 1 if what.failed else 0


def _say(line: str) -> None:
    say(printable(line))


def _complain(line: str) -> None:
    say(printable(line), error=True)
