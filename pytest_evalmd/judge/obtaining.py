"""A reply that is wanted: remembered, or asked for once by whoever is first."""

from __future__ import annotations

import asyncio
import datetime
import math
from collections.abc import Awaitable, Callable
from dataclasses import field, replace
from pathlib import Path
from typing import Literal, TypeAlias

from pytest_evalmd.case.values import Value
from pytest_evalmd.dataclass import dataclass
from pytest_evalmd.judge.calling import call
from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.model import JudgeError, LLMClient, Reply, Request, Verdict
from pytest_evalmd.judge.question import Question
from pytest_evalmd.judge.recordings import RecordingError, Remembered
from pytest_evalmd.judge.scheduler import Slots, StoppedError
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.spool import NotRememberedError, recordings_path
from pytest_evalmd.judge.store import CaseReplies

JudgeMode = Literal["auto", "replay", "live"]
AskNow: TypeAlias = Callable[[], Awaitable[tuple[Verdict, Reply]]]
"""Asks, and gives what the reply says with the reply."""


class NeedsJudge(Exception):
    """A reply has to be asked for, and this was no place to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A reply that is wanted."""

    path: Path
    """The case file."""
    measure_id: str
    """What it is remembered under."""
    question: Question
    form: str
    """What its response is, such as ``integer``."""
    fits: Callable[[Value], bool]
    """Tells whether a remembered response is of that form."""
    sample: int = 0
    next_round: int = 1
    """The first sample of the round of asking after this one's."""
    again: bool = False
    """Whether what is remembered doesn't count, as for a rerun."""

    @property
    def key(self) -> str:
        """Give its key."""
        return self.question.key(self.sample)


@dataclass(frozen=True, slots=True)
class Way:
    """Of whom something is asked, and under which conditions."""

    client: LLMClient
    place: int
    """How soon it is wanted; the lowest first."""
    stopped: Callable[[], bool]
    """Tells whether nothing is to be asked any more."""
    cost: Cost
    spare: bool = False
    """Whether it is beyond what the run was planned to ask."""


