"""One ai measure, from its texts to a verdict: remembered, or asked for."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from pytest_evalmd.case.model import Measure, Output
from pytest_evalmd.case.results import fits
from pytest_evalmd.case.values import Value
from pytest_evalmd.judge.aggregate import aggregate
from pytest_evalmd.judge.calling import call
from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.miss import explain_miss
from pytest_evalmd.judge.model import JudgeError, LLMClient, Reply, Request, Verdict
from pytest_evalmd.judge.question import Question, name_of, question_of
from pytest_evalmd.judge.recordings import RecordingError, Remembered
from pytest_evalmd.judge.reply import RETRYABLE, read_reply
from pytest_evalmd.judge.request import ask_again, build_request
from pytest_evalmd.judge.scheduler import Slots, StoppedError
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.spool import NotRememberedError, recordings_path
from pytest_evalmd.judge.store import CaseReplies

JudgeMode = Literal["auto", "replay", "live"]


class NeedsJudge(Exception):
    """A reply has to be asked for, and this was no place to ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An ai measure with all that its judge is to see."""

    path: Path
    """The case file."""
    measure: Measure
    texts: Mapping[str, str]
    model: str
    """The name of the judge."""
    alias: str = ""
    """Tells clients of a parametrised fixture apart."""
    again: bool = False
    """Whether what is remembered doesn't count, as for a rerun."""
    problem_of: Callable[[Value], str | None]
    """Says why a value is not valid for the measure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict and what it took."""

    value: Value
    reason: str
    question: Question
    keys: tuple[str, ...]
    cost: Cost


@dataclass(frozen=True, slots=True)
class _Way:
    """What is asked, of whom, and under which conditions."""

    ask: Ask
    question: Question
    client: LLMClient
    place: int
    stopped: Callable[[], bool]
    cost: Cost


