"""What is computed on the event loop, beside pytest's thread: much at once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Container, Coroutine, Iterable
from typing import Any, TypeAlias, TypeVar

from pytest_evalmd.askers import Asker
from pytest_evalmd.computing import Computing
from pytest_evalmd.job import AnswerKey, Job, Key
from pytest_evalmd.judge.scheduler import StoppedError

AHEAD = 4
"""How many tasks, two a measure, are to wait for each request in flight."""

Compute: TypeAlias = Callable[[list[Job]], Awaitable[None]]
"""Has jobs computed, with all that they need."""
_Task: TypeAlias = "asyncio.Task[None]"
_Key = TypeVar("_Key", Key, AnswerKey)
Settle: TypeAlias = Callable[[Job, Compute, Asker], Coroutine[Any, Any, None]]


class Tasks:
    """The tasks of answers, outputs and settled results: one each, whoever wants it.

    Touched on the event loop only.
    """

    def __init__(
        self, computing: Computing, settle: Settle, settled: Container[Key]
    ) -> None:
        self._computing, self._settle, self._settled = computing, settle, settled
        self._answering: dict[AnswerKey, _Task] = {}
        self._computed: dict[Key, _Task] = {}
        self._settling: dict[Key, _Task] = {}
        self.wanted = 0
        """Replies that were to be asked for."""

    async def answer(self, job: Job, asker: Asker, peers: Iterable[Job]) -> None:
        """Have a query answered, and those of the peers after it."""
        mine = self._start_answer(job, asker, place=-1)
        for place, peer in enumerate(peers):
            if peer.answer_key not in self._computing.answers:
                self._start_answer(peer, asker, place)
        await mine

    async def compute(self, job: Job, asker: Asker) -> None:
        """Compute an output."""
        if job.key not in self._computing.found:
            await self._start(job, asker, place=-1)

    async def settle(
        self, job: Job, asker: Asker, peers: Iterable[Job], again: bool
    ) -> None:
        """Settle a result, and those of the peers after it."""
        concurrency = self._computing.options.concurrency
        first = None
        if job.key not in self._settled:  # it may have come on the way here
            first = self._start_settling(job, asker, place=-1, again=again)
        # Looking ahead costs: not again while enough of it still waits for a slot.
        if len(asker.tasks) <= AHEAD * concurrency:
            for place, peer in enumerate(peers):
                if peer.key not in self._settled:
                    self._start_settling(peer, asker, place)
                if place % concurrency == 0:
                    await asyncio.sleep(0)  # those first in line may go ahead
        if first is not None:
            await first

    async def finish(self, jobs: Iterable[Job]) -> None:
        """Wait for what of these jobs is under way, in whatever round."""
        wanted = {job.key[:-1] for job in jobs}
        running = (*self._settling.items(), *self._computed.items())
        tasks = [task for key, task in running if key[:-1] in wanted]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _start_answer(self, job: Job, asker: Asker, place: int) -> _Task:
        key = job.answer_key
        if key not in self._answering:
            self.wanted += 1
            answering = _unless_stopped(self._computing.answer(job, asker, place))
            _start(answering, self._answering, key, asker)
        return self._answering[key]

    def _start_settling(
        self, job: Job, asker: Asker, place: int, *, again: bool = False
    ) -> _Task:
        async def compute(jobs: list[Job]) -> None:
            for task in [self._start(one, asker, place, again=again) for one in jobs]:
                await task

        if job.key not in self._settling:
            settling = self._settle(job, compute, asker)
            _start(settling, self._settling, job.key, asker)
        return self._settling[job.key]

    def _start(
        self, job: Job, asker: Asker, place: int, *, again: bool = False
    ) -> _Task:
        for needed in self._computing.missing(job):
            self._start_one(needed, asker, place)
        return self._start_one(job, asker, place, again=again)

    def _start_one(
        self, job: Job, asker: Asker, place: int, *, again: bool = False
    ) -> _Task:
        if job.key not in self._computed:
            if job.measure.type == "ai":
                self.wanted += job.measure.samples
            computing = _unless_stopped(self._compute(job, asker, place, again))
            _start(computing, self._computed, job.key, asker)
        return self._computed[job.key]

    async def _compute(self, job: Job, asker: Asker, place: int, again: bool) -> None:
        """Compute an output once what it needs has come."""
        if task := self._answering.get(job.answer_key):
            await task
        for name in job.measure.needs:
            if task := self._computed.get(job.of(job.case.measures[name]).key):
                await task
        await self._computing.compute(job, asker, place, again=again)


def _start(
    coroutine: Coroutine[Any, Any, None],
    tasks: dict[_Key, _Task],
    key: _Key,
    asker: Asker,
) -> None:
    """Start a task, and forget it once it is done."""
    tasks[key] = task = asyncio.create_task(coroutine)
    asker.tasks.add(task)

    def forget(_: _Task) -> None:
        asker.tasks.discard(task)
        del tasks[key]

    task.add_done_callback(forget)


async def _unless_stopped(coroutine: Coroutine[Any, Any, None]) -> None:
    with contextlib.suppress(
        StoppedError
    ):  # whoever still wants it asks another client
        await coroutine
