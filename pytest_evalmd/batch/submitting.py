"""Submits what the recordings lack, so that dying at any step pays for nothing twice.

A batch's file is written before anything is sent, again with the id of the uploaded
file before a batch is made of that, and again with the id of the batch. Whatever was
written last tells what to look for.
"""

from __future__ import annotations

import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from pytest_evalmd.batch.folder import BatchFolder
from pytest_evalmd.batch.lines import MAX_BYTES, MAX_REQUESTS, split, write_line
from pytest_evalmd.batch.planning import Plan, Planner, Wanted
from pytest_evalmd.batch.provider import Provider, UncertainError
from pytest_evalmd.batch.state import Asked, Batch, counted, custom_id
from pytest_evalmd.cli.cases import FoundCase
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.negotiation import Terms, build_body
from pytest_evalmd.measuring import Measuring

SETTLE_S = 120
"""How long a batch may take to be listed by its provider, in seconds."""

Say: TypeAlias = Callable[[str], None]
Ways: TypeAlias = "dict[str, list[tuple[Wanted, int]]]"
"""By key, all that one request answers."""


@dataclass(slots=True, kw_only=True)
class Submission:
    """One call of ``evalmd batch submit``."""

    folder: BatchFolder
    measuring: Measuring
    provider: Provider
    say: Say
    complain: Say
    max_requests: int = MAX_REQUESTS
    max_bytes: int = MAX_BYTES
    failed: bool = False
    batches: list[Batch] = field(default_factory=list)
    """All that are known."""

    def submit(self, cases: Iterable[FoundCase]) -> None:
        """Submit what cases lack.

        Raises:
            JudgeError: the provider can't be asked.
            OSError: the batches' folder can't be read or written.
        """
        with self.folder.only_one():
            self.batches, problems = self.folder.load()
            for problem in problems:
                # What it asked for is not known: it could be paid twice.
                self.fail(problem)
            if problems:
                return
            self._settle()
            plan = self._plan(cases)
            self._report(plan)
            self._send(plan)

    def fail(self, message: str) -> None:
        """Say what went wrong."""
        self.failed = True
        self.complain(message)

    def _settle(self) -> None:
        """Find out what became of submissions that were interrupted."""
        for batch in [one for one in self.batches if one.batch is None]:
            self.batches.remove(batch)
            try:
                settled = settle(batch, self.folder, self.provider)
            except UncertainError as error:
                self.fail(f"{batch.id}: {error}")
                settled = batch
            self.batches += [settled] if settled else []

    def _plan(self, cases: Iterable[FoundCase]) -> Plan:
        under_way = {
            (asked.case, asked.question.key(sample))
            for batch in self.batches
            if not batch.fetched
            for asked in batch.asked
            for sample in asked.samples
        }
        planner = Planner(measuring=self.measuring, under_way=under_way)
        problems, names = planner.plan.problems, set[str]()
        found = None
        for found in cases:
            problems += found.problems
            if found.case is None or not found.case.answered:
                continue
            try:
                name = self.folder.name_of(found.path)
            except ValueError as error:
                problems.append(f"{found.path}: {error}")
                continue
            if name not in names:
                planner.add(found.path, found.case, name)
            names.add(name)
        if found is None:
            problems.append("no case found")
        return planner.plan

    def _report(self, plan: Plan) -> None:
        for problem in plan.problems:
            self.fail(problem)
        for (measure, causes), count in plan.blocked.items():
            cases = counted(count, "case", "cases")
            self.say(f"blocked: {measure} waits for {causes} ({cases})")
        if plan.remembered:
            self.say(
                f"remembered already: {counted(plan.remembered, 'reply', 'replies')}"
            )
        if plan.under_way:
            self.say(
                f"under way already: {counted(plan.under_way, 'reply', 'replies')}"
            )
        if not plan.wanted:
            self.say("nothing to submit")

    def _send(self, plan: Plan) -> None:
        by_model: defaultdict[str, Ways] = defaultdict(dict)
        for wanted in plan.wanted:
            ways = by_model[wanted.asked.question.model]
            for sample in wanted.asked.samples:
                key = wanted.asked.question.key(sample)
                ways.setdefault(key, []).append((wanted, sample))
        for model, ways in by_model.items():
            refused = self._refused(model)
            lines = self._lines(ways, Terms(refused))
            limits = {"max_requests": self.max_requests, "max_bytes": self.max_bytes}
            for part in split(lines, **limits):
                batch = Batch(
                    id=secrets.token_hex(6),
                    model=model,
                    submitted_s=int(time.time()),
                    asked=_asked(way for key in part for way in ways[key]),
                    blocked=plan.blocked.total(),
                    refused=refused,
                )
                self._send_one(batch, b"".join(part.values()), len(part))

    def _refused(self, model: str) -> tuple[str, ...]:
        """Give what earlier batches found out about a model's server."""
        known = [one.refused for one in self.batches if one.model == model]
        return tuple(dict.fromkeys(name for refused in known for name in refused))

    def _lines(self, ways: Ways, terms: Terms) -> Iterator[tuple[str, bytes]]:
        for key, ((wanted, sample), *_) in ways.items():
            body = build_body(wanted.request(sample), terms)
            line = write_line(custom_id(key), body)
            if len(line) <= self.max_bytes:
                yield key, line
            else:
                limit = f"{self.max_bytes:,} bytes, a batch's limit"
                place = wanted.asked.place
                self.fail(f"{place}: not submitted: longer than {limit}")

    def _send_one(self, batch: Batch, data: bytes, count: int) -> None:
        """Submit one batch, leaving a trace of each step before the next.

        Raises:
            JudgeError: it was not submitted, or that is not certain.
        """
        try:
            self.folder.save(batch)
        except JudgeError as error:
            self.fail(str(error))
            return
        try:
            file = self.provider.upload(f"evalmd-{batch.id}.jsonl", data)
            batch = replace(batch, file=file, submitted_s=int(time.time()))
            self.folder.save(batch)
            remote = self.provider.create(file, batch.id)
        except UncertainError as error:
            message = f"{batch.id}: whether it was submitted is not known: {error}"
            raise JudgeError(error.kind, f"{message}; submit again finds out") from None
        except JudgeError:
            self.folder.forget(batch)
            raise
        self.folder.save(replace(batch, batch=remote.id))
        requests = counted(count, "request", "requests")
        self.say(f"{batch.id}: {requests} to {batch.model} submitted ({remote.id})")


