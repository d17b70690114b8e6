"""A measure as pytest sees it: an item that compares an output with a result."""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.askers import NoClientError
from pytest_evalmd.case.model import Measure
from pytest_evalmd.comparing import compare, not_computed
from pytest_evalmd.failure import Failure
from pytest_evalmd.job import Job, MeasureError
from pytest_evalmd.longrepr import FailureRepr, MeasureFailure
from pytest_evalmd.measuring import Measuring
from pytest_evalmd.outcome import Outcome
from pytest_evalmd.outputs import MeasureOutputs
from pytest_evalmd.running import upcoming, upcoming_answers
from pytest_evalmd.settling import Settled

if TYPE_CHECKING:
    from pluggy import HookRelay

    from pytest_evalmd.collect import CaseFile

ANSWER_MODEL = "answer_model"
"""The parameter that names who gives the answer."""
PROPERTY = "evalmd_"
"""What the names of our properties in JUnit's report start with."""


def parameters(function: pytest.Function) -> dict[str, Any]:
    """Give the parameters of a function's fixtures, empty if there are none."""
    callspec = getattr(function, "callspec", None)
    return dict(callspec.params) if callspec else {}


@functools.cache
def _mark(name: str) -> pytest.MarkDecorator:
    mark: pytest.MarkDecorator = getattr(pytest.mark, name)
    return mark


def _fixture(request: pytest.FixtureRequest, name: str) -> object:
    __tracebackhide__ = True
    try:
        return request.getfixturevalue(name)
    except Exception as error:  # noqa: BLE001 - a user's fixture raises anything
        raise NoClientError(error) from None


