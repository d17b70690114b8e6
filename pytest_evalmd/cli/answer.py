"""``evalmd answer``: put the queries of unanswered cases to models."""

from __future__ import annotations

import argparse
import asyncio
import concurrent.futures
import contextlib
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_evalmd.case.problems import got
from pytest_evalmd.cli.answering import FAILURES, Answering, Job, is_remembered
from pytest_evalmd.cli.cases import concurrency, find_cases, show
from pytest_evalmd.generate.names import MAX_BYTES, folded, name_problem, safe_name
from pytest_evalmd.judge.client import DEADLINE_S, OpenAIClient
from pytest_evalmd.judge.judging import Judging
from pytest_evalmd.judge.loop import BackgroundLoop
from pytest_evalmd.judge.scheduler import GRACE_S, Slots
from pytest_evalmd.judge.store import fold

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells know it."""
_LOOK_S = 0.1
"""How often the progress bar is brought up to date."""


@dataclass(slots=True)
class Plan:
    """What is to be answered."""

    wanted: int = 0
    """How many answers there shall be in the end."""
    jobs: list[Job] = field(default_factory=list)
    kept: int = 0
    """How many answers are there already."""
    folders: set[Path] = field(default_factory=set)
    """Where the unanswered cases are."""
    problems: list[str] = field(default_factory=list)


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "answer",
        help="put the queries of unanswered cases to models",
        description="Put the query of each case whose answer is empty, such as "
        "blank.md, to each model, and write the case with its answer to NAME.md "
        "beside it. Files that exist are kept, so that a run that ended early can be "
        "taken up. The exit status is 1 if an answer is missing in the end.",
        epilog="The server is that of OPENAI_BASE_URL and OPENAI_API_KEY.",
    )
    parser.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    parser.add_argument(
        "--model",
        action="append",
        required=True,
        dest="models",
        metavar="NAME",
        help="a model to ask; may be given several times",
    )
    parser.add_argument(
        "--concurrency",
        type=concurrency,
        default=8,
        metavar="N",
        help="requests in flight at once (default: 8)",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print what would be asked"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Answer; gives the exit status."""
    stems: dict[str, str] = {}
    for model in dict.fromkeys(arguments.models):
        if problem := _stem_problem(model, stems):
            show(f"--model: {problem}", error=True)
            return 2
    plan = _plan(arguments.cases, stems)
    if not plan.folders and not plan.problems:
        plan.problems.append("no case without an answer found")
    go = _dry_run if arguments.dry_run else _answer
    return go(plan, arguments.concurrency) or (1 if plan.problems else 0)


def _stem_problem(model: str, stems: dict[str, str]) -> str | None:
    """Add the name of a model's files to ``stems``, or say why that can't be."""
    stem = safe_name(model)
    if name_problem(stem):
        return f"{got(model)}; expected a name of 1 to {MAX_BYTES} bytes"
    for other, taken in stems.items():
        if folded(stem) == folded(taken):
            both = f"{other!r} and {model!r} would both be written to {stem}.md"
            return f"{both}; ask them for copies of the cases in other folders"
    stems[model] = stem
    return None


def _plan(paths: Iterable[Path], stems: Mapping[str, str]) -> Plan:
    """Find what there is to answer.

    Args:
        paths: of cases, and of folders that hold some.
        stems: the name of a model's files, by model.
    """
    plan = Plan()
    planned: dict[Path, Path] = {}
    for found in find_cases(paths):
        plan.problems += found.problems
        if found.case is None or found.case.answered or found.path in planned.values():
            continue
        plan.folders.add(found.path.parent)
        plan.wanted += len(stems)
        for model, stem in stems.items():
            target = found.path.with_name(f"{stem}.md")
            first = planned.setdefault(target, found.path)
            if first != found.path:
                plan.problems.append(
                    f"{found.path}: its answer would go to {target.name}, as that of "
                    f"{first.name}; put each case in a folder of its own"
                )
            elif not target.exists():
                plan.jobs.append(Job(found.path, target, model))
            elif _is_answered(target):
                plan.kept += 1
            else:
                problem = "is there without an answer, and is kept; delete or rename it"
                plan.problems.append(f"{target}: {problem}")
    return plan


