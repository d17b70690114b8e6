"""Gathers what every item found; one process writes the changes, once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.options import OPTIONS

if TYPE_CHECKING:
    from pytest_evalmd.outcome import Change, Outcome


class Results:
    """The outcomes of a run, in the one process that may write."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self._plain: dict[tuple[str, str], dict[str, Any]] = {}
        """Outcomes as reports, which live anyway, hold them: by path and node id; a
        rerun takes the place of the run before it."""
        self.skipped_by_judge = 0
        """How many measures that would have asked a judge were skipped."""
        self.updated: list[str] = []
        self.not_written: list[str] = []
        self.stale: set[str] = set()
        """Paths of cases that not all of what was found could be written into."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of what became of an item, here or on a worker."""
        plain = getattr(report, "evalmd", None)
        if plain is not None:
            self._plain[plain["path"], report.nodeid] = plain
            if plain["kind"] == "skipped" and "ai" in report.keywords:
                self.skipped_by_judge += 1

    def outcomes(self) -> Iterator[tuple[str, Outcome]]:
        """Give all outcomes with their node ids, by path and node id."""
        if not self._plain:
            return  # and nothing to import for it
        from pytest_evalmd.outcome import Outcome

        for (_, node_id), plain in sorted(self._plain.items(), key=_by_place):
            yield node_id, Outcome.from_plain(plain)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the changes; a run that wrote or checked too little is not green."""
        self._write()
        if session.exitstatus == pytest.ExitCode.OK and (
            self.not_written or self.nothing_checked
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """List what was written, what was not, and a run that checked nothing."""
        tr = terminalreporter
        if self.updated:
            tr.section("results updated")
            for line in self.updated:
                tr.line(line, green=True)
        if any("votes" in one or "answer" in one for one in self._plain.values()):
            self._say_sections(tr)
        if self.not_written:
            tr.section("results NOT written")
            for line in self.not_written:
                tr.line(line, red=True)
        if self.nothing_checked:
            tr.section("nothing was checked")
            tr.line(self._why_nothing(), red=True)

    def _say_sections(self, tr: pytest.TerminalReporter) -> None:
        from pytest_evalmd.summary import sections

        for title, lines in sections(self.outcomes()):
            tr.section(title)
            for line in lines:
                tr.line(line)

    @property
    def nothing_checked(self) -> bool:
        """Whether measures were selected and none was held against anything."""
        if self.config.getoption("setuponly", default=False):
            return False
        return {plain["kind"] for plain in self._plain.values()} == {"skipped"}

    def _why_nothing(self) -> str:
        one = len(self._plain) == 1
        selected = (
            "1 measure was selected and skipped"
            if one
            else f"{len(self._plain)} measures were selected and all were skipped"
        )
        return f"{selected}, so this run checked no answer (-rs shows why)"

    def _write(self) -> None:
        """Write all changes, each file once; not those that clients disagree on."""
        if not self.config.stash[OPTIONS].update_results:
            return
        by_path: dict[Path, list[Outcome]] = {}
        for _, one in self.outcomes():
            by_path.setdefault(Path(one.path).resolve(), []).append(one)
        for outcomes in by_path.values():
            self._write_case(Path(outcomes[0].path), outcomes)

    def _write_case(self, path: Path, outcomes: list[Outcome]) -> None:
        from pytest_evalmd.rewriting import rewrite

        shown = relative(path, self.config)
        changes = list(self._agreed(outcomes))
        answer = next((one.answer for one in outcomes if one.answer), None)
        if not (changes or answer):
            return
        lines, problem = rewrite(path, changes, answer, _done(outcomes, changes))
        self.updated += [f"{shown}:{line}" for line in lines]
        if problem:
            self.stale.update(one.path for one in outcomes)
            self.not_written.append(f"{shown}: {problem}")

    def _agreed(self, all_outcomes: list[Outcome]) -> Iterator[Change]:
        """Give the changes that no other item of the same measure speaks against."""
        by_measure: dict[tuple[str, str], list[Outcome]] = {}
        for one in all_outcomes:
            by_measure.setdefault((one.path, one.measure_id), []).append(one)
        for (path, measure_id), outcomes in by_measure.items():
            changes = [one.change for one in outcomes if one.change is not None]
            news = {change.new for change in changes}
            if len(news) > 1 or (news and any(o.kind == "passed" for o in outcomes)):
                self.stale.add(path)
                node_id = f"{relative(Path(path), self.config)}::{measure_id}"
                self.not_written.append(
                    f"{node_id}: clients disagree, so nothing is written for it; "
                    f"accept one of them by its id, such as '{node_id}[...]'"
                )
            else:
                yield from changes[:1]


class Updates:
    """Shows an updated result as such; it counts as passed."""

    def pytest_report_teststatus(
        self, report: pytest.TestReport | pytest.CollectReport
    ) -> tuple[str, str, str] | None:
        """Say how a report counts, in how short and in how long words."""
        outcome = getattr(report, "evalmd", None)
        if outcome is not None and outcome["kind"] == "updated" and report.passed:
            return "passed", "u", "UPDATED"
        return None


def _done(outcomes: list[Outcome], changes: list[Change]) -> set[str]:
    """Give the measures whose results hold, or are to be written, for every client."""
    written = {change.measure_id for change in changes}
    open_ = {
        one.measure_id
        for one in outcomes
        if one.kind not in ("passed", "updated")
        or (one.change and one.measure_id not in written)
    }
    return {one.measure_id for one in outcomes} - open_


def _by_place(item: tuple[tuple[str, str], object]) -> tuple[str, str]:
    return item[0]


def relative(path: Path, config: pytest.Config) -> str:
    """Give a path as the user would type it."""
    try:
        return os.path.relpath(path, config.invocation_params.dir)
    except ValueError:  # another drive on Windows
        return str(path)
