"""A measure as pytest sees it: an item that compares an output with a result."""

from __future__ import annotations

import functools
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import pytest

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.problems import printable
from pytest_evalmd.case.results import ResultError
from pytest_evalmd.failure import Failure, accept_command, diff, problem
from pytest_evalmd.job import Job, MeasureError, Output
from pytest_evalmd.judge.miss import provenance
from pytest_evalmd.logic.sandbox import LogicError
from pytest_evalmd.longrepr import FailureRepr, MeasureFailure
from pytest_evalmd.measuring import Measuring
from pytest_evalmd.outcome import Change, Outcome
from pytest_evalmd.outputs import MeasureOutputs
from pytest_evalmd.running import upcoming
from pytest_evalmd.session import relative
from pytest_evalmd.verdict.compare import accept, holds, read_recorded, write_output

if TYPE_CHECKING:
    from pytest_evalmd.collect import CaseFile

PROPERTY = "evalmd_"
"""What the names of our properties in JUnit's report start with."""


class NoClientError(Exception):
    """The fixture ``llm_client`` failed; ``why`` is shown as of any other fixture."""

    def __init__(self, why: Exception) -> None:
        self.why = why
        super().__init__(str(why))


class MeasureItem(pytest.Function):
    """A measure: set up by computing its output, run by comparing it."""

    file: CaseFile
    measure: Measure
    measuring: Measuring
    failure: Failure | None = None
    not_measured: str | None = None
    outcome: Outcome | None = None
    client_definition: pytest.FixtureDef[Any] | None = None
    alias: str = ""
    found: Output | None = None
    took_s: float | None = None
    """How long it took to compute the output."""
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
        item.file = cast("CaseFile", function.parent)
        item.measure, item.measuring = measure, measuring
        item.add_marker(measure.type)
        return item

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Locate the measure; pytest counts lines from 0."""
        return self.path, self.measure.line - 1, f"{self.file.nodeid} [{self.name}]"

    @property
    def job(self) -> Job:
        """What this item computes."""
        return Job(
            path=self.path, case=self.file.case, measure=self.measure, alias=self.alias
        )

    @property
    def client_seat(self) -> tuple[int, str, str]:
        """Tell the instances of ``llm_client`` apart before they are made."""
        scope = self.client_definition.scope if self.client_definition else "function"
        node: pytest.Item | pytest.Collector = self
        if scope == "module":
            node = self.file
        elif scope in ("package", "session"):
            package = self.getparent(pytest.Package) if scope == "package" else None
            node = package or self.session
        return id(self.client_definition), node.nodeid, self.alias

    def outputs(self, request: pytest.FixtureRequest) -> MeasureOutputs:
        """Give the outputs of the case's measures."""
        return MeasureOutputs(self.measuring, self.job, lambda: self._client(request))

    def _client(self, request: pytest.FixtureRequest) -> object:
        __tracebackhide__ = True
        try:
            client = request.getfixturevalue("llm_client")
        except Exception as error:  # noqa: BLE001 - a user's fixture raises anything
            raise NoClientError(error) from None
        if self.client_definition is not None:
            # Before its own teardown, what it was asked has to come back.
            drain = functools.partial(self._drain, client)
            self.client_definition.addfinalizer(drain)
        return client

    def _drain(self, client: object) -> None:
        try:
            self.measuring.drain(client)
        except KeyboardInterrupt:
            # The second one, of who doesn't want to wait for replies in flight.
            if self.session.exitstatus != pytest.ExitCode.INTERRUPTED:
                raise

    def setup(self) -> None:
        """Set up the fixtures, then compute and compare: what can't be is an error.

        Raises:
            MeasureFailure: the measure can't be computed or compared.
        """
        __tracebackhide__ = True
        self.outcome = self.failure = self.found = self.took_s = None
        self.user_properties[:] = [
            (name, value)
            for name, value in self.user_properties
            if not name.startswith(PROPERTY)
        ]
        self.not_measured = self.why_not()
        if self.not_measured:
            pytest.skip(self.not_measured)
        try:
            super().setup()
            if not self.config.option.setuponly:
                self.found = self._compute()
                self._count(self.found)
                self.outcome = self._compare(self.found)
        except NoClientError as error:
            raise error.why from None
        except MeasureError as error:
            raise self._not_computed(error) from None
        except LogicError as error:  # of the pattern that is recorded
            self.outcome = Outcome(kind="error")
            raise MeasureFailure(self._failure(str(error))) from None

    def why_not(self) -> str | None:
        """Say why this is not measured, if it isn't."""
        if not self.file.case.answered:
            return "not answered yet"
        if self.measuring.options.mode == "off" and self.measure.type == "ai":
            return "no judge is asked with --evalmd-mode=off"
        return None

    def _compute(self) -> Output:
        again, self.tried = self.tried, True
        request = cast("pytest.FixtureRequest", self.funcargs["request"])
        started = time.perf_counter()
        try:
            return self.measuring.output(
                self.job,
                lambda: self._client(request),
                peers=lambda: upcoming(self),
                again=again,
            )
        finally:
            self.took_s = time.perf_counter() - started

    def _count(self, found: Output) -> None:
        """Put what a verdict took into the report, and so into JUnit's."""
        if found.judged is not None:
            cost = found.judged.cost.to_plain()
            self.user_properties += [(PROPERTY + k, v) for k, v in cost.items() if v]

    def _compare(self, found: Output) -> Outcome:
        recorded = self.file.case.result_text(self.measure.id)
        keys = found.judged.keys if found.judged else ()
        matches = self.measuring.matches
        has_block = self.file.case.has_result(self.measure.id)
        # Without a block even an empty list is no result.
        if has_block and holds(self.measure, recorded, found.value, matches):
            return Outcome(kind="passed", keys=keys)
        if self.measuring.options.update_results:
            new = accept(self.measure, recorded, found.value)
            change = self._change(recorded, new)
            return Outcome(kind="updated", change=change, keys=keys)
        self.failure = self._difference(recorded, found)
        return Outcome(kind="failed" if recorded.strip() else "unrecorded", keys=keys)

    def _not_computed(self, error: MeasureError) -> MeasureFailure:
        self.outcome = Outcome(kind=error.outcome)
        problem, *details = str(error).split("\n")
        if error.outcome == "blocked":
            details = []  # they are about the input, whose own item shows them
        failure = self._failure(problem, line=self.measure.line, details=details)
        return MeasureFailure(failure)

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
        options = self.measuring.options
        command = accept_command(
            f"{path}::{self.name}", options.mode, options.judge_model
        )
        return self._failure(
            problem(self.measure, recorded, computed),
            details=diff(recorded, computed),
            reason=found.judged.reason if found.judged else "",
            recorded_from=self._provenance(recorded, found) or "",
            next_step=f"to accept it: {command}",
        )

    def _provenance(self, recorded: str, found: Output) -> str | None:
        """Say how the recorded result came about, where a reply tells."""
        if found.judged is None or not recorded.strip():
            return None
        try:
            value = read_recorded(self.measure, recorded, found.value)
        except ResultError:
            return None
        known = self.measuring.judging.replies(self.path)
        replies = [*known.replaced, *known.by_key.values()]
        return provenance(self.measure.id, found.judged.question, value, replies)

    def _failure(
        self,
        problem: str,
        *,
        line: int | None = None,
        details: Iterable[str] = (),
        reason: str = "",
        recorded_from: str = "",
        next_step: str = "",
    ) -> Failure:
        line = line or self.file.case.result_line(self.measure.id)
        return Failure(
            measure_id=self.measure.id,
            description=self.measure.description,
            problem=printable(problem),
            path=relative(self.path, self.config),
            line=line,
            details=tuple(details),
            reason=reason,
            provenance=recorded_from,
            next_step=next_step,
        )

    def repr_failure(  # type: ignore[override]  # a duck-typed TerminalRepr
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """Show a measure's failure without a traceback."""
        if isinstance(excinfo.value, MeasureFailure):
            brief = self.config.getoption("tbstyle", "auto") == "line"
            return FailureRepr(excinfo, excinfo.value.failure, self.path, brief=brief)
        return super().repr_failure(excinfo)