def settle(batch: Batch, folder: BatchFolder, provider: Provider) -> Batch | None:
    """Find out what became of a batch whose submission was interrupted.

    Returns:
        it with its provider's id; ``None`` if there is none, and then it is forgotten.

    Raises:
        UncertainError: that can't be told, or not yet.
    """
    if batch.file is not None:
        try:
            remote = provider.find(batch.file)
        except JudgeError as error:
            message = f"whether it was submitted can't be told: {error}"
            raise UncertainError(error.kind, message) from None
        if remote is not None:
            found = replace(batch, batch=remote.id)
            folder.save(found)
            return found
        if time.time() < batch.submitted_s + SETTLE_S:
            message = (
                "its submission was interrupted, and the provider doesn't list it yet; "
                f"submit again after {SETTLE_S} s"
            )
            raise UncertainError("busy", message)
    folder.forget(batch)
    return None


def _asked(ways: Iterable[tuple[Wanted, int]]) -> tuple[Asked, ...]:
    """Gather the questions of a part, each with its samples there."""
    samples: dict[int, list[int]] = {}
    wanted_by_id: dict[int, Wanted] = {}
    for wanted, sample in ways:
        wanted_by_id[id(wanted)] = wanted
        samples.setdefault(id(wanted), []).append(sample)
    return tuple(
        replace(wanted_by_id[one].asked, samples=tuple(found))
        for one, found in samples.items()
    )
