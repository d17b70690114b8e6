"""What a run would ask and can be asked now, without asking it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pytest_evalmd.batch.state import Asked
from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.model import Case, Measure
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Finds out what cases want."""

    measuring: Measuring
    """Computes what the inputs are; asks nobody."""
    under_way: Collection[tuple[str, str]]
    """Names of cases and keys of replies that a batch was asked for."""
    plan: Plan = field(default_factory=Plan)

    def add(self, path: Path, case: Case, name: str) -> None:
        """Add a case to the plan, ``name`` being what a batch's file calls it."""
        causes: dict[str, dict[str, None]] = {}
        """Of measures without an output: the measures, in order, that they wait for."""
        for measure in _of_interest(case.measures):
            waits = {c: None for need in measure.needs for c in causes.get(need, ())}
            if waits:
                causes[measure.id] = waits
                if measure.type == "ai":
                    self.plan.blocked[measure.id, ", ".join(waits)] += 1
            elif not self._is_known(Job(path=path, case=case, measure=measure), name):
                causes[measure.id] = {measure.id: None}

    def _is_known(self, job: Job, name: str) -> bool:
        """Compute a measure whose inputs are known; plan to ask what it lacks."""
        try:
            self.measuring.output(job, _nobody)
        except MeasureError as error:
            self._note(job, str(error))
            return False
        except NeedsJudge:
            self._want(job, name)
            return False
        self.plan.remembered += job.measure.samples if job.measure.type == "ai" else 0
        return True

    def _want(self, job: Job, name: str) -> None:
        computing = self.measuring.computing
        ask = computing.ask(job, computing.given(job))
        if not ask.model:
            self._note(job, SET_MODEL)
            return
        question = self.measuring.judging.question(ask)
        replies = self.measuring.judging.replies(job.path)
        missing = []
        for sample in range(job.measure.samples):
            key = question.key(sample)
            if replies.find(key) is not None:
                self.plan.remembered += 1
            elif (name, key) in self.under_way:
                self.plan.under_way += 1
            else:
                missing.append(sample)
        if missing:
            asked = Asked(
                case=name,
                measure=job.measure,
                question=question,
                samples=tuple(missing),
            )
            self.plan.wanted.append(Wanted(asked, ask.texts))

    def _note(self, job: Job, problem: str) -> None:
        place = f"{job.path}:{job.measure.line} {job.measure.id}"
        self.plan.problems.append(f"{place}: {problem.splitlines()[0]}")


def _of_interest(measures: Mapping[str, Measure]) -> Iterable[Measure]:
    """Give the ai measures and what they need, inputs first."""
    judged = [one.id for one in measures.values() if one.type == "ai"]
    needed = {one.id for id_ in judged for one in ancestors(measures, id_)}
    return [one for one in measures.values() if one.id in needed.union(judged)]


def _nobody() -> object:
    raise NeedsJudge
