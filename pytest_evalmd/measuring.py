"""Outputs of measures, each computed once a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.results import ResultError, read_result
from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.judge.client import OpenAIClient, as_client
from pytest_evalmd.judge.judging import judge
from pytest_evalmd.judge.loop import BackgroundLoop
from pytest_evalmd.judge.model import JudgeError, LLMClient
from pytest_evalmd.judge.reply import reply_problem
from pytest_evalmd.logic.sandbox import Limits, LogicError, Sandbox
from pytest_evalmd.options import Options

WALL_PER_CPU = 5
"""How many seconds on the clock JavaScript may take for each second of CPU."""
SHOWN_INPUT = 200
"""How much of its input an error of ``logic`` shows, in characters."""

Client: TypeAlias = Callable[[], object]
"""Gives what the ``llm_client`` fixture returns; called only if a judge is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """What a measure puts out."""

    value: Value
    reason: str = ""
    """The judge's; empty for a programmatic measure."""


class MeasureError(Exception):
    """A measure could not be computed.

    Attributes:
        outcome: ``error``, or ``blocked`` if it was for one of its inputs.
    """

    def __init__(self, message: str, outcome: Literal["error", "blocked"]) -> None:
        self.outcome = outcome
        super().__init__(message)


class Measuring:
    """Computes outputs and remembers them for the session."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.loop = BackgroundLoop()
        self.sandbox = Sandbox(
            Limits(
                cpu_s=options.logic_timeout_s,
                wall_s=options.logic_timeout_s * WALL_PER_CPU,
                memory_bytes=options.logic_memory_mib * 2**20,
                stack_bytes=options.logic_stack_kib * 2**10,
            )
        )
        self._found: dict[tuple[str, str, int], Output | MeasureError] = {}
        self._clients: dict[int, tuple[object, LLMClient]] = {}
        """By id of what a fixture gave, which is kept alive so that the id is its own."""

    def close(self) -> None:
        """End what runs beside this process's main thread."""
        self.loop.close()
        self.sandbox.close()

    def matches(self, pattern: str, text: str, ignore_case: bool) -> bool:
        """Look up a regular expression within the sandbox's limits."""
        return self.sandbox.matches(pattern, text, ignore_case=ignore_case)

    def output(
        self,
        path: str,
        case: Case,
        measure: Measure,
        *,
        inputs: Mapping[str, Value],
        client: Client,
        again: bool = False,
    ) -> Output:
        """Give a measure's output.

        Args:
            path: tells cases apart.
            case: the measure's case.
            measure: what to compute.
            inputs: outputs of the case's measures by id.
            client: whom to ask.
            again: compute it even if it is known, as for a rerun.

        Raises:
            MeasureError: it can't be computed.
        """
        asked = id(client()) if self.needs_judge(case, measure) else 0
        key = (path, measure.id, asked)
        if again or key not in self._found:
            self._found[key] = self._try(case, measure, inputs, client)
        found = self._found[key]
        if isinstance(found, MeasureError):
            raise MeasureError(str(found), found.outcome)
        return found

    def needs_judge(self, case: Case, measure: Measure) -> bool:
        """Tell whether a judge may be asked for this measure or for its inputs."""
        if self.options.mode == "off":
            return False
        needed = [measure, *ancestors(case.measures, measure.id)]
        return any(one.type == "ai" for one in needed)

    def _client(self, client: Client) -> LLMClient:
        given = client()
        if id(given) not in self._clients:
            taken = as_client(given)
            self._clients[id(given)] = (given, taken)
            if isinstance(taken, OpenAIClient):
                self.loop.at_close(taken.close)
        return self._clients[id(given)][1]

    def _try(
        self, case: Case, measure: Measure, inputs: Mapping[str, Value], client: Client
    ) -> Output | MeasureError:
        try:
            given = self._given(case, measure, inputs)
            if measure.type == "programmatic":
                return Output(value=self._run_logic(case, measure, given))
            return self._ask(case, measure, given, client)
        except MeasureError as error:
            return error
        except (JudgeError, LogicError, ResultError) as error:
            return MeasureError(str(error), "error")

    def _given(
        self, case: Case, measure: Measure, inputs: Mapping[str, Value]
    ) -> Value:
        """Gather a measure's input as ``logic`` sees it."""
        sources: dict[str, Value] = {
            "answer": case.answer.text,
            "query": case.query.text,
        }
        given: dict[str, Value] = {}
        for name in measure.inputs:
            try:
                given[name] = sources[name] if name in sources else inputs[name]
            except MeasureError as error:
                message = f"blocked by its input {name}: {error}"
                raise MeasureError(message, "blocked") from None
        return given[measure.input] if isinstance(measure.input, str) else dict(given)

    def _run_logic(self, case: Case, measure: Measure, given: Value) -> Value:
        try:
            return self.sandbox.run(
                measure.logic,
                input=given,
                params=measure.params,
                answer=case.answer.text,
                query=case.query.text,
            )
        except LogicError as error:
            shown = shorten(write_json(given), SHOWN_INPUT)
            raise MeasureError(f"{error}\ninput: {shown}", "error") from None

    def _ask(
        self, case: Case, measure: Measure, given: Value, client: Client
    ) -> Output:
        if self.options.mode == "off":
            return Output(value=recorded_output(case, measure))
        sources = (("query", case.query.text), ("answer", case.answer.text))
        texts: dict[str, str] = {
            name: text for name, text in sources if name in measure.context
        }
        if measure.input is not None:
            texts["input"] = given if isinstance(given, str) else write_json(given)
        verdict = self.loop.run(
            judge(
                measure,
                texts,
                client=self._client(client),
                model=self.judge_model(case),
                parameters=self.options.judge_parameters,
                problem_of=self._problem_of(measure),
            )
        )
        return Output(value=verdict.value, reason=verdict.reason)

    def judge_model(self, case: Case) -> str:
        """Name the judge of a case; empty if nobody named one."""
        options = self.options
        return (
            options.judge_model or case.judge_model or options.default_judge_model or ""
        )

    def _problem_of(self, measure: Measure) -> Callable[[Value], str | None]:
        by_output = reply_problem(measure)
        schema = measure.schema
        if schema is None:
            return by_output
        return lambda value: (
            by_output(value) or self.sandbox.schema_error(schema, value)
        )


