"""Has tries wait at a gate, first come first served."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
import time

from pytest_evalmd.judge.gate import Gate

SPREAD_S = 0.02
"""Up to how far apart tries start while nobody knows whether the server is back."""


class Turns:
    """One gate and the line before it, for one event loop."""

    def __init__(self, max_backoff_s: float) -> None:
        self.gate = Gate(max_backoff_s)
        self._line = asyncio.Lock()
        self._changed = asyncio.Event()

    async def take(self, deadline: float) -> int | None:
        """Wait for a turn; gives a ticket, or ``None`` if there can be none in time.

        Args:
            deadline: on the monotonic clock, in seconds.
        """
        now, gate = time.monotonic(), self.gate
        if now >= deadline or gate.hopeless(now, deadline):
            return None
        if not self._line.locked() and not gate.recovering and not gate.delay_s(now):
            return gate.enter()
        try:
            return await asyncio.wait_for(self._stand_in_line(deadline), deadline - now)
        except asyncio.TimeoutError:
            return None

    def answered(self, ticket: int) -> None:
        """End a turn that the server answered."""
        self.gate.answered(ticket)
        self._changed.set()

    def refused(self, ticket: int, retry_after_s: float | None) -> None:
        """End a turn in a way that may pass."""
        self.gate.refused(ticket, time.monotonic(), retry_after_s, random.random())
        self._changed.set()

    def leave(self) -> None:
        """End a turn of which nothing can be told."""
        self.gate.leave()
        self._changed.set()

    def given_up(self, replies_before: int) -> None:
        """Note that a request was given up; see ``Gate.given_up``."""
        self.gate.given_up(replies_before)
        self._changed.set()

    def waiting_s(self) -> float:
        """Tell how long the gate is still closed."""
        return max(0.0, self.gate.not_before - time.monotonic())

    async def _stand_in_line(self, deadline: float) -> int | None:
        async with self._line:
            while delay_s := self._delay_s():
                if self.gate.hopeless(time.monotonic(), deadline):
                    return None
                await self._pause(delay_s)
                if self.gate.recovering:
                    await asyncio.sleep(random.random() * SPREAD_S)
            return self.gate.enter()

    def _delay_s(self) -> float:
        return self.gate.delay_s(time.monotonic())

    async def _pause(self, delay_s: float) -> None:
        """Wait for the gate to open, or for somebody's turn to end."""
        self._changed.clear()
        timeout_s = None if math.isinf(delay_s) else delay_s
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout_s)
