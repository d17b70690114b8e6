"""What is asked of models, from its texts to a verdict or an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from pytest_evalmd.case.model import AnswerSettings, Measure, Output
from pytest_evalmd.case.results import fits
from pytest_evalmd.case.values import Value
from pytest_evalmd.dataclass import dataclass
from pytest_evalmd.judge.aggregate import aggregate
from pytest_evalmd.judge.answer import (
    ANSWER,
    answer_question,
    answer_request,
    read_answer,
)
from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.miss import explain_miss
from pytest_evalmd.judge.model import JudgeError, LLMClient, Reply, Verdict
from pytest_evalmd.judge.obtaining import (
    JudgeMode,
    NeedsJudge,
    Obtaining,
    Wanted,
    Way,
)
from pytest_evalmd.judge.question import Question, name_of, question_of
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.judge.reply import RETRYABLE, read_reply
from pytest_evalmd.judge.request import ask_again, build_request

__all__ = [
    "AnswerAsk",
    "Answered",
    "Ask",
    "JudgeMode",
    "Judged",
    "Judging",
    "NeedsJudge",
]


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
    round: int = 0
    """How often the same was asked before, to confirm a result; from 0."""
    spare: bool = False
    """Whether it is beyond what the run was planned to ask."""
    problem_of: Callable[[Value], str | None]
    """Says why a value is not valid for the measure."""

    @property
    def samples(self) -> range:
        """The numbers of its replies: those of other rounds are others."""
        first = self.round * self.measure.samples
        return range(first, first + self.measure.samples)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A verdict and what it took."""

    value: Value
    reason: str
    question: Question
    keys: tuple[str, ...]
    responses: tuple[Value, ...]
    """Of every sample."""
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerAsk:
    """A case's query, to be put to a model."""

    path: Path
    """The case file."""
    query: str
    settings: AnswerSettings
    model: str
    """The name of the model."""
    alias: str = ""
    """Tells clients of a parametrised fixture apart."""
    again: bool = False
    """Whether what is remembered doesn't count, as for a rerun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An answer and what it took."""

    text: str
    question: Question
    key: str
    cost: Cost


@dataclass(slots=True, kw_only=True)
class Judging(Obtaining):
    """Gets verdicts and answers."""

    parameters: Mapping[str, Value]
    """What the user set for judges, such as ``temperature``."""

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
        wanted = [_wanted(ask, question, n) for n in ask.samples]
        if client is None:
            explain = partial(self._explain, ask, question)
            replies = [self.remembered(one, explain) for one in wanted]
        else:
            way = Way(client, place, stopped, cost, ask.spare)
            replies = await self._all_samples(ask, wanted, way)
        self.count_remembered(ask.path, replies, cost)
        responses = tuple(reply.response for reply in replies)
        how, output = ask.measure.aggregate, ask.measure.output
        return Judged(
            value=aggregate(responses, how, output),
            reason=replies[0].reason,
            question=replies[0].question,  # the same one, which is held anyway
            keys=tuple(reply.key for reply in replies),
            responses=responses,
            cost=cost,
        )

    async def answer(
        self,
        ask: AnswerAsk,
        client: LLMClient | None = None,
        place: int = 0,
        stopped: Callable[[], bool] = bool,
    ) -> Answered:
        """Get a model's answer to a case's query.

        Args:
            ask: what to put to whom.
            client: who is asked; ``None``: nobody can be asked here.
            place: how soon the answer is wanted; the lowest first.
            stopped: tells whether nothing is to be asked any more.

        Raises:
            JudgeError: no answer came.
            NeedsJudge: there is no client and one is needed.
            StoppedError: it was not asked for in time.
        """
        model, cost = name_of(ask.model, ask.alias), Cost()
        question = answer_question(ask.query, model, ask.settings)
        wanted = Wanted(
            path=ask.path,
            measure_id=ANSWER,
            question=question,
            again=ask.again,
            form="text",
            fits=_is_text,
        )
        if client is None:
            explain = partial(self._explain_no_answer, ask, question)
            reply = self.remembered(wanted, explain)
        else:
            way = Way(client, place, stopped, cost)
            reply = await self.obtain(wanted, way, partial(self._ask_query, ask, way))
        self.count_remembered(ask.path, [reply], cost)
        text = str(reply.response)
        return Answered(text=text, question=question, key=reply.key, cost=cost)

    def _explain(self, ask: Ask, question: Question) -> str:
        known = self.replies(ask.path).by_key.values()
        measure = ask.measure
        return explain_miss(measure.id, question, known, samples=measure.samples)

    def _explain_no_answer(self, ask: AnswerAsk, question: Question) -> str:
        # Answers of several models stand side by side: another one's tells nothing.
        known = self.replies(ask.path).by_key.values()
        own = (reply for reply in known if reply.question.model == question.model)
        return explain_miss(ANSWER, question, own)

    async def _all_samples(
        self, ask: Ask, wanted: list[Wanted], way: Way
    ) -> list[Remembered]:
        asked = [
            self.obtain(one, way, partial(self._ask, ask, way, one.sample))
            for one in wanted
        ]
        if len(asked) == 1:
            return [await asked[0]]
        # Wait for all: what is paid for is to be remembered, whatever another does.
        found = await asyncio.gather(*asked, return_exceptions=True)
        for reply in found:
            if isinstance(reply, BaseException):
                raise reply
        return [reply for reply in found if isinstance(reply, Remembered)]

    async def _ask(self, ask: Ask, way: Way, sample: int) -> tuple[Verdict, Reply]:
        """Ask, and once more where that can mend an unusable reply."""
        request = build_request(
            ask.measure,
            model=ask.model,
            texts=ask.texts,
            parameters=self.parameters,
            sample=sample,
        )
        reply = await self.complete(way, request)
        try:
            return read_reply(reply, ask.measure, problem_of=ask.problem_of), reply
        except JudgeError as error:
            if error.kind not in RETRYABLE:
                raise
            request = ask_again(request, reply, str(error))
        reply = await self.complete(way, request)
        try:
            return read_reply(reply, ask.measure, problem_of=ask.problem_of), reply
        except JudgeError as error:
            raise JudgeError(error.kind, f"{error} (asked twice)") from None

    async def _ask_query(self, ask: AnswerAsk, way: Way) -> tuple[Verdict, Reply]:
        request = answer_request(ask.query, ask.model, ask.settings)
        reply = await self.complete(way, request)
        return Verdict(value=read_answer(reply)), reply


def _wanted(ask: Ask, question: Question, sample: int) -> Wanted:
    output = ask.measure.output
    return Wanted(
        path=ask.path,
        measure_id=ask.measure.id,
        question=question,
        sample=sample,
        next_round=ask.samples.stop,
        again=ask.again,
        form=output,
        fits=partial(fits_output, output=output),
    )


def _is_text(value: Value) -> bool:
    return isinstance(value, str)


def fits_output(value: Value, output: Output) -> bool:
    """Tell whether a remembered response is what its measure puts out."""
    if output in ("boolean", "integer", "number"):
        return fits(value, output)
    kinds: dict[Output, type] = {"list": list, "text": str}
    return isinstance(value, kinds.get(output, object))
