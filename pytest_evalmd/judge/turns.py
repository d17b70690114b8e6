"""Has tries wait at a gate, first come first served."""

from __future__ import annotations

import asyncio
import math
import random
import time

from pytest_evalmd.judge.gate import Gate

SPREAD_S = 0.02
"""Up to how far apart tries start while nobody knows whether the server is back."""


class Turns:
    """One gate and the line before it; to be used on one event loop."""

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
        if not self._line.locked() and not gate.recovering and not gate.delay_s(now):
            return gate.enter()
        if gate.hopeless(now, deadline):
            return None
        try:
            return await asyncio.wait_for(self._wait(deadline), deadline - now)
        except asyncio.TimeoutError:  # noqa: UP041 - not the builtin on 3.10
            return None

    def end(self, ticket: int, outcome: Outcome) -> None:
        """End a turn."""