@dataclass(slots=True)
class _Same:
    """What one request came to, for all that need it."""

    client: LLMClient
    """Kept alive so that its id is its own."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    reply: Remembered | None = None


@dataclass(slots=True, kw_only=True)
class Judging:
    """What the requests of one process share."""

    mode: JudgeMode
    run: str
    """Names the session, across its workers."""
    parameters: Mapping[str, Value]
    timeout_s: float
    slots: Slots
    refusal: str = ""
    """Why nothing may be asked, if so."""
    cost: Cost = field(default_factory=Cost)
    not_remembered: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=environment_keys)
    """API keys, which are never written."""
    _replies: dict[Path, CaseReplies] = field(default_factory=dict)
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

    def question(self, ask: Ask) -> Question:
        """Say what would be asked."""
        return question_of(
            ask.measure,
            model=name_of(ask.model, ask.alias),
            texts=ask.texts,
            parameters=self.parameters,
        )

    async def judge(
        self,
        ask: Ask,
        client: LLMClient | None = None,
        place: int = 0,
        stopped: Callable[[], bool] = bool,
    ) -> Judged:
        """Get a verdict, from as many replies as the measure wants.

        Args:
            ask: what to judge.
            client: who is asked; ``None``: nobody can be asked here.
            place: how soon the verdict is wanted; the lowest first.
            stopped: tells whether nothing is to be asked any more.

        Raises:
            JudgeError: no verdict came.
            NeedsJudge: there is no client and one is needed.
            StoppedError: it was not asked for in time.
        """
        question, cost = self.question(ask), Cost()
        if client is None:
            samples = range(ask.measure.samples)
            replies = [self._remembered(ask, question, n) for n in samples]
        else:
            replies = await self._all_samples(
                _Way(ask, question, client, place, stopped, cost)
            )
        fresh = self.replies(ask.path).fresh
        cost.remembered = sum(reply.key not in fresh for reply in replies)
        self.cost.remembered += cost.remembered
        how, output = ask.measure.aggregate, ask.measure.output
        return Judged(
            value=aggregate([reply.response for reply in replies], how, output),
            reason=replies[0].reason,
            question=question,
            keys=tuple(reply.key for reply in replies),
            cost=cost,
        )

    def _remembered(self, ask: Ask, question: Question, sample: int) -> Remembered:
        reply = self._find(ask, question.key(sample))
        if reply is not None:
            return reply
        if self.mode != "replay":
            raise NeedsJudge
        known = self.replies(ask.path).by_key.values()
        raise JudgeError("miss", explain_miss(ask.measure, question, known))

    def _find(self, ask: Ask, key: str) -> Remembered | None:
        if ask.again and self.mode != "replay":
            return None
        fresh_only = self.mode == "live"
        reply = self.replies(ask.path).find(key, fresh_only=fresh_only)
        if reply is not None and not fits_output(reply.response, ask.measure.output):
            path = recordings_path(ask.path)
            message = f"{path}: the reply {key} is no {ask.measure.output}; delete it"
            raise JudgeError("recordings", message)
        return reply

    async def _all_samples(self, way: _Way) -> list[Remembered]:
        if way.ask.measure.samples == 1:
            return [await self._sample(way, 0)]
        asked = [self._sample(way, n) for n in range(way.ask.measure.samples)]
        # Wait for all: what is paid for is to be remembered, whatever another does.
        found = await asyncio.gather(*asked, return_exceptions=True)
        for reply in found:
            if isinstance(reply, BaseException):
                raise reply
        return [reply for reply in found if isinstance(reply, Remembered)]

    async def _sample(self, way: _Way, sample: int) -> Remembered:
        ask, client, stopped = way.ask, way.client, way.stopped
        key = way.question.key(sample)
        if (reply := self._find(ask, key)) is not None:
            return reply
        replies = self.replies(ask.path)
        same = self._same.setdefault((id(client), key), _Same(client))
        # The slot first: what waits for one keeps no file open and holds up no process.
        async with self.slots.slot(way.place), same.lock, replies.claim(key, stopped):
            if not ask.again:
                fresh_only = self.mode == "live"
                reply = replies.find_late(key, fresh_only=fresh_only)
                if reply is not None:
                    return reply
            if same.reply is not None and not ask.again:
                reply = replace(same.reply, measure_id=ask.measure.id)
            else:
                if stopped():
                    raise StoppedError
                if self.refusal:
                    raise JudgeError("cap", self.refusal)
                verdict, answer = await self._ask(way, sample)
                reply = _remember(way, sample, key, verdict, answer)
            same.reply = reply
            try:
                replies.remember(reply, self.keys)
            except NotRememberedError as error:
                self.not_remembered.append(f"{recordings_path(ask.path)}: {error}")
            return reply

    async def _ask(self, way: _Way, sample: int) -> tuple[Verdict, Reply]:
        """Ask, and once more where that can mend an unusable reply."""
        ask = way.ask
        request = build_request(
            ask.measure,
            model=ask.model,
            texts=ask.texts,
            parameters=self.parameters,
            sample=sample,
        )
        reply = await self._complete(way, request)
        try:
            return read_reply(reply, ask.measure, problem_of=ask.problem_of), reply
        except JudgeError as error:
            if error.kind not in RETRYABLE:
                raise
            request = ask_again(request, reply, str(error))
        reply = await self._complete(way, request)
        try:
            return read_reply(reply, ask.measure, problem_of=ask.problem_of), reply
        except JudgeError as error:
            raise JudgeError(error.kind, f"{error} (asked twice)") from None

    async def _complete(self, way: _Way, request: Request) -> Reply:
        reply = await call(way.client, request, self.timeout_s)
        for counted in (self.cost, way.cost):
            counted.add_usage(reply.usage)
        return reply


def _remember(
    way: _Way, sample: int, key: str, verdict: Verdict, answer: Reply
) -> Remembered:
    return Remembered(
        measure_id=way.ask.measure.id,
        question=way.question,
        sample=sample,
        key=key,
        model=answer.model,
        date=datetime.date.today().isoformat(),
        reason=verdict.reason,
        response=verdict.value,
        usage=answer.usage,
    )


def fits_output(value: Value, output: Output) -> bool:
    """Tell whether a remembered response is what its measure puts out."""
    if output in ("boolean", "integer", "number"):
        return fits(value, output)
    kinds: dict[Output, type] = {"list": list, "text": str}
    return isinstance(value, kinds.get(output, object))
