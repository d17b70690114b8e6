"""Case files as pytest sees them: a file is a module, a measure is an item."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from types import ModuleType
from typing import Any, cast

import pytest

from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.case.values import Value
from pytest_evalmd.failure import Failure, accept_command, diff, problem
from pytest_evalmd.files import digest
from pytest_evalmd.logic.sandbox import LogicError
from pytest_evalmd.longrepr import FailureRepr, MeasureFailure
from pytest_evalmd.measuring import (
    Client,
    MeasureError,
    MeasureOutputs,
    Measuring,
    Output,
)
from pytest_evalmd.options import MEASURING, OPTIONS
from pytest_evalmd.outcome import Change, Kind, Outcome
from pytest_evalmd.session import relative
from pytest_evalmd.verdict.compare import accept, holds, write_output


def measure(request: pytest.FixtureRequest, measure_outputs: object) -> None:
    """Hold a measure's output against its recorded result."""
    request.node.check()


def measure_with_judge(
    request: pytest.FixtureRequest, measure_outputs: object, llm_client: object
) -> None:
    """Hold the output of a measure that may ask a judge against its result."""
    request.node.check()


TEMPLATES = (measure, measure_with_judge)
"""The functions that items call: plain ones, for plugins that look at them."""


class CaseFile(pytest.Module):
    """A case file.

    A module, because fixtures of module scope and plugins that group items by module
    need one; the module object stands for the file and holds nothing of a user's.
    """

    case: Case
    digest: str

    def _getobj(self) -> ModuleType:
        module = ModuleType(self.path.stem, f"The case {self.path.name}.")
        module.__file__ = str(self.path)
        vars(module).update({one.__name__: one for one in TEMPLATES})
        return module

    def istestfunction(self, obj: object, name: str) -> bool:
        """Take the functions that stand for measures as tests."""
        return obj in TEMPLATES

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Give an item a measure, inputs first.

        Raises:
            CollectError: all that is wrong with the file.
        """
        data = self.path.read_bytes()
        shown = relative(self.path, self.config)
        try:
            case = parse_case(decode(data))
        except CaseError as error:
            raise self.CollectError("\n".join(error.lines(shown))) from None
        if case is None:
            return []
        self.case, self.digest = case, digest(data)
        for tag in case.tags:
            self.config.addinivalue_line("markers", f"{tag}: a tag of a case")
            self.add_marker(tag)
        return list(self._items())

    def _items(self) -> Iterator[MeasureItem]:
        measuring = _measuring(self.config)
        made: dict[bool, list[pytest.Function]] = {}
        for one in self.case.measures.values():
            asks = measuring.needs_judge(self.case, one)
            if asks not in made:
                made[asks] = self._functions(measure_with_judge if asks else measure)
            for function in made[asks]:
                yield MeasureItem.of(function, one, measuring)

    def _functions(self, template: Any) -> list[pytest.Function]:  # noqa: ANN401
        """Make pytest's own items of a function: one, or one a fixture parameter."""
        found = self.ihook.pytest_pycollect_makeitem(
            collector=self, name=template.__name__, obj=template
        )
        return [item for item in found or () if isinstance(item, pytest.Function)]


