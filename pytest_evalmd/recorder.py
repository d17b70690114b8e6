"""Run files: writes what a run found, and holds it against an earlier one."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.comparing import provenance_of
from pytest_evalmd.crashed import crashed_result
from pytest_evalmd.files import write_atomically
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.spool import NotRememberedError, check_no_secret
from pytest_evalmd.options import OPTIONS
from pytest_evalmd.report.terminal import write_terminal
from pytest_evalmd.session import Results, relative
from pytest_evalmd.verdict.compare import write_output
from pytest_evalmd.verdict.gate import decide, read_gate
from pytest_evalmd.verdict.jsonstream import RunFileError
from pytest_evalmd.verdict.paired import compare_runs
from pytest_evalmd.verdict.runfile import read_run
from pytest_evalmd.verdict.runs import (
    Run,
    RunCase,
    RunHead,
    RunOptions,
    RunResult,
    write_run,
)

if TYPE_CHECKING:
    from pytest_evalmd.item import MeasureItem
    from pytest_evalmd.outcome import Outcome


def place_of(item: MeasureItem) -> tuple[str, str, str]:
    """Give the ``place`` of an item's result."""
    variant = item.name.partition("[")[2].removesuffix("]")
    return item.file.nodeid, item.measure.id, variant


def result_of(item: MeasureItem, outcome: Outcome, problem: str) -> dict[str, Any]:
    """Give what a run file says of an item, in builtin types for xdist."""
    case, measure, settled = item.file.case, item.measure, item.settled
    found = settled.output if settled else None
    recorded, text = case.recorded.get(measure.id), case.result_text(measure.id)
    judged = found.judged if found else None
    cost = settled.cost if settled and judged else None
    path, measure_id, variant = place_of(item)
    result = RunResult(
        case=path,
        measure=measure_id,
        variant=variant,
        description=measure.description,
        line=case.result_line(measure.id),
        type=measure.type,
        outcome=outcome.kind,
        answer_model=item.answer_model or None,
        judge_model=judged.question.model if judged else None,
        output=found.value if found else None,
        output_text=write_output(measure, found.value) if found else None,
        recorded_text=text,
        human_text=recorded.human.text if recorded and recorded.human else "",
        reason=judged.reason if judged else "",
        provenance=_recorded_from(item, outcome),
        problem=problem if outcome.kind in ("error", "blocked") else "",
        tags=case.tags,
        keys=outcome.keys,
        votes=outcome.votes,
        attribution=outcome.attribution,
        today_text=outcome.today_text,
        usage=Usage(
            asked=cost.tokens_asked,
            answered=cost.tokens_answered,
            cached=cost.tokens_cached,
        )
        if cost
        else Usage(),
        duration_s=item.took_s,
    )
    return asdict(result)


def _recorded_from(item: MeasureItem, outcome: Outcome) -> str:
    """Say how a recorded result came about; a reply of this run did not bring it."""
    if item.settled is None:
        return ""
    fresh = item.measuring.judging.replies(item.path).fresh
    if outcome.kind == "passed" and not fresh.isdisjoint(outcome.keys):
        return ""
    return provenance_of(item, item.settled.output)


_SENT = pytest.StashKey[bool]()
"""Set once a report of this process carried the texts of a case file."""


def texts_of(item: MeasureItem) -> dict[str, Any] | None:
    """Give the texts of an item's case as they are measured, once a process.

    They travel with a report, since the file may hold others once the run has ended.

    Returns:
        them in builtin types for xdist; ``None`` if an earlier report carried them.
    """
    if item.file.stash.get(_SENT, False):
        return None
    item.file.stash[_SENT] = True
    case = item.file.case
    return asdict(
        RunCase(
            case=item.file.nodeid,
            query=case.query.text,
            answer=case.answer.text if case.answered else "",
            model=case.model or "",
            tags=case.tags,
            measures=tuple(
                one.id for one in sorted(case.measures.values(), key=lambda m: m.line)
            ),
        )
    )


