"""Outputs of measures, each computed once a session.

What needs no judge, or one whose reply is remembered, is computed where it is wanted.
Only once a reply has to be asked for does the event loop start, and with that reply all
others that the run will want.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeAlias

from pytest_evalmd.askers import Asker, Askers
from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.results import ResultError
from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.job import Job, Key, MeasureError, Output, recorded_output
from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.judging import Ask, Judging, NeedsJudge
from pytest_evalmd.judge.loop import BackgroundLoop, in_daemon_thread, run_now
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.scheduler import StoppedError
from pytest_evalmd.logic.sandbox import LogicError, Sandbox
from pytest_evalmd.options import Options
from pytest_evalmd.validity import problem_of

SHOWN_INPUT = 200
"""How much of its input an error of ``logic`` shows, in characters."""
TICK_S = 0.2
"""How often somebody who waits is told how far it is."""

AHEAD = 2
"""How many times the requests in flight are to wait for their turn."""

Client: TypeAlias = Callable[[], object]
"""Gives what the ``llm_client`` fixture returns; called only if a judge is needed."""


class Measuring:
    """Computes outputs and remembers them for the session."""

    def __init__(self, options: Options, judging: Judging, sandbox: Sandbox) -> None:
        self.options, self.judging, self.sandbox = options, judging, sandbox
        self.loop = BackgroundLoop()
        self.on_wait: Callable[[], None] = lambda: None
        self.on_done: Callable[[], None] = lambda: None
        self.on_drain: Callable[[], None] = lambda: None
        self._found: dict[Key, Output | MeasureError] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        """Of the event loop: touched there only."""
        self.wanted = 0
        """Replies that were to be asked for."""
        self.askers = Askers()

    def close(self) -> None:
        """End what runs beside this process's main thread."""
        self.loop.close()
        self.sandbox.close()

    def matches(self, pattern: str, text: str, ignore_case: bool) -> bool:
        """Look up a regular expression within the sandbox's limits."""
        return self.sandbox.matches(pattern, text, ignore_case=ignore_case)

    def output(
        self,
        job: Job,
        client: Client,
        *,
        peers: Callable[[], Iterable[Job]] = tuple,
        again: bool = False,
    ) -> Output:
        """Give a measure's output.

        Args:
            job: what to compute.
            client: whom to ask.
            peers: what else will be wanted of this client, in that order.
            again: compute it even if it is known, as for a rerun.

        Raises:
            MeasureError: it can't be computed.
        """
        if again:
            self._forget(job)
        if job.key not in self._found:
            try:
                run_now(self._compute_here(job, again))
            except NeedsJudge:
                asker = self._asker(client())
                self._wait(self._compute_on_loop(job, asker, peers(), again))
        found = self._found.get(job.key) or MeasureError(str(StoppedError()), "error")
        if isinstance(found, MeasureError):
            raise MeasureError(str(found), found.outcome)
        return found

    def _forget(self, job: Job) -> None:
        """Forget an output, and what kept it from being computed."""
        self._found.pop(job.key, None)
        for measure in ancestors(job.case.measures, job.measure.id):
            key = job.of(measure).key
            if isinstance(self._found.get(key), MeasureError):
                del self._found[key]

    def drain(self, given: object) -> None:
        """Ask a client nothing more and wait for what it was asked, for a while.

        Args:
            given: what the ``llm_client`` fixture gave.
        """
        if asker := self.askers.remove(given):
            asker.stopped = True
            if asker.tasks:
                self.on_drain()
            self._wait(asker.finish())

    def _asker(self, given: object) -> Asker:
        if asker := self.askers.get(given):
            return asker
        try:
            asker = self.askers.add(given)
        except JudgeError as error:
            raise MeasureError(str(error), "error") from None
        if isinstance(key := getattr(given, "api_key", None), str):
            self.judging.keys = self.judging.keys | {key}  # the other thread reads it
        if isinstance(asker.client, OpenAIClient):
            self.loop.at_close(asker.client.close)
        return asker

    def _wait(self, coroutine: Coroutine[Any, Any, None]) -> None:
        future = self.loop.submit(coroutine)
        try:
            while not future.done():
                try:
                    future.result(TICK_S)
                except concurrent.futures.TimeoutError:
                    self.on_wait()
        finally:
            self.on_done()
        future.result()

    async def _compute_here(self, job: Job, again: bool) -> None:
        """Compute without ever waiting for anything.

        Raises:
            NeedsJudge: a reply has to be asked for.
        """
        for needed in self._missing(job):
            self._found[needed.key] = await self._try(needed, None)
        self._found[job.key] = await self._try(job, None, again=again)

    async def _compute_on_loop(
        self, job: Job, asker: Asker, peers: Iterable[Job], again: bool
    ) -> None:
        first = None
        if job.key not in self._found:  # it may have come on the way here
            first = self._start(job, asker, place=-1, again=again)
        # Looking ahead costs: not again while enough of it still waits for a slot.
        if len(asker.tasks) <= AHEAD * self.options.concurrency:
            for place, peer in enumerate(peers):
                if peer.key not in self._found:
                    self._start(peer, asker, place)
                if place % self.options.concurrency == 0:
                    await asyncio.sleep(0)  # those first in line may go ahead
        if first is not None:
            await first

    def _start(
        self, job: Job, asker: Asker, place: int, *, again: bool = False
    ) -> asyncio.Task[None]:
        for needed in self._missing(job):
            self._start_one(needed, asker, place)
        return self._start_one(job, asker, place, again=again)

    def _start_one(
        self, job: Job, asker: Asker, place: int, *, again: bool = False
    ) -> asyncio.Task[None]:
        if job.key not in self._tasks:
            if job.measure.type == "ai":
                self.wanted += job.measure.samples
            task = asyncio.create_task(self._run(job, asker, place, again))
            self._tasks[job.key] = task
            asker.tasks.add(task)
            task.add_done_callback(asker.tasks.discard)
        return self._tasks[job.key]

    async def _run(self, job: Job, asker: Asker, place: int, again: bool) -> None:
        try:
            needed = (job.of(job.case.measures[name]).key for name in job.measure.needs)
            for key in needed:
                if key in self._tasks:
                    await self._tasks[key]
            self._found[job.key] = await self._try(job, asker, place, again=again)
        except StoppedError:
            pass  # whoever still wants it asks another client
        finally:
            del self._tasks[job.key]

    def _missing(self, job: Job) -> list[Job]:
        """Give what has to be computed before, in that order."""
        case = job.case
        if all(
            job.of(case.measures[name]).key in self._found for name in job.measure.needs
        ):
            return []
        jobs = [job.of(measure) for measure in ancestors(case.measures, job.measure.id)]
        return [needed for needed in jobs if needed.key not in self._found]

    async def _try(
        self, job: Job, asker: Asker | None, place: int = 0, *, again: bool = False
    ) -> Output | MeasureError:
        try:
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
        except MeasureError as error:
            return error
        except (JudgeError, LogicError, ResultError) as error:
            return MeasureError(str(error), "error")

    def given(self, job: Job) -> Value:
        """Gather a measure's input as ``logic`` sees it.

        Raises:
            MeasureError: one of its inputs could not be computed.
            StoppedError: one was not.
        """
        case, measure = job.case, job.measure
        sources: dict[str, Value] = {
            "answer": case.answer.text,
            "query": case.query.text,
        }
        given: dict[str, Value] = {}
        for name in measure.inputs:
            if name in sources:
                given[name] = sources[name]
                continue
            found = self._found.get(job.of(case.measures[name]).key)
            if found is None:
                raise StoppedError
            if isinstance(found, MeasureError):
                raise found.blocks(name)
            given[name] = found.value
        return given[measure.input] if isinstance(measure.input, str) else dict(given)

    async def _run_logic(self, job: Job, given: Value, asker: Asker | None) -> Value:
        case, measure = job.case, job.measure

        def run() -> Value:
            return self.sandbox.run(
                measure.logic,
                input=given,
                params=measure.params,
                answer=case.answer.text,
                query=case.query.text,
            )

        try:
            # On the event loop a slow one must not hold up the others.
            return run() if asker is None else await in_daemon_thread(run)
        except LogicError as error:
            shown = shorten(write_json(given), SHOWN_INPUT)
            raise MeasureError(f"{error}\ninput: {shown}", "error") from None

    def ask(self, job: Job, given: Value, *, again: bool = False) -> Ask:
        """Gather all that a judge is to see of a measure with this input."""
        case, measure = job.case, job.measure
        sources = (("query", case.query.text), ("answer", case.answer.text))
        texts: dict[str, str] = {n: text for n, text in sources if n in measure.context}
        if measure.input is not None:
            texts["input"] = given if isinstance(given, str) else write_json(given)
        return Ask(
            path=job.path,
            measure=measure,
            texts=texts,
            model=self.options.judge_of(case.judge_model),
            alias=job.alias,
            again=again,
            problem_of=problem_of(measure, self.sandbox),
        )
