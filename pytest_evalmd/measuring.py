"""Outputs of measures, each computed once a session.

What needs no judge, or one whose reply is remembered, is computed where it is wanted.
Only once a reply has to be asked for does the event loop start, and with that reply all
others that the run will want.
"""

from __future__ import annotations

import concurrent.futures
import functools
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pytest_evalmd.askers import Asker, Askers, NoClientError
from pytest_evalmd.case.graph import dependents
from pytest_evalmd.computing import Computing
from pytest_evalmd.job import (
    Job,
    Key,
    MeasureError,
    NotComparableError,
    Output,
)
from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.judging import Judging, NeedsJudge
from pytest_evalmd.judge.loop import BackgroundLoop, in_daemon_thread, run_now
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.scheduler import StoppedError
from pytest_evalmd.logic.sandbox import LogicError, Sandbox
from pytest_evalmd.options import Options
from pytest_evalmd.settling import Settled, Settling
from pytest_evalmd.tasks import Compute, Tasks

TICK_S = 0.2
"""How often somebody who waits is told how far it is."""

Client: TypeAlias = Callable[[], object]
"""Gives what the ``llm_client`` fixture returns; called only if a judge is needed."""
_Found = TypeVar("_Found", Output, Settled)


class Measuring:
    """Computes outputs and remembers them for the session."""

    def __init__(self, options: Options, judging: Judging, sandbox: Sandbox) -> None:
        self.options, self.judging, self.sandbox = options, judging, sandbox
        self.computing = Computing(options, judging, sandbox)
        self.loop = BackgroundLoop()
        self.on_wait: Callable[[], None] = lambda: None
        self.on_done: Callable[[], None] = lambda: None
        self.on_drain: Callable[[], None] = lambda: None
        self._settled: dict[Key, Settled | MeasureError] = {}
        self.tasks = Tasks(self.computing, self._settle, self._settled)
        self.askers = Askers()

    def close(self) -> None:
        """End what runs beside this process's main thread."""
        self.loop.close()
        self.sandbox.close()

    def release(self, path: Path) -> None:
        """Let go of a case that has run, lest a long run holds all of them.

        Only in replay: nothing was asked, so that all of it can be had again.
        """
        if self.options.mode == "replay":
            self.judging.release(path)
            for found in (self.computing.found, self.computing.answers, self._settled):
                _drop(found, path)

    def answer(
        self,
        job: Job,
        client: Client,
        *,
        peers: Callable[[], Iterable[Job]] = tuple,
        again: bool = False,
    ) -> str:
        """Give the new answer that a job measures; takes what ``settle`` takes.

        Raises:
            MeasureError: there is none.
        """
        answers = self.computing.answers
        if again and isinstance(answers.get(job.answer_key), MeasureError):
            del answers[job.answer_key]
        if job.answer_key not in answers:
            self._drive(
                self.computing.answer(job, None),
                client,
                lambda asker: self.tasks.answer(job, asker, peers()),
            )
        return self.answer_text(job)

    def answer_text(self, job: Job) -> str:
        """Give the answer that a job measures, which is known by now.

        Raises:
            MeasureError: there is none.
        """
        try:
            return self.computing.answer_text(job)
        except StoppedError as error:
            raise MeasureError(str(error), "error") from None

    def output(self, job: Job, client: Client) -> Output:
        """Give a measure's output, asked for once.

        Raises:
            MeasureError: it can't be computed.
        """
        found = self.computing.found
        if job.key not in found:
            self._drive(
                self._compute_here([job]),
                client,
                lambda asker: self.tasks.compute(job, asker),
            )
        return _given(found.get(job.key))

    def settle(
        self,
        job: Job,
        client: Client,
        *,
        peers: Callable[[], Iterable[Job]] = tuple,
        again: bool = False,
    ) -> Settled:
        """Give a measure's output, asked again where it differs from what is recorded.

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
        if job.key not in self._settled:
            try:
                self._drive(
                    self._settle(job, lambda jobs: self._compute_here(jobs, again)),
                    client,
                    lambda asker: self.tasks.settle(job, asker, peers(), again),
                )
            except (NoClientError, MeasureError) as error:
                self._settle_without(job, error)
        return _given(self._settled.get(job.key))

    def _settle_without(self, job: Job, error: Exception) -> None:
        """Settle for what is known where nobody can be asked again."""
        if not isinstance(first := self.computing.found.get(job.key), Output):
            raise error
        settling = Settling(job, self.options, self.sandbox.matches)
        settling.take(first)
        settling.cut_short(f"nobody to ask: {error}")
        self._settled[job.key] = settling.settled()

    def _forget(self, job: Job) -> None:
        """Forget a measure, and what was made of replies that don't count any more."""
        measures = job.case.measures
        hanging = [job.of(one) for one in dependents(measures, job.measure.id)]
        if hanging:
            self._wait(self.tasks.finish(hanging))
        for one in (job, *hanging):
            self._settled.pop(one.key, None)
            for number in range(max(self.options.confirm, self.options.confirm_new)):
                self.computing.forget(one.at_round(number))

    def _drive(
        self,
        here: Coroutine[Any, Any, None],
        client: Client,
        on_loop: Callable[[Asker], Coroutine[Any, Any, None]],
    ) -> None:
        """Compute here; on the event loop once a reply has to be asked for."""
        try:
            run_now(here)
        except NeedsJudge:
            asker = self._asker(client())
            self._wait(on_loop(asker))

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

    async def _settle(
        self, job: Job, compute: Compute, asker: Asker | None = None
    ) -> None:
        """Compute as many rounds as it takes to tell whether the first one holds."""
        found = self.computing.found
        settling = Settling(job, self.options, self.sandbox.matches)
        slow = asker is not None and job.measure.compare == "pattern"
        try:
            while wanted := settling.wanted:
                await compute([one for one in wanted if one.key not in found])
                for one in wanted:
                    if one.key not in found:
                        return  # it was stopped
                    take = functools.partial(settling.take, found[one.key])
                    # On the event loop a slow one must not hold up the others.
                    await in_daemon_thread(take) if slow else take()
            settled = settling.settled()
            if job.answer_model and settled.changed and self._has_control(job):
                control = job.on_recorded_answer
                if control.key not in self._settled:
                    await self._settle(control, compute, asker)
                settled = replace(settled, today=self._settled.get(control.key))
            self._settled[job.key] = settled
        except MeasureError as error:
            self._settled[job.key] = error
        except LogicError as error:  # of the pattern that is recorded
            self._settled[job.key] = NotComparableError(str(error), "error")

    async def _compute_here(self, jobs: list[Job], again: bool = False) -> None:
        """Compute without ever waiting for anything.

        Raises:
            NeedsJudge: a reply has to be asked for.
        """
        for job in jobs:
            for needed in self.computing.missing(job):
                await self.computing.compute(needed, None)
            await self.computing.compute(job, None, again=again)

    def _has_control(self, job: Job) -> bool:
        """Tell whether the recorded answer can say if the judge drifted."""
        recorded = job.case.result_text(job.measure.id).strip()
        return bool(recorded and job.case.answered and not self.options.update_results)


def _given(found: _Found | MeasureError | None) -> _Found:
    if found is None:
        raise MeasureError(str(StoppedError()), "error")
    if isinstance(found, MeasureError):
        raise type(found)(str(found), found.outcome)
    return found


def _drop(found: dict[Any, Any], path: Path) -> None:
    """Drop what is kept of a case; its path is the first part of each key."""
    for key in [key for key in found if key[0] == path]:
        del found[key]
