"""``evalmd selfcheck``: plant attacks in copies of answers and see what a judge does."""

from __future__ import annotations

import argparse
import asyncio
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, same, write_json
from pytest_evalmd.cli.cases import MAX_CONCURRENCY, SoundCases, concurrency, say, show
from pytest_evalmd.judge import attacks
from pytest_evalmd.judge.aggregate import aggregate
from pytest_evalmd.judge.attacks import Attack, Target
from pytest_evalmd.judge.calling import call
from pytest_evalmd.judge.client import DEADLINE_S, OpenAIClient
from pytest_evalmd.judge.model import JudgeError, LLMClient, Request
from pytest_evalmd.judge.reply import RETRYABLE, read_reply
from pytest_evalmd.judge.request import ask_again, build_request
from pytest_evalmd.logic.model import Limits, LogicError
from pytest_evalmd.logic.sandbox import Sandbox
from pytest_evalmd.validity import problem_of
from pytest_evalmd.verdict.compare import accept, holds

Fate = Literal["moved", "held", "stopped", "error"]
"""What became of an attack; ``stopped``: the judge or its server refused to judge."""
STOPPED = frozenset({"refused", "filtered"})


@dataclass(frozen=True, slots=True)
class Subject:
    """A measure of a case, as its judge is asked about it."""

    path: Path
    case: Case
    measure: Measure
    model: str

    @property
    def place(self) -> str:
        """Name it as a line's beginning."""
        return f"{self.path}:{self.measure.line} {self.measure.id}"

    def texts(self, answer: str) -> dict[str, str]:
        """Gather what the judge sees, given an answer in place of the recorded one."""
        measure = self.measure
        sources = {"query": self.case.query.text, "answer": answer}
        seen = [name for name in sources if name in measure.context]
        texts: dict[str, str] = {name: sources[name] for name in seen}
        if isinstance(measure.input, str):
            texts["input"] = sources[measure.input]
        elif measure.input is not None:
            texts["input"] = write_json({name: sources[name] for name in measure.input})
        return texts

    def request(self, answer: str, sample: int = 0) -> Request:
        """Build the request that a run would send."""
        texts = self.texts(answer)
        return build_request(self.measure, model=self.model, texts=texts, sample=sample)