def recorded_output(case: Case, measure: Measure) -> Value:
    """Take a recorded result as the measure's output.

    Raises:
        MeasureError: there is none, or it is not an output.
        ResultError: it can't be read.
    """
    text = case.result_text(measure.id)
    if not text.strip():
        recorded = case.recorded.get(measure.id)
        if measure.output == "list" and recorded and recorded.result and case.answered:
            return []  # what old files hold for an empty list
        raise MeasureError(f"no result of {measure.id} is recorded", "error")
    value = read_result(text, "json" if measure.compare == "any-of" else measure.output)
    if measure.compare == "any-of" and isinstance(value, list) and len(value) == 1:
        return value[0]
    if measure.compare in ("any-of", "pattern"):
        message = (
            f"the recorded result of {measure.id} says what is accepted, not what it is"
        )
        raise MeasureError(message, "error")
    return value


class MeasureOutputs(Mapping[str, Value]):
    """The outputs of a case's measures by id, each computed when it is asked for."""

    def __init__(
        self, measuring: Measuring, path: str, case: Case, client: Client
    ) -> None:
        self._measuring, self._path, self._case = measuring, path, case
        self._client = client

    def __getitem__(self, measure_id: str) -> Value:
        """Give an output.

        Raises:
            KeyError: there is no such measure.
            MeasureError: it can't be computed.
        """
        return self.output(self._case.measures[measure_id]).value

    def output(self, measure: Measure) -> Output:
        """Give an output with the judge's reason."""
        return self._measuring.output(
            self._path, self._case, measure, inputs=self, client=self._client
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self._case.measures)

    def __len__(self) -> int:
        return len(self._case.measures)
