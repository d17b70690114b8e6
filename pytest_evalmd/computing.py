"""One output from the outputs that it needs."""

from __future__ import annotations

from typing import TypeAlias

from pytest_evalmd.askers import Asker
from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.results import ResultError
from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.job import (
    AnswerKey,
    Job,
    Key,
    MeasureError,
    Output,
    recorded_output,
)
from pytest_evalmd.judge.judging import AnswerAsk, Answered, Ask, Judging
from pytest_evalmd.judge.loop import in_daemon_thread
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.scheduler import StoppedError
from pytest_evalmd.logic.sandbox import LogicError, Sandbox
from pytest_evalmd.options import Options
from pytest_evalmd.validity import problem_of

SHOWN_INPUT = 200
"""How much of its input an error of ``logic`` shows, in characters."""

Found: TypeAlias = Output | MeasureError


class Computing:
    """Computes outputs and remembers them for the session."""

    def __init__(self, options: Options, judging: Judging, sandbox: Sandbox) -> None:
        self.options, self.judging, self.sandbox = options, judging, sandbox
        self.found: dict[Key, Found] = {}
        self.answers: dict[AnswerKey, Answered | MeasureError] = {}

    def missing(self, job: Job) -> list[Job]:
        """Give what has to be computed before, in that order."""
        measures = job.case.measures
        if all(job.of(measures[name]).key in self.found for name in job.measure.needs):
            return []
        jobs = [job.of(measure) for measure in ancestors(measures, job.measure.id)]
        return [needed for needed in jobs if needed.key not in self.found]

    def forget(self, job: Job) -> None:
        """Forget an output, and what kept it from being computed."""
        self.found.pop(job.key, None)
        for measure in ancestors(job.case.measures, job.measure.id):
            key = job.of(measure).key
            if isinstance(self.found.get(key), MeasureError):
                del self.found[key]

    async def compute(
        self, job: Job, asker: Asker | None, place: int = 0, *, again: bool = False
    ) -> None:
        """Compute an output whose inputs are found; an error is found as well.

        Args:
            job: what to compute.
            asker: who is asked; ``None``: nobody can be asked here.
            place: how soon it is wanted; the lowest first.
            again: whether what is remembered doesn't count.

        Raises:
            NeedsJudge: there is no asker and one is needed.
            StoppedError: it was not asked for in time.
        """
        try:
            self.found[job.key] = await self._output(job, asker, place, again)
        except MeasureError as error:
            self.found[job.key] = error
        except (JudgeError, LogicError, ResultError) as error:
            self.found[job.key] = MeasureError(str(error), "error")

    async def answer(
        self, job: Job, asker: Asker | None, place: int = 0, *, again: bool = False
    ) -> None:
        """Have a job's query answered; takes and raises what ``compute`` does."""
        ask = self.answer_ask(job, again=again)
        try:
            if asker is None:
                answered = await self.judging.answer(ask)
            else:
                stopped = lambda: asker.stopped  # noqa: E731
                answered = await self.judging.answer(ask, asker.client, place, stopped)
            self.answers[job.answer_key] = answered
        except JudgeError as error:
            message = f"no answer of {job.answer_model}: {error}"
            self.answers[job.answer_key] = MeasureError(message, "error")

    def answer_ask(self, job: Job, *, again: bool = False) -> AnswerAsk:
        """Gather all that a job's answer depends on."""
        return AnswerAsk(
            path=job.path,
            query=job.case.query.text,
            model=job.answer_model,
            settings=job.case.answer_settings,
            again=again,
        )

    def ask(self, job: Job, given: Value, *, again: bool = False) -> Ask:
        """Gather all that a judge is to see of a measure with this input."""
        measure, texts = job.measure, self._texts(job)
        shown: dict[str, str] = {
            name: text for name, text in texts.items() if name in measure.context
        }
        if measure.input is not None:
            shown["input"] = given if isinstance(given, str) else write_json(given)
        return Ask(
            path=job.path,
            measure=measure,
            texts=shown,
            model=self.options.judge_of(job.case.judge_model),
            alias=job.alias,
            again=again,
            round=job.round,
            spare=self._is_spare(job),
            problem_of=problem_of(measure, self.sandbox),
        )

    def _is_spare(self, job: Job) -> bool:
        """Tell whether a job confirms what another one found."""
        is_control = bool(self.options.answer_models) and not job.answer_model
        return is_control or job.round > 0

    async def _output(
        self, job: Job, asker: Asker | None, place: int, again: bool
    ) -> Output:
        given = self.given(job)
        if job.measure.type == "programmatic":
            return Output(value=await self._run_logic(job, given, asker))
        if self.options.mode == "off":
            return Output(value=recorded_output(job.case, job.measure))
        ask = self.ask(job, given, again=again)
        if asker is None:
            judged = await self.judging.judge(ask)
        else:
            stopped = lambda: asker.stopped  # noqa: E731
            judged = await self.judging.judge(ask, asker.client, place, stopped)
        return Output(value=judged.value, judged=judged)

    def answer_text(self, job: Job) -> str:
        """Give the answer that a job measures.

        Raises:
            MeasureError: there is none.
            StoppedError: it was not asked for in time.
        """
        if not job.answer_model:
            return job.case.answer.text
        found = self.answers.get(job.answer_key)
        if found is None:
            raise StoppedError
        if isinstance(found, MeasureError):
            raise MeasureError(str(found), found.outcome)
        return found.text

    def _texts(self, job: Job) -> dict[str, str]:
        return {"query": job.case.query.text, "answer": self.answer_text(job)}

    def given(self, job: Job) -> Value:
        """Gather a measure's input as ``logic`` sees it.

        Raises:
            MeasureError: one of its inputs could not be computed.
            StoppedError: one was not.
        """
        measure = job.measure
        if measure.input is None:
            return {}
        texts = self._texts(job)
        given: dict[str, Value] = {}
        for name in measure.inputs:
            if name in texts:
                given[name] = texts[name]
                continue
            found = self.found.get(job.of(job.case.measures[name]).key)
            if found is None:
                raise StoppedError
            if isinstance(found, MeasureError):
                raise found.blocks(name)
            given[name] = found.value
        return given[measure.input] if isinstance(measure.input, str) else dict(given)

    async def _run_logic(self, job: Job, given: Value, asker: Asker | None) -> Value:
        measure, texts = job.measure, self._texts(job)

        def run() -> Value:
            return self.sandbox.run(
                measure.logic, input=given, params=measure.params, **texts
            )

        try:
            # On the event loop a slow one must not hold up the others.
            return run() if asker is None else await in_daemon_thread(run)
        except LogicError as error:
            shown = shorten(write_json(given), SHOWN_INPUT)
            raise MeasureError(f"{error}\ninput: {shown}", "error") from None