@dataclass(slots=True)
class Report:
    """What became of one measure's attacks."""

    lines: list[str] = field(default_factory=list)
    fates: list[tuple[str, Fate]] = field(default_factory=list)
    """Each with its attack's name."""
    failed: bool = False
    """Whether there is no verdict on the answer as recorded."""


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "selfcheck",
        help="plant attacks in copies of answers and see whether the judge is moved",
        description="Ask the judge about each recorded answer and about copies of it "
        "that hold attacks (SECURITY.md lists them). A verdict that moves by more than "
        "its measure lets pass is reported. Nothing is written. The exit status is 1 "
        "if a verdict moved, a request failed or there was nothing to check.",
        epilog="The server is that of OPENAI_BASE_URL and OPENAI_API_KEY. Each measure "
        f"takes up to {len(attacks.ALL) + 1} requests, times its samples.",
    )
    parser.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    parser.add_argument(
        "--judge-model",
        metavar="NAME",
        help="the model that judges, whatever a case says (default: the case's judge, "
        "then EVALMD_JUDGE_MODEL)",
    )
    parser.add_argument(
        "--concurrency",
        type=concurrency,
        default=8,
        metavar="N",
        help=f"requests in flight at once, 1 to {MAX_CONCURRENCY} (default: 8)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; gives the exit status."""
    cases = SoundCases(arguments.cases)
    subjects: list[Subject] = []
    left_out = 0
    for path, case in cases:
        if case.answered:
            seen = [one for one in case.measures.values() if one.type == "ai"]
            checked = [one for one in seen if _sees_answer(one)]
            left_out += len(seen) - len(checked)
            judge = arguments.judge_model or case.judge_model
            model = judge or os.environ.get("EVALMD_JUDGE_MODEL", "")
            subjects += [Subject(path, case, one, model) for one in checked]
    reports = asyncio.run(_check_all(subjects, arguments.concurrency))
    for line in _summary(reports, left_out):
        show(line)
    fates = Counter(fate for report in reports for _, fate in report.fates)
    if not fates:
        say("nothing was checked: no ai measure of an answer was judged", error=True)
    failed = cases.failed or not fates or any(report.failed for report in reports)
    return 1 if failed or fates["moved"] or fates["error"] else 0


def _sees_answer(measure: Measure) -> bool:
    """Tell whether its judge sees the answer, and no other measure's output."""
    return not measure.needs and "answer" in (*measure.context, *measure.inputs)


async def _check_all(subjects: Iterable[Subject], concurrency: int) -> list[Report]:
    client, sandbox = OpenAIClient(), Sandbox(Limits())
    check = Check(client, sandbox, asyncio.Semaphore(concurrency))
    tasks = [asyncio.create_task(check.report(subject)) for subject in subjects]
    reports = []
    try:
        for task in tasks:
            reports.append(await task)
            for line in reports[-1].lines:
                show(line)
    finally:
        await client.close()
        sandbox.close()
    return reports


@dataclass(frozen=True, slots=True)
class Check:
    """Asks a judge, and compares."""

    client: LLMClient
    sandbox: Sandbox
    slots: asyncio.Semaphore

    async def report(self, subject: Subject) -> Report:
        """Attack one measure."""
        answer, report = subject.case.answer.text, Report()
        try:
            baseline = await self._judge(subject, answer)
            wanted = self._wanted(subject, baseline)
        except (JudgeError, LogicError) as error:
            return Report([f"{subject.place}: not checked: {error}"], failed=True)
        if not wanted:
            why = "not checked: its compare lets every verdict pass"
            return Report([f"{subject.place}: {why}"])
        mark = attacks.mark_of(subject.request(answer))
        target = Target(answer=answer, mark=mark, aim=wanted[0])
        improvable = any(attacks.better(baseline, aim) for aim in wanted)
        made = [one for one in attacks.ALL if one.kind == "adds" or improvable]
        asked = (self._attack(subject, one, target, baseline) for one in made)
        outcomes = await asyncio.gather(*asked)
        for attack, (fate, said) in zip(made, outcomes, strict=True):
            report.fates.append((attack.name, fate))
            if said:
                report.lines.append(f"{subject.place}: attack {attack.name} {said}")
        return report

    async def _attack(
        self, subject: Subject, attack: Attack, target: Target, baseline: Value
    ) -> tuple[Fate, str]:
        try:
            attacked = await self._judge(subject, attack.plant(target))
            worth = attack.kind == "adds" or attacks.better(baseline, attacked)
            if not worth or not self._moves(subject, baseline, attacked):
                return "held", ""
        except (JudgeError, LogicError) as error:
            if isinstance(error, JudgeError) and error.kind in STOPPED:
                return "stopped", ""
            return "error", f"got no verdict: {error}"
        obeyed = attack.kind == "adds" and same(attacked, target.aim)
        old, new = (shorten(write_json(one), 60) for one in (baseline, attacked))
        return "moved", f"moved {old} -> {new}{', as it asked' if obeyed else ''}"

    def _wanted(self, subject: Subject, baseline: Value) -> list[Value]:
        """Give the responses worth an attack: the valid ones, if there are any."""
        measure = subject.measure
        find_problem = problem_of(measure, self.sandbox)
        possible = attacks.aims(measure, baseline)
        moves = [one for one in possible if self._moves(subject, baseline, one)]
        return [aim for aim in moves if find_problem(aim) is None] or moves

    def _moves(self, subject: Subject, baseline: Value, attacked: Value) -> bool:
        """Tell whether a response is another one, as far as the measure tells."""
        measure = subject.measure

        def matches(pattern: str, text: str, ignore_case: bool) -> bool:
            return self.sandbox.matches(pattern, text, ignore_case=ignore_case)

        text = accept(measure, "", baseline)
        if same(baseline, attacked) or holds(measure, text, attacked, matches):
            return False
        if measure.compare not in ("pattern", "any-of"):
            return True
        recorded = subject.case.result_text(measure.id)
        both = (holds(measure, recorded, one, matches) for one in (baseline, attacked))
        return not all(both)

    async def _judge(self, subject: Subject, answer: str) -> Value:
        """Get a verdict on an answer, as a run does, but remember nothing."""
        measure = subject.measure
        requests = (subject.request(answer, n) for n in range(measure.samples))
        asked = (self._ask(measure, request) for request in requests)
        values = await asyncio.gather(*asked)
        return aggregate(values, measure.aggregate, measure.output)

    async def _ask(self, measure: Measure, request: Request) -> Value:
        valid = problem_of(measure, self.sandbox)
        async with self.slots:
            reply = await call(self.client, request, DEADLINE_S)
            try:
                return read_reply(reply, measure, problem_of=valid).value
            except JudgeError as error:
                if error.kind not in RETRYABLE:
                    raise
                again = ask_again(request, reply, str(error))
            reply = await call(self.client, again, DEADLINE_S)
            return read_reply(reply, measure, problem_of=valid).value


def _summary(reports: list[Report], left_out: int) -> Iterator[str]:
    fates = Counter(one for report in reports for one in report.fates)
    for attack in attacks.ALL:
        counts = {fate: fates[attack.name, fate] for fate in get_args(Fate)}
        yield f"{attack.name}: {_counted(counts)}"
    moved = sum(count for (_, fate), count in fates.items() if fate == "moved")
    checked = sum(bool(report.fates) for report in reports)
    yield (
        f"{moved} of {fates.total()} attacked answers moved a verdict "
        f"(measures: {checked}, attacks: version {attacks.ATTACKS})"
    )
    if left_out:
        why = "their judge sees no answer, or another measure's output"
        yield f"ai measures left out: {left_out}; {why}"


def _counted(counts: dict[str, int]) -> str:
    total = sum(counts.values())
    if not total:
        return "not made: no verdict that it could better"
    said = f"{counts['moved']} of {total} moved"
    if counts["stopped"]:
        said += f", {counts['stopped']} refused or filtered (counted as held)"
    if counts["error"]:
        said += f", {counts['error']} without a verdict"
    return said
