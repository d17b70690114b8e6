"""What a run would ask and can be asked now, without asking it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from pytest_evalmd.batch.state import Asked
from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.model import Measure
from pytest_evalmd.job import Job, MeasureError
from pytest_evalmd.judge.client import SET_MODEL
from pytest_evalmd.judge.judging import NeedsJudge
from pytest_evalmd.judge.model import Request
from pytest_evalmd.judge.request import build_request
from pytest_evalmd.measuring import Measuring


@dataclass(frozen=True, slots=True)
class Wanted:
    """A measure whose replies can be asked for now."""

    asked: Asked
    texts: Mapping[str, str]
    """What its judge is to see."""

    def request(self, sample: int) -> Request:
        """Build the request that a run would send."""
        question = self.asked.question
        return build_request(
            self.asked.measure,
            model=question.model,
            texts=self.texts,
            parameters=question.parameters,
            sample=sample,
        )


@dataclass(slots=True)
class Plan:
    """What was found out about cases."""

    wanted: list[Wanted] = field(default_factory=list)
    remembered: int = 0
    """Replies that are there already."""
    under_way: int = 0
    """Replies that a batch was asked for already."""
    blocked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Measures that can't be asked yet, by their id and what they wait for."""
    problems: list[str] = field(default_factory=list)


def plan_case(
    plan: Plan,
    job: Job,
    name: str,
    measuring: Measuring,
    under_way: Collection[tuple[str, str]],
) -> None:
    """Add what a case wants.

    Args:
        plan: where to.
        job: any job of the case.
        name: the case's name in a batch's file.
        measuring: computes what the inputs are; asks nobody.
        under_way: names of cases and keys of replies that a batch was asked for.
    """
    causes: dict[str, dict[str, None]] = {}
    """Of each measure without an output: the measures, in order, that it waits for."""
    for measure in _of_interest(job.case.measures):
        waits_for = {c: None for need in measure.needs for c in causes.get(need, ())}
        if waits_for:
            causes[measure.id] = waits_for
            if measure.type == "ai":
                plan.blocked[measure.id, ", ".join(waits_for)] += 1
        elif not _is_known(plan, job.of(measure), name, measuring, under_way):
            causes[measure.id] = {measure.id: None}


def _of_interest(measures: Mapping[str, Measure]) -> Iterable[Measure]:
    """Give the ai measures and what they need, inputs first."""
    judged = [one.id for one in measures.values() if one.type == "ai"]
    needed = {one.id for id_ in judged for one in ancestors(measures, id_)}
    return [one for one in measures.values() if one.id in needed.union(judged)]


def _is_known(
    plan: Plan,
    job: Job,
    name: str,
    measuring: Measuring,
    under_way: Collection[tuple[str, str]],
) -> bool:
    """Compute a measure whose inputs are known; plan to ask what keeps it from that."""
    try:
        measuring.output(job, _nobody)
    except MeasureError as error:
        plan.problems.append(_problem(job, str(error)))
        return False
    except NeedsJudge:
        _want(plan, job, name, measuring, under_way)
        return False
    plan.remembered += job.measure.samples if job.measure.type == "ai" else 0
    return True


def _nobody() -> object:
    raise NeedsJudge


def _want(
    plan: Plan,
    job: Job,
    name: str,
    measuring: Measuring,
    under_way: Collection[tuple[str, str]],
) -> None:
    ask = measuring.ask(job, measuring.given(job))
    if not ask.model:
        plan.problems.append(_problem(job, SET_MODEL))
        return
    question = measuring.judging.question(ask)
    replies = measuring.judging.replies(job.path)
    missing = []
    for sample in range(job.measure.samples):
        key = question.key(sample)
        if replies.find(key) is not None:
            plan.remembered += 1
        elif (name, key) in under_way:
            plan.under_way += 1
        else:
            missing.append(sample)
    if missing:
        asked = Asked(
            case=name, measure=job.measure, question=question, samples=tuple(missing)
        )
        plan.wanted.append(Wanted(asked, ask.texts))


def _problem(job: Job, message: str) -> str:
    return f"{job.path}:{job.measure.line} {job.measure.id}: {message.splitlines()[0]}"