def _is_answered(path: Path) -> bool:
    found = next(find_cases([path]), None)
    return bool(found and found.case and found.case.answered)


def _dry_run(plan: Plan, limit: int) -> int:
    judging, counts = _judging(limit), Counter[bool]()

    async def look() -> None:
        for job in plan.jobs:
            try:
                remembered = await is_remembered(judging, job)
            except FAILURES as error:
                plan.problems.append(job.problem(error))
                continue
            counts[remembered] += 1
            how = "remembered" if remembered else f"would be asked of {job.model}"
            show(f"{job.target}: {how}")

    asyncio.run(look())
    _show_problems(plan)
    show(f"{counts[False]} would be asked, {counts[True]} remembered, {plan.kept} kept")
    return 0


def _judging(limit: int) -> Judging:
    return Judging(
        mode="auto",
        run=uuid.uuid4().hex,
        parameters={},
        timeout_s=DEADLINE_S,
        slots=Slots(limit),
    )


def _answer(plan: Plan, limit: int) -> int:
    judging, client = _judging(limit), OpenAIClient()
    answering = Answering(judging, client, plan.jobs)
    loop = BackgroundLoop()
    loop.at_close(client.close)
    interrupted = False
    try:
        if plan.jobs:
            work = loop.submit(answering.work(limit))
            interrupted = not _wait(work, answering, client)
    finally:
        loop.close()
        plan.problems += [*answering.problems(), *_fold(plan, judging)]
    _show_problems(plan)
    facts = client.adaptations.items()
    for line in (f"{model}: {fact}" for model, those in facts for fact in those):
        show(line)
    show(judging.cost.line("answers") or "answers: 0 asked")
    missing = plan.wanted - plan.kept - answering.written
    show(f"{answering.written} written, {plan.kept} kept, {missing} missing")
    return INTERRUPTED if interrupted else 0


def _wait(
    work: concurrent.futures.Future[None], answering: Answering, client: OpenAIClient
) -> bool:
    """Wait until all is answered; tell whether nobody lost patience."""
    try:
        with _bar(len(answering.jobs)) as show_done:
            over = False
            while not over:
                over = bool(concurrent.futures.wait([work], timeout=_LOOK_S).done)
                show_done(answering.done, client.waiting_s())
            work.result()
    except KeyboardInterrupt:
        answering.stopped = True
        wait = f"waiting up to {GRACE_S:g} s for replies that were asked for"
        show(f"{wait} (Ctrl-C gives them up)", error=True)
        with contextlib.suppress(KeyboardInterrupt):
            concurrent.futures.wait([work], timeout=GRACE_S)
        return False
    return True


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[int, float], None]]:
    """Show how far it is, if a person watches."""
    if not sys.stderr.isatty():
        show(f"answers wanted: {total}", error=True)
        yield lambda done, waiting_s: None
        return
    from rich.console import Console  # only for people
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("answered"), BarColumn(), MofNCompleteColumn())
    note = TextColumn("{task.description}", markup=False)
    with Progress(*columns, note, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=total)

        def update(done: int, waiting_s: float) -> None:
            waiting = f"rate limit: {waiting_s:.0f} s" if waiting_s > 0 else ""
            progress.update(task, completed=done, description=waiting)

        yield update


def _fold(plan: Plan, judging: Judging) -> Iterator[str]:
    """Fold all spools, since a run that was killed may have left some.

    Yields:
        what could not be remembered, and why.
    """
    for line in judging.not_remembered:
        yield f"not remembered: {line}"
    for folder in sorted(plan.folders):
        for path, problem in fold(folder, {}, judging.keys).problems:
            yield f"not remembered: {path}: {problem}"


def _show_problems(plan: Plan) -> None:
    for problem in plan.problems:
        show(problem, error=True)
