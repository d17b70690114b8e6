"""When the next try may start, after a server had enough.

One gate serves all requests to a model. It closes when a try fails in a way that may
pass, for as long as the server asks for, or twice as long as the last time. When it
opens again it lets half as many through at a time, and more with each reply.
"""

from __future__ import annotations

import math

BACKOFF_S = 0.5
"""How long a gate closes the first time, where the server doesn't say."""
GROWTH = 0.5
"""By how many tries a reply widens the gate: half as much again a round."""
UNANSWERED = 3
"""How often in a row a server that never answered may be out of reach."""


class Gate:
    """The state of one gate; its caller brings the clock (seconds) and the chance."""

    def __init__(self, max_backoff_s: float) -> None:
        self.max_backoff_s = max_backoff_s
        self.not_before = 0.0
        self.replies = 0
        """How many tries the server answered."""
        self.down = False
        """Whether a whole request was given up, and nothing came since."""
        self.asked_to_wait = False
        """Whether it was the server that said how long the gate is closed."""
        self._in_flight = 0
        self._window = math.inf
        self._closings = 0
        self._refusals_in_a_row = 0

    @property
    def recovering(self) -> bool:
        """Tell whether the gate closed and no try got through since."""
        return self._refusals_in_a_row > 0

    def delay_s(self, now: float) -> float:
        """Tell how long until a try may start; infinite: until another one ends."""
        if now < self.not_before:
            return self.not_before - now
        return math.inf if self._in_flight >= self._window else 0.0

    def hopeless(self, now: float, deadline: float) -> bool:
        """Tell whether waiting can't help a request with this deadline."""
        return self.not_before >= deadline or (self.down and now < self.not_before)

    def exhausted(self, unreachable: bool) -> bool:
        """Tell whether a request whose try just failed may not try again."""
        never_there = unreachable and not self.replies
        return self.down or (never_there and self._refusals_in_a_row >= UNANSWERED)

    def enter(self) -> int:
        """Let a try start; gives a ticket to leave with."""
        self._in_flight += 1
        return self._closings

    def leave(self) -> None:
        """Let a try end of which nothing can be told."""
        self._in_flight -= 1

    def answered(self, ticket: int) -> None:
        """Let a try end that the server answered."""
        self.leave()
        self.replies += 1
        self.down = False
        self._window += GROWTH
        if ticket == self._closings:
            self._refusals_in_a_row = 0

    def refused(
        self, ticket: int, now: float, retry_after_s: float | None, jitter: float
    ) -> None:
        """Let a try end that may be repeated, and close.

        Args:
            ticket: tells the first refusal of a wave: those that entered before it
                say nothing new, so they neither double the wait nor halve the width.
            now: the clock.
            retry_after_s: what the server asked for.
            jitter: from 0 to 1; other processes may wait for the same server.
        """
        wait_s = retry_after_s or 0.0
        if ticket == self._closings:
            self._closings += 1
            self._window = max(1, self._in_flight // 2)
            wait_s = wait_s or self._backoff_s()
            self._refusals_in_a_row += 1
        self.leave()
        opens = now + wait_s * (1 + jitter / 4)
        if opens > self.not_before:
            self.not_before, self.asked_to_wait = opens, bool(retry_after_s)

    def given_up(self, replies_before: int) -> None:
        """Note that a request was given up; it began when there were so many replies.

        If nothing came all the while, those that follow needn't wait as long.
        """
        self.down = self.replies == replies_before

    def _backoff_s(self) -> float:
        doubled: float = BACKOFF_S * 2 ** min(self._refusals_in_a_row, 16)
        return min(doubled, self.max_backoff_s)
