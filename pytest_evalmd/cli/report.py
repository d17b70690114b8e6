"""``evalmd report``: write what cases record, or what runs found, for people."""

from __future__ import annotations

import argparse
import datetime
import os
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from pathlib import Path

from pytest_evalmd.case.model import Case
from pytest_evalmd.case.problems import printable
from pytest_evalmd.cli.cases import find_cases, say
from pytest_evalmd.cli.runfiles import UnreadableError, read_whole
from pytest_evalmd.files import NotWrittenError, read_regular
from pytest_evalmd.judge.recordings import RecordingError, Remembered, read_recordings
from pytest_evalmd.judge.spool import recordings_path
from pytest_evalmd.publish import check_replaceable, check_suffix, publish
from pytest_evalmd.report.document import Report
from pytest_evalmd.report.gather import report_of_cases
from pytest_evalmd.report.joining import report_of_runs


class _UsageError(Exception):
    """The paths make no report; says why."""


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "report",
        help="write a report of cases or run files: HTML, Markdown or JSON",
        description="Write what cases record, or what the runs of pytest --evalmd-run "
        "found, as a report. The exit status is 1 if a case can't be read (the report "
        "says so, and is written), 2 if there is no report.",
    )
    parser.add_argument(
        "paths", nargs="+", type=Path, help="case files and folders, or run files"
    )
    parser.add_argument(
        "-o",
        dest="output",
        required=True,
        type=_output,
        metavar="FILE",
        help="report.html, report.md or report.json: the suffix says what is written",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the report; gives the exit status."""
    paths: Sequence[Path] = arguments.paths
    output: Path = arguments.output
    try:
        if output.resolve() in {path.resolve() for path in paths}:
            raise _UsageError(f"{output}: it is what the report is made of")
        check_replaceable(output)
        report = _report(paths)
        publish(report, output)
    except (_UsageError, UnreadableError) as error:
        return _refuse(str(error))
    except NotWrittenError as error:
        return _refuse(f"{output}: not written: {error}")
    for problem in report.problems:
        say(printable(problem), error=True)
    say(f"{output}: {_summary(report)}")
    return 1 if report.problems else 0


def _refuse(why: str) -> int:
    say(printable(why), error=True)
    return 2


def _output(text: str) -> Path:
    path = Path(text)
    try:
        check_suffix(path)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return path


def _report(paths: Sequence[Path]) -> Report:
    names = dict.fromkeys(path.resolve().stem for path in paths)
    title = f"Report of {', '.join(names)}"
    runs = [path for path in paths if path.suffix == ".json" and not path.is_dir()]
    if not runs:
        return _report_of_cases(paths, title)
    if len(runs) < len(paths):
        raise _UsageError("got both cases and run files; expected one kind")
    report = report_of_runs(
        [read_whole(path) for path in runs], title=title, plugin=_plugin()
    )
    if not report.questions:
        raise _UsageError("the run files hold no result")
    return report


def _report_of_cases(paths: Sequence[Path], title: str) -> Report:
    for path in paths:
        if not path.exists():
            raise _UsageError(f"{path}: no such file or folder")
    problems: list[str] = []
    files: dict[str, Path] = {}
    report = report_of_cases(
        _cases(paths, files, problems),
        title=title,
        date=datetime.date.today().isoformat(),
        plugin=_plugin(),
        replies=lambda path: _replies(files[path], problems),
        problems=problems,
    )
    if not report.questions and not problems:
        raise _UsageError("no case found")
    return report


def _cases(
    paths: Iterable[Path], files: dict[str, Path], problems: list[str]
) -> Iterator[tuple[str, Case]]:
    """Read each case once; notes the file of each by the path that is shown."""
    seen: set[Path] = set()
    for given in paths:
        for found in find_cases([given]):
            real = found.path.resolve()
            if real in seen:
                continue
            seen.add(real)
            problems += found.problems
            if found.case is not None:
                shown = _shown(found.path, given)
                files[shown] = found.path
                yield shown, found.case


def _shown(path: Path, given: Path) -> str:
    """Name a case file from here or, outside of here, from what was given."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - symlinks stay as they are
    base = Path.cwd()
    if not whole.is_relative_to(base):
        base = Path(os.path.abspath(given)).parent  # noqa: PTH100
    return whole.relative_to(base).as_posix()


def _replies(case: Path, problems: list[str]) -> Iterable[Remembered]:
    path = recordings_path(case)
    try:
        return read_recordings(read_regular(path).decode()).values()
    except FileNotFoundError:
        return ()
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        problems.append(f"{path}: can't be read: {error}")
        return ()


def _plugin() -> str:
    return version("pytest-evalmd")


def _summary(report: Report) -> str:
    answers = [answer for question in report.questions for answer in question.answers]
    counts = (
        (len(report.questions), "question"),
        (len(answers), "answer"),
        (sum(len(answer.measures) for answer in answers), "measure"),
    )
    return ", ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts)
