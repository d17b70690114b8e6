"""Many requests at once: at most so many in flight, the most wanted first."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import AsyncIterator

GRACE_S = 10.0
"""How long the end of a run waits for replies that were asked for already."""


class StoppedError(Exception):
    """No new request goes out any more."""

    def __init__(self) -> None:
        super().__init__("the run was stopped before this was asked")


class Slots:
    """Limits how many requests are in flight; used on one event loop."""

    def __init__(self, limit: int) -> None:
        self._free = limit
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0
        self.in_flight = 0

    @contextlib.asynccontextmanager
    async def slot(self, place: int) -> AsyncIterator[None]:
        """Wait for a slot; the lowest place is served first."""
        await self._acquire(place)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self._release()

    async def _acquire(self, place: int) -> None:
        if self._free > 0:
            self._free -= 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (place, self._count, waiter))
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                self._release()  # it was given a slot that it will not use
            raise

    def _release(self) -> None:
        while self._waiting:
            _, _, waiter = heapq.heappop(self._waiting)
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1
