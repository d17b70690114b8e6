"""``--evalmd-report``: writes what a run found for people, and tells GitHub."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.files import NotWrittenError
from pytest_evalmd.options import OPTIONS
from pytest_evalmd.publish import check_secrets, check_suffix, publish
from pytest_evalmd.report.document import Report
from pytest_evalmd.report.github import Annotation, write_annotations
from pytest_evalmd.report.joining import report_of_runs
from pytest_evalmd.report.markdown_report import write_markdown_report
from pytest_evalmd.session import relative

if TYPE_CHECKING:
    from pytest_evalmd.recorder import RunRecorder

GITHUB = "github"
"""The report that is no file."""
SUMMARY_LIMIT = 2**20
"""Bytes that GitHub takes of a step's summary; of more it shows nothing."""
_PROBLEM = re.compile(r"(.+?):(\d+): (.*)")
_SHOWN = 200


class Publisher:
    """Gathers what reports say beside results; writes them at the end."""

    def __init__(self, config: pytest.Config, recorder: RunRecorder) -> None:
        self.config, self.recorder = config, recorder
        names = config.stash[OPTIONS].reports
        self.on_github = GITHUB in names
        self.paths = _paths(config, names)
        self.unread: dict[str, None] = {}
        """Lines ``path:line: problem`` of case files; workers tell the same ones."""
        self.failures: dict[str, Annotation] = {}
        """By node id."""
        self.written: list[str] = []
        self.not_written: list[str] = []
        self.commands: list[str] = []

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Take note of case files that can't be read."""
        if report.failed and report.nodeid.endswith(".md"):
            self.unread |= dict.fromkeys(report.longreprtext.splitlines())

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of failures; a rerun takes the place of the run before it."""
        plain: dict[str, Any] | None = getattr(report, "evalmd_result", None)
        if plain is None:
            return
        self.failures.pop(report.nodeid, None)
        if report.failed:
            path, line, _ = report.location
            self.failures[report.nodeid] = Annotation(
                path=self._from_repository(self.config.rootpath / path),
                line=(line or 0) + 1,
                title=shorten(f"{_name(plain)}: {plain['description']}", _SHOWN),
                message="\n".join(_message(plain)),
            )

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the reports; a run whose report is missing is not green."""
        if self.config.option.collectonly:
            return
        report = report_of_runs(
            [self.recorder.run()],
            title=f"Report of {self.config.rootpath.name}",
            plugin=version("pytest-evalmd"),
            problems=self.unread,
        )
        for path in self.paths:
            self._try(relative(path, self.config), report, _to_file(path))
        if self.on_github:
            self._try("the job summary", report, self._to_github)
        if self.not_written and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say what was written, and what could not be."""
        tr = terminalreporter
        if self.commands:
            tr.section("annotations")
        for line in self.commands:
            tr.line(line)
        for name in self.written:
            tr.write_sep("-", f"report written: {name}")
        for problem in self.not_written:
            tr.line(problem, red=True)

    def _try(self, name: str, report: Report, write: Callable[[Report], bool]) -> None:
        try:
            if not report.questions and not report.problems:
                raise NotWrittenError("no case was run")
            if write(report):
                self.written.append(name)
        except NotWrittenError as error:
            self.not_written.append(f"{name}: not written: {error}")

    def _to_github(self, report: Report) -> bool:
        """Annotate, and append the job summary where GitHub asks for one."""
        check_secrets(report)
        found = [*self.failures.values(), *self._unread_cases()]
        self.commands = write_annotations(found)
        name = os.environ.get("GITHUB_STEP_SUMMARY")
        if name:
            _append_summary(Path(name), report)
        return bool(name)

    def _unread_cases(self) -> Iterator[Annotation]:
        for problem in self.unread:
            if match := _PROBLEM.fullmatch(problem):
                path, line, message = match.groups()
                yield Annotation(
                    path=self._from_repository(
                        self.config.invocation_params.dir / path
                    ),
                    line=int(line),
                    title="a case that can't be read",
                    message=message,
                )

    def _from_repository(self, path: Path) -> str:
        """Name a file as GitHub does."""
        root = os.environ.get("GITHUB_WORKSPACE") or str(self.config.rootpath)
        try:
            return Path(os.path.relpath(path, root)).as_posix()
        except ValueError:  # another drive on Windows
            return path.as_posix()


def _paths(config: pytest.Config, names: Iterable[str]) -> list[Path]:
    paths = [config.invocation_params.dir / name for name in names if name != GITHUB]
    try:
        for path in paths:
            check_suffix(path)
    except ValueError as error:
        message = f"--evalmd-report: {error}, or {GITHUB!r}"
        raise pytest.UsageError(message) from None
    return paths


def _to_file(path: Path) -> Callable[[Report], bool]:
    def write(report: Report) -> bool:
        publish(report, path)
        return True

    return write


def _name(plain: dict[str, Any]) -> str:
    """Name a measure as pytest does."""
    variant = f"[{plain['variant']}]" if plain["variant"] else ""
    return f"{plain['measure']}{variant}"


def _message(plain: dict[str, Any]) -> Iterator[str]:
    """Say how a measure failed."""
    if plain["problem"]:
        yield plain["problem"]
    if plain["output_text"] is not None:
        yield f"computed: {shorten(plain['output_text'], _SHOWN)}"
        recorded = shorten(plain["recorded_text"], _SHOWN)
        yield f"recorded: {recorded}" if recorded else "nothing is recorded"
    if plain["reason"]:
        yield f"the judge's reason: {shorten(plain['reason'], _SHOWN)}"


def _append_summary(path: Path, report: Report) -> None:
    """Append a report to GitHub's job summary, as much of it as there is room for.

    Raises:
        NotWrittenError: it can't be written, or there is no room.
    """
    try:
        taken = path.stat().st_size if path.exists() else 0
        text = write_markdown_report(report, limit=SUMMARY_LIMIT - taken)
        if taken + len(text.encode()) > SUMMARY_LIMIT:
            raise NotWrittenError("there is no room left in it: GitHub takes 1 MiB")
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise NotWrittenError(error.strerror or str(error)) from None