class RunRecorder:
    """Gathers the results of all processes; writes and compares them at the end."""

    def __init__(self, config: pytest.Config, gathered: Results) -> None:
        self.config, self.gathered = config, gathered
        self.options = config.stash[OPTIONS]
        self.gate = read_gate(self.options.gate)
        self.results: dict[str, RunResult] = {}
        """By node id; a rerun takes the place of the run before it."""
        self.cases: dict[str, RunCase] = {}
        self.answers: dict[str, dict[str, str]] = {}
        """The new answers of each case, by model."""
        self.lines: list[str] = []
        self.problems: list[str] = []
        self._failed_measures = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a result; count the failures that the gate decides about."""
        plain: Mapping[str, Any] | None = getattr(report, "evalmd_result", None)
        if plain is not None:
            self.results[report.nodeid] = RunResult(
                **{**plain, "usage": Usage(**plain["usage"])}
            )
            if answer := report.evalmd.get("answer"):
                answers = self.answers.setdefault(plain["case"], {})
                answers[answer["model"]] = answer["text"]
        elif crashed := crashed_result(self.config.rootpath, report):
            self.results[report.nodeid] = crashed
        if texts := getattr(report, "evalmd_case", None):
            self.cases[texts["case"]] = RunCase(**texts)
        decided = plain is not None and plain["outcome"] != "skipped"
        if report.failed and decided:
            self._failed_measures += 1

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the run file and let the gate decide."""
        if self.config.option.collectonly:
            return
        run = self.run()
        if self.options.run_file is not None:
            self._write(self.options.run_file, run)
        failed = self._compare(run) if self.options.baseline is not None else None
        if self.problems or failed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        elif failed is False and self._gate_decides(session):
            session.exitstatus = pytest.ExitCode.OK

    def run(self) -> Run:
        """Give all that was found so far."""
        return Run(
            head=self._head(),
            results=[*self.results.values()],
            cases=[
                replace(one, answers=self.answers.get(one.case, {}))
                for one in self.cases.values()
            ],
        )

    def _gate_decides(self, session: pytest.Session) -> bool:
        """Tell whether nothing but the results of measures failed, in a whole run.

        A measure or a case file that can't be computed or read, a result that can't be
        written, a test of another kind or a coverage that is too low fail a run whatever a
        gate says of measures.
        """
        return (
            self.gate.kind != "any"
            and not self._not_computed
            and session.exitstatus == pytest.ExitCode.TESTS_FAILED
            and session.testsfailed == self._failed_measures
            and not (session.shouldfail or session.shouldstop)
            and not self.gathered.not_written
            and not self.gathered.nothing_checked
        )

    @property
    def _not_computed(self) -> bool:
        kinds = {result.outcome for result in self.results.values()}
        return not kinds.isdisjoint(("error", "blocked"))

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say what was compared, and what could not be written or read."""
        if self.lines or self.problems:
            terminalreporter.section("against the baseline")
        for line in self.lines:
            terminalreporter.line(line)
        for line in self.problems:
            terminalreporter.line(line, red=True)

    def _head(self) -> RunHead:
        from importlib.metadata import version

        options = self.options
        sharding = self.config.pluginmanager.get_plugin("evalmd-shard")
        return RunHead(
            plugin=version("pytest-evalmd"),
            date=datetime.date.today().isoformat(),
            options=RunOptions(
                mode=options.mode,
                judge_model=options.judge_model or options.default_judge_model,
                answer_models=options.answer_models,
                confirm=0 if options.mode == "off" else options.confirm,
                update_results=options.update_results,
                shard=sharding.shard if sharding else None,
            ),
        )

    def _write(self, path: Path, run: Run) -> None:
        text = write_run(run)
        shown = relative(path, self.config)
        try:
            check_no_secret(text, environment_keys())
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text.encode())
        except NotRememberedError as error:
            self.problems.append(f"{shown}: not written: {error}")
        except OSError as error:
            self.problems.append(f"{shown}: not written: {error.strerror or error}")

    def _compare(self, run: Run) -> bool:
        """Hold the run against the baseline; tell whether the gate shuts."""
        path = self.options.baseline
        assert path is not None
        try:
            with path.open(encoding="utf-8") as file:
                head, results = read_run(file)
                comparison = compare_runs(results, run.results)
        except (OSError, UnicodeDecodeError, RunFileError) as error:
            self.problems.append(f"{relative(path, self.config)}: {error}")
            return True
        decision = decide(comparison, self.gate)
        text = write_terminal((head, run.head), comparison, decision)
        self.lines = text.rstrip("\n").split("\n")
        return decision.failed
