"""The clients in use: what each was asked, and what became known of its server."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from pytest_evalmd.judge.client import OpenAIClient, as_client
from pytest_evalmd.judge.model import LLMClient
from pytest_evalmd.judge.scheduler import GRACE_S


class NoClientError(Exception):
    """A client's fixture failed; ``why`` is shown as of any other fixture."""

    def __init__(self, why: Exception) -> None:
        self.why = why
        super().__init__(str(why))


@dataclass(slots=True)
class Asker:
    """A client in use."""

    given: object
    """What the fixture gave; kept alive so that its id is its own."""
    client: LLMClient
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    stopped: bool = False

    async def finish(self) -> None:
        """Wait for what it was asked, for a while, then give that up."""
        waiting = set(self.tasks)
        if waiting:
            await asyncio.wait(waiting, timeout=GRACE_S)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


class Askers:
    """The askers by what their fixture gave; used on pytest's thread."""

    def __init__(self) -> None:
        self._in_use: dict[int, Asker] = {}
        self._adaptations: dict[str, None] = {}
        """Of the clients that are not in use any more, in order."""

    def get(self, given: object) -> Asker | None:
        """Give the asker of what a fixture gave, if it is in use."""
        return self._in_use.get(id(given))

    def add(self, given: object) -> Asker:
        """Take what a fixture gave into use.

        Raises:
            JudgeError: it is no client.
        """
        self._in_use[id(given)] = asker = Asker(given, as_client(given))
        return asker

    def remove(self, given: object) -> Asker | None:
        """Let nobody use it any more."""
        asker = self._in_use.pop(id(given), None)
        if asker:
            self._adaptations |= dict.fromkeys(_adaptations(asker))
        return asker

    def waiting_s(self) -> float:
        """Tell how long requests still wait for a server; 0 if none has to."""
        ours = filter(None, map(_openai_client, self._in_use.values()))
        return max((client.waiting_s() for client in ours), default=0.0)

    def adaptations(self) -> list[str]:
        """Say what had to be left out of requests because a server refused it."""
        now = [line for one in self._in_use.values() for line in _adaptations(one)]
        return list(self._adaptations | dict.fromkeys(now))


def _openai_client(asker: Asker) -> OpenAIClient | None:
    return asker.client if isinstance(asker.client, OpenAIClient) else None


def _adaptations(asker: Asker) -> list[str]:
    client = _openai_client(asker)
    adaptations = client.adaptations if client else {}
    return [
        f"judge {name}: {what}" for name, facts in adaptations.items() for what in facts
    ]