class MeasureItem(pytest.Function):
    """A measure: set up by computing its output, run by comparing it."""

    file: CaseFile
    measure: Measure
    measuring: Measuring
    failure: Failure | None = None
    outcome: Outcome | None = None
    tried: bool = False

    @classmethod
    def of(
        cls, function: pytest.Function, measure: Measure, measuring: Measuring
    ) -> MeasureItem:
        """Make the item of a measure from pytest's item of a template function."""
        template = function.obj
        item: MeasureItem = cls.from_parent(
            function.parent,
            name=measure.id + function.name.removeprefix(template.__name__),
            callspec=getattr(function, "callspec", None),
            callobj=template,
            fixtureinfo=function._fixtureinfo,
            originalname=measure.id,
        )
        assert isinstance(function.parent, CaseFile)
        item.file, item.measure, item.measuring = function.parent, measure, measuring
        item.add_marker(measure.type)
        return item

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Locate the measure; pytest counts lines from 0."""
        return self.path, self.measure.line - 1, f"{self.path.name} [{self.name}]"

    def outputs(self, client: Client) -> MeasureOutputs:
        """Give the outputs of the case's measures."""
        return MeasureOutputs(self.measuring, str(self.path), self.file.case, client)

    def setup(self) -> None:
        """Set up the fixtures, then compute and compare: what can't be is an error.

        Raises:
            MeasureFailure: the measure can't be computed or compared.
        """
        self.outcome = self.failure = None
        self.not_measured = self._why_not()
        if self.not_measured:
            pytest.skip(self.not_measured)
        super().setup()
        if self.config.option.setuponly:
            return
        try:
            self.outcome = self._compare(self._compute())
        except (MeasureError, LogicError) as error:
            kind = error.outcome if isinstance(error, MeasureError) else "error"
            self.outcome = Outcome(kind=kind)
            problem, *details = str(error).split("\n")
            raise MeasureFailure(self._failure(problem, details=details)) from None

    def _why_not(self) -> str | None:
        if not self.file.case.answered:
            return "not answered yet"
        if self.measuring.options.mode == "off" and self.measure.type == "ai":
            return "no judge is asked with --evalmd-mode=off"
        return None

    def _compute(self) -> Output:
        again, self.tried = self.tried, True
        return self.measuring.output(
            str(self.path),
            self.file.case,
            self.measure,
            inputs=cast("Mapping[str, Value]", self.funcargs["measure_outputs"]),
            client=lambda: self.funcargs["llm_client"],
            again=again,
        )

    def _compare(self, found: Output) -> Outcome:
        recorded = self.file.case.result_text(self.measure.id)
        if holds(self.measure, recorded, found.value, self.measuring.matches):
            return Outcome(kind="passed")
        if self.measuring.options.update_results:
            new = accept(self.measure, recorded, found.value)
            return Outcome(kind="updated", change=self._change(recorded, new))
        self.failure = self._difference(recorded, found)
        return Outcome(kind="failed" if recorded.strip() else "unrecorded")

    def check(self) -> None:
        """Fail if the output differs from the recorded result.

        Raises:
            MeasureFailure: it does, or nothing is recorded.
        """
        if self.failure is not None:
            raise MeasureFailure(self.failure)

    def _change(self, recorded: str, new: str) -> Change:
        return Change(
            path=str(self.path),
            digest=self.file.digest,
            measure_id=self.measure.id,
            old=recorded,
            new=new,
        )

    def _difference(self, recorded: str, found: Output) -> Failure:
        computed = write_output(self.measure, found.value)
        path = relative(self.path, self.config)
        command = accept_command(path, self.measure.id, self.measuring.options.mode)
        return self._failure(
            problem(self.measure, recorded, computed),
            details=diff(recorded, computed),
            reason=found.reason,
            next_step=f"to accept it: {command}",
        )

    def _failure(
        self,
        problem: str,
        *,
        details: Iterable[str],
        reason: str = "",
        next_step: str = "",
    ) -> Failure:
        line = self.file.case.result_line(self.measure.id)
        return Failure(
            measure_id=self.measure.id,
            description=self.measure.description,
            problem=problem,
            place=f"{relative(self.path, self.config)}:{line}",
            details=tuple(details),
            reason=reason,
            next_step=next_step,
        )

    def repr_failure(  # type: ignore[override]  # a duck-typed TerminalRepr
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """Show a measure's failure without a traceback."""
        if isinstance(excinfo.value, MeasureFailure):
            return FailureRepr(
                excinfo, excinfo.value.failure, self.path, self.measure.line
            )
        return super().repr_failure(excinfo)


def complete_report(
    item: MeasureItem, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Say in a report what became of the measure, also across xdist."""
    if call.when == "setup" and report.skipped and item.not_measured:
        # pytest would show the line of ours that skips.
        reason = f"Skipped: {item.not_measured}"
        report.longrepr = (str(item.path), item.measure.line, reason)
    elif call.excinfo and isinstance(call.excinfo.value, MeasureFailure):
        # pytest shows errors of a setup without asking the item.
        report.longrepr = item.repr_failure(call.excinfo)  # type: ignore[assignment]
    if call.when == "call" or (call.when == "setup" and not report.passed):
        kind: Kind = "skipped" if report.skipped else "error"
        outcome = item.outcome or Outcome(kind=kind)
        report.evalmd = outcome.to_plain()  # type: ignore[attr-defined]


def _measuring(config: pytest.Config) -> Measuring:
    if MEASURING not in config.stash:
        config.stash[MEASURING] = Measuring(config.stash[OPTIONS])
    return config.stash[MEASURING]