@dataclass(slots=True)
class _Same:
    """What one request came to, for all that need it."""

    client: LLMClient
    """Kept alive so that its id is its own."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    reply: Remembered | None = None


@dataclass(slots=True, kw_only=True)
class Obtaining:
    """What the requests of one process share."""

    mode: JudgeMode
    run: str
    """Names the session, across its workers."""
    timeout_s: float
    slots: Slots
    refusal: str = ""
    """Why nothing may be asked, if so."""
    spare_requests: float = math.inf
    """How many may be asked beyond the plan."""
    spare_tokens: float = math.inf
    """How many tokens that may take."""
    cost: Cost = field(default_factory=Cost)
    not_remembered: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=environment_keys)
    """API keys, which are never written."""
    _replies: dict[Path, CaseReplies] = field(default_factory=dict)
    _served: dict[Path, set[str]] = field(default_factory=dict)
    """Of cases that were released: the keys of the replies that spared a request."""
    _same: dict[tuple[int, str], _Same] = field(default_factory=dict)
    """By client and key: cases may have the same to ask."""

    def replies(self, path: Path) -> CaseReplies:
        """Give what is remembered of a case.

        Raises:
            JudgeError: its recordings can't be read.
        """
        if path not in self._replies:
            try:
                self._replies[path] = CaseReplies(path, self.run)
            except RecordingError as error:
                raise JudgeError("recordings", str(error)) from None
        return self._replies[path]

    def folders(self) -> set[Path]:
        """Give the folders of the cases that something was asked for."""
        return {path.parent for path, known in self._replies.items() if known.fresh}

    def served(self) -> dict[str, list[str]]:
        """Give the keys of the replies that spared a request, by case."""
        now = {path: one.served for path, one in self._replies.items()}
        return {
            str(path): sorted(now.get(path, set()) | self._served.get(path, set()))
            for path in {**self._served, **now}
        }

    def release(self, path: Path) -> None:
        """Let go of what is remembered of a case; it is read again if it is wanted."""
        if known := self._replies.pop(path, None):
            self._served.setdefault(path, set()).update(known.served)

    def asked(self) -> dict[str, list[str]]:
        """Give the keys of the replies that were asked for, by case."""
        return {str(path): sorted(one.asked) for path, one in self._replies.items()}

    def remembered(self, wanted: Wanted, explain: Callable[[], str]) -> Remembered:
        """Give a remembered reply.

        Args:
            wanted: which.
            explain: says why there is none.

        Raises:
            JudgeError: there is none, and nothing may be asked.
            NeedsJudge: there is none.
        """
        reply = self._find(wanted)
        if reply is not None:
            return reply
        if self.mode != "replay":
            raise NeedsJudge
        raise JudgeError("miss", explain())

    async def obtain(self, wanted: Wanted, way: Way, ask: AskNow) -> Remembered:
        """Give a remembered reply, or ask for it; the same is asked only once.

        Raises:
            JudgeError: no usable reply came.
            StoppedError: it was not asked for in time.
        """
        if (reply := self._find(wanted)) is not None:
            return reply
        key, replies = wanted.key, self.replies(wanted.path)
        same = self._same.setdefault((id(way.client), key), _Same(way.client))
        # The slot first: what waits for one keeps no file open and holds up no process.
        async with (
            self.slots.slot(way.place),
            same.lock,
            replies.claim(key, way.stopped),
        ):
            if not wanted.again:
                late = replies.find_late(key, fresh_only=self.mode == "live")
                if late is not None:
                    return late
            if same.reply is not None and not wanted.again:
                reply = replace(same.reply, measure_id=wanted.measure_id)
            else:
                if way.stopped():
                    raise StoppedError
                if self.refusal:
                    raise JudgeError("cap", self.refusal)
                if way.spare:
                    self._spend_spare_request()
                reply = _as_remembered(wanted, *await ask())
            same.reply = reply
            try:
                replies.remember(reply, self.keys, wanted.next_round)
            except NotRememberedError as error:
                self.not_remembered.append(f"{recordings_path(wanted.path)}: {error}")
            return reply

    async def complete(self, way: Way, request: Request) -> Reply:
        """Ask once, and count it.

        Raises:
            JudgeError: no reply came.
        """
        reply = await call(way.client, request, self.timeout_s)
        for counted in (self.cost, way.cost):
            counted.add_usage(reply.usage)
        if way.spare:
            self.spare_tokens -= (reply.usage.asked or 0) + (reply.usage.answered or 0)
        return reply

    def _spend_spare_request(self) -> None:
        if self.spare_requests < 1 or self.spare_tokens < 1:
            cap = "requests" if self.spare_requests < 1 else "tokens"
            message = f"--evalmd-max-{cap} allows no more than was planned"
            raise JudgeError("cap", message)
        self.spare_requests -= 1

    def count_remembered(self, path: Path, used: list[Remembered], cost: Cost) -> None:
        """Count the replies that were not asked for here."""
        self.replies(path).count(used, cost)
        self.cost.remembered += cost.remembered

    def _find(self, wanted: Wanted) -> Remembered | None:
        if wanted.again and self.mode != "replay":
            return None
        replies = self.replies(wanted.path)
        reply = replies.find(wanted.key, fresh_only=self.mode == "live")
        if reply is not None and not wanted.fits(reply.response):
            path = recordings_path(wanted.path)
            message = f"{path}: the reply {wanted.key} is no {wanted.form}; delete it"
            raise JudgeError("recordings", message)
        return reply


def _as_remembered(wanted: Wanted, verdict: Verdict, reply: Reply) -> Remembered:
    return Remembered(
        measure_id=wanted.measure_id,
        question=wanted.question,
        sample=wanted.sample,
        key=wanted.key,
        model=reply.model,
        date=datetime.date.today().isoformat(),
        reason=verdict.reason,
        response=verdict.value,
        usage=reply.usage,
    )
