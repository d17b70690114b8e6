"""What a run would ask before it asks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.computing import Computing
from pytest_evalmd.job import AnswerKey, Job, Key
from pytest_evalmd.judge.judging import Answered, Ask, NeedsJudge
from pytest_evalmd.judge.loop import run_now
from pytest_evalmd.judge.miss import nearest
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.question import Question
from pytest_evalmd.judge.recordings import Remembered

FRAME_TOKENS = 500
"""Of the instructions around a request, and of its reply."""
CHARACTERS_A_TOKEN = 3
"""English has four or five, code and other languages fewer."""


@dataclass(slots=True, kw_only=True)
class Plan:
    """Requests and tokens that a run would need, retries not counted."""

    requests: int = 0
    remembered: int = 0
    tokens: int = 0
    """Of the requests: as of like ones that are remembered, else guessed."""
    unknown: int = 0
    """Requests of which no like one is remembered."""

    def line(self) -> str:
        """Say it on one line."""
        line = f"judge: would ask {self.requests}, {self.remembered} remembered"
        if not self.requests:
            return line
        line += f"; about {self.tokens:,} tokens"
        if self.unknown:
            requests = "request" if self.unknown == 1 else "requests"
            line += f", guessed for {self.unknown} {requests} never asked before"
        return line

    def over(self, max_requests: int | None, max_tokens: int | None) -> str | None:
        """Say which cap it would break, if any."""
        if max_requests is not None and self.requests > max_requests:
            option, cap = "--evalmd-max-requests", max_requests
        elif max_tokens is not None and self.tokens > max_tokens:
            option, cap = "--evalmd-max-tokens", max_tokens
        else:
            return None
        return f"{self.line()}: more than {option}={cap} allows; nothing was asked"


def plan_of(jobs: Iterable[Job], computing: Computing) -> Plan:
    """Count what the jobs would ask, and what is remembered already.

    What an input will be is not computed: a reply to the same question about any input
    counts, unless the input itself has to be asked for.

    Raises:
        JudgeError: recordings can't be read.
    """
    plan = Plan()
    asked: dict[Key, bool] = {}
    unanswered: dict[AnswerKey, bool] = {}
    for job in jobs:
        if job.answer_model and job.answer_key not in unanswered:
            unanswered[job.answer_key] = _count_answer(plan, job, computing)
        no_answer = unanswered.get(job.answer_key, False)
        measures = job.case.measures
        for measure in [*ancestors(measures, job.measure.id), job.measure]:
            one = job.of(measure)
            if measure.type == "ai" and one.key not in asked:
                above = (one.of(m).key for m in ancestors(measures, measure.id))
                stale = no_answer or any(asked.get(key, False) for key in above)
                asked[one.key] = _count(plan, one, computing, stale)
    return plan


def _count_answer(plan: Plan, job: Job, computing: Computing) -> bool:
    """Count a new answer; tell whether it has to be asked for."""
    try:
        run_now(computing.answer(job, None))
    except NeedsJudge:
        plan.requests += 1
        plan.unknown += 1
        plan.tokens += FRAME_TOKENS + len(job.case.query.text) // CHARACTERS_A_TOKEN
        return True
    plan.remembered += 1
    return False


def _count(plan: Plan, job: Job, computing: Computing, stale: bool) -> bool:
    """Count one measure; tell whether it has to be asked."""
    # A new answer that is not known yet is taken to be as long as the recorded one.
    known_job = job if _is_answered(job, computing) else job.on_recorded_answer
    judging, ask = computing.judging, computing.ask(known_job, "")
    question = judging.question(ask)
    known = list(judging.replies(job.path).by_key.values())
    missing = job.measure.samples
    if judging.mode != "live" and not stale:
        fits = {r.sample for r in known if _answers(r, question)}
        missing -= len(fits & set(range(job.measure.samples)))
    plan.remembered += job.measure.samples - missing
    plan.requests += missing
    if missing:
        like = nearest(job.measure.id, question, known)
        usage = like.usage if like else Usage()
        if usage.asked is None:
            plan.unknown += missing
            plan.tokens += missing * _guess(ask)
        else:
            plan.tokens += missing * (usage.asked + (usage.answered or 0))
    return missing > 0


def _is_answered(job: Job, computing: Computing) -> bool:
    return not job.answer_model or isinstance(
        computing.answers.get(job.answer_key), Answered
    )


def _answers(reply: Remembered, question: Question) -> bool:
    return not set(question.changed_since(reply.question)) - {"input"}


def _guess(ask: Ask) -> int:
    """Guess the tokens of a request from its length, rather too many than too few."""
    characters = sum(map(len, (ask.measure.prompt, *ask.texts.values())))
    return FRAME_TOKENS + characters // CHARACTERS_A_TOKEN
