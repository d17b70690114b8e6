"""What judging costs: requests and tokens; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_evalmd.judge.model import Usage


@dataclass(slots=True, kw_only=True)
class Cost:
    """Requests and tokens, counted up."""

    requests: int = 0
    """Sent to a model, retries of unusable replies included."""
    remembered: int = 0
    """Answered by a remembered reply."""
    skipped: int = 0
    """Not sent: the measure was skipped."""
    tokens_asked: int = 0
    tokens_answered: int = 0
    tokens_cached: int = 0
    """Of those asked, read from the server's cache."""
    unmetered: int = 0
    """Requests whose tokens the server did not count."""

    def add_usage(self, usage: Usage) -> None:
        """Count a request that was sent."""
        self.requests += 1
        self.unmetered += usage.asked is None
        self.tokens_asked += usage.asked or 0
        self.tokens_answered += usage.answered or 0
        self.tokens_cached += usage.cached or 0

    def add(self, other: Mapping[str, int]) -> None:
        """Add what another process counted."""
        for name, number in other.items():
            setattr(self, name, getattr(self, name) + number)

    def to_plain(self) -> dict[str, int]:
        """Give it in builtin types."""
        return {name: getattr(self, name) for name in self.__slots__}

    def line(self, what: str = "judge") -> str | None:
        """Say what something cost on one line; ``None`` if there is nothing to say."""
        if not (self.requests or self.remembered or self.skipped):
            return None
        parts = [f"{self.requests} asked", f"{self.remembered} remembered"]
        if self.skipped:
            parts.append(f"{self.skipped} skipped")
        line = f"{what}: {', '.join(parts)}"
        if self.requests == self.unmetered:  # no server counted any token
            return line
        line += (
            f"; tokens: {self.tokens_asked:,} asked ({self.tokens_cached:,} cached), "
            f"{self.tokens_answered:,} answered"
        )
        if self.unmetered:
            requests = "request" if self.unmetered == 1 else "requests"
            line += f"; {self.unmetered} {requests} without a count of tokens"
        return line