class MeasureItem(pytest.Function):
    """A measure: set up by computing its output, run by comparing it."""

    # Slots: more attributes in its dict than pytest's own would triple that dict's size.
    __slots__ = (
        *("alias", "answer_model", "client_definition", "failure", "file"),
        *("measuring", "not_measured", "outcome", "ran", "settled", "took_s", "tried"),
    )
    file: CaseFile
    measuring: Measuring
    failure: Failure | None
    not_measured: str | None
    outcome: Outcome | None
    client_definition: pytest.FixtureDef[Any] | None
    alias: str
    answer_model: str
    """Who gives the answer that is measured; empty: it is the recorded one."""
    settled: Settled | None
    took_s: float | None
    """How long it took to compute the output."""
    tried: bool
    ran: bool
    """Whether it was torn down once."""

    @classmethod
    def of(
        cls,
        file: CaseFile,
        function: pytest.Function,
        measure: Measure,
        measuring: Measuring,
    ) -> MeasureItem:
        """Make the item of a measure from pytest's item of a template function.

        Args:
            file: the case file.
            function: of this file, or of one whose functions are alike.
            measure: what to measure.
            measuring: computes it.
        """
        template = function.obj
        item: MeasureItem = cls.from_parent(
            file,
            name=measure.id + function.name.removeprefix(template.__name__),
            callspec=getattr(function, "callspec", None),
            callobj=template,
            fixtureinfo=function._fixtureinfo,
            originalname=measure.id,
        )
        # pytest shares the list; who adds a fixture to an item means only that one.
        item.fixturenames = [*item.fixturenames]
        item.file, item.measuring = file, measuring
        item.client_definition, item.alias = None, ""
        item.tried = item.ran = False
        item._clear()
        given = parameters(function)
        item.answer_model = given.get(ANSWER_MODEL, "")
        if len(given) > bool(item.answer_model):
            first = bool(item.answer_model)  # of the ids, plugin.py sees to that
            item.alias = "-".join(function.callspec._idlist[first:])
        item.add_marker(_mark(measure.type))
        return item

    @property
    def measure(self) -> Measure:
        """What it measures."""
        return self.file.case.measures[self.originalname]

    @property
    def ihook(self) -> HookRelay:
        """Those of its file."""
        return self.file.ihook

    @functools.cached_property
    def location(self) -> tuple[str, int | None, str]:
        """Where it is; the path is worked out only where it isn't the file's id."""
        path, line, name = self.reportinfo()
        if f"{self.config.rootpath}{os.sep}{self.file.nodeid}" == str(path):
            return self.file.nodeid, line, name
        return super().location

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Locate the measure; pytest counts lines from 0."""
        return self.path, self.measure.line - 1, f"{self.file.nodeid} [{self.name}]"

    @property
    def job(self) -> Job:
        """What this item computes."""
        return Job(
            path=self.path,
            case=self.file.case,
            measure=self.measure,
            alias=self.alias,
            answer_model=self.answer_model,
        )

    @property
    def recorded_text(self) -> str:
        """The recorded result; empty if there is none."""
        return self.file.case.result_text(self.measure.id)

    def outputs(self, request: pytest.FixtureRequest) -> MeasureOutputs:
        """Give the outputs of the case's measures."""
        return MeasureOutputs(self.measuring, self.job, lambda: self._client(request))

    def _client(self, request: pytest.FixtureRequest) -> object:
        __tracebackhide__ = True
        client = _fixture(request, "llm_client")
        if self.client_definition is not None:
            self._drain_before(self.client_definition, client)
        return client

    def _answer_client(self, request: pytest.FixtureRequest) -> object:
        __tracebackhide__ = True
        client = _fixture(request, "answer_client")
        if client is None:
            return self._client(request)
        self._drain_before(request._get_active_fixturedef("answer_client"), client)
        return client

    def _drain_before(self, definition: pytest.FixtureDef[Any], client: object) -> None:
        """Before a client's own teardown, what it was asked has to come back."""
        definition.addfinalizer(functools.partial(self._drain, client))

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
        self._clear()
        if self.tried:
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
                self.settled = self._settle()
                self._count(self.settled)
                self.outcome, self.failure = compare(self, self.settled)
        except NoClientError as error:
            raise error.why from None
        except MeasureError as error:
            self.outcome = Outcome(kind=error.outcome)
            raise MeasureFailure(not_computed(self, error)) from None

    def teardown(self) -> None:
        """Let go of what reports were made of: items live until the run's end."""
        super().teardown()
        self._clear()
        self.file.open_items -= not self.ran
        self.ran = True

    def _clear(self) -> None:
        self.outcome = self.failure = self.settled = None
        self.not_measured = self.took_s = None

    def why_not(self) -> str | None:
        """Say why this is not measured, if it isn't."""
        if not (self.file.case.answered or self.answer_model):
            return "not answered yet"
        if self.measuring.options.mode == "off" and self.measure.type == "ai":
            return "no judge is asked with --evalmd-mode=off"
        return None

    def _settle(self) -> Settled:
        again, self.tried = self.tried, True
        request = self._request
        started = time.perf_counter()
        try:
            if self.answer_model:
                self.measuring.answer(
                    self.job,
                    lambda: self._answer_client(request),
                    peers=lambda: upcoming_answers(self),
                    again=again,
                )
            return self.measuring.settle(
                self.job,
                lambda: self._client(request),
                peers=lambda: upcoming(self),
                again=again,
            )
        finally:
            self.took_s = time.perf_counter() - started

    def _count(self, settled: Settled) -> None:
        """Put what the verdicts took into the report, and so into JUnit's."""
        cost = settled.cost.to_plain()
        self.user_properties += [(PROPERTY + k, v) for k, v in cost.items() if v]

    def runtest(self) -> None:
        """Have pytest, or whoever hooks in, call the check in place of the template."""
        template, self.obj = self.obj, lambda **_fixtures: self.check()
        try:
            super().runtest()
        finally:
            self.obj = template

    def check(self) -> None:
        """Fail if the output differs from the recorded result.

        Raises:
            MeasureFailure: it does, or nothing is recorded.
        """
        if self.failure is None:
            return
        if self._tolerated:
            pytest.xfail(self.failure.brief())
        raise MeasureFailure(self.failure)

    @property
    def _tolerated(self) -> bool:
        """Whether what changed is not what ``--evalmd-fail-on`` asks for."""
        changed = self.outcome.attribution if self.outcome else None
        fail_on = self.measuring.options.fail_on
        return changed in ("answer", "judge") and fail_on not in ("any", changed)

    def repr_failure(  # type: ignore[override]  # a duck-typed TerminalRepr
        self, excinfo: pytest.ExceptionInfo[BaseException]
    ) -> object:
        """Show a measure's failure without a traceback."""
        if isinstance(excinfo.value, MeasureFailure):
            brief = self.config.getoption("tbstyle", "auto") == "line"
            return FailureRepr(excinfo, excinfo.value.failure, self.path, brief=brief)
        return super().repr_failure(excinfo)
