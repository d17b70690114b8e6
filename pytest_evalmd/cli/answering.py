"""Cases answered, many at once: each answer is remembered, then written."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pytest_evalmd.case.edit import EditError, set_answer
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.case.values import write_json
from pytest_evalmd.files import NotWrittenError, create_file, read_file
from pytest_evalmd.judge.judging import AnswerAsk, Judging, NeedsJudge
from pytest_evalmd.judge.model import JudgeError, LLMClient
from pytest_evalmd.judge.scheduler import StoppedError
from pytest_evalmd.judge.spool import NotRememberedError, check_no_secret

LASTING = frozenset({"no-key", "no-quota", "no-client"})
"""The kinds of error that every other request would meet, too."""
FAILURES = (JudgeError, EditError, CaseError, NotWrittenError, NotRememberedError)


@dataclass(frozen=True, slots=True)
class Job:
    """An answer that is wanted."""

    source: Path
    """The case without an answer."""
    target: Path
    """The case with the answer; its recordings remember the reply."""
    model: str

    def problem(self, error: Exception) -> str:
        """Say on one line why there is no answer."""
        return f"{self.source}: {self.model}: {' '.join(str(error).split())}"


@dataclass(slots=True)
class Answering:
    """Answers cases; used on one event loop."""

    judging: Judging
    client: LLMClient
    jobs: Sequence[Job]
    stopped: bool = False
    """Whether nothing is to be asked any more."""
    written: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    """What went wrong, by the place of the job."""
    done: int = 0
    """How many jobs came to an end."""

    async def work(self, limit: int) -> None:
        """Do all jobs, at most ``limit`` at once."""
        waiting = iter(enumerate(self.jobs))
        workers = min(limit, len(self.jobs))
        await asyncio.gather(*(self._work(waiting) for _ in range(workers)))

    def problems(self) -> Iterator[str]:
        """Say what went wrong, a line each."""
        for _, said in sorted(self.failures.items()):
            yield said
        left = len(self.jobs) - self.done
        if left:
            yield f"stopped before {left} more were answered; run it again to go on"

    async def _work(self, waiting: Iterator[tuple[int, Job]]) -> None:
        while not self.stopped and (following := next(waiting, None)):
            place, job = following
            try:
                await self._answer(job)
            except StoppedError:
                return
            except FAILURES as error:
                self.failures[place] = job.problem(error)
                if isinstance(error, JudgeError) and error.kind in LASTING:
                    self.stopped = True
            self.done += 1

    async def _answer(self, job: Job) -> None:
        text, ask = _read(job)
        answered = await self.judging.answer(
            ask, self.client, stopped=lambda: self.stopped
        )
        case = parse_case(text)
        ids = case.measures if case else ()
        empty = {id_: "" for id_ in ids if case and case.has_result(id_)}
        written = set_answer(text, answered.text, job.model, empty)
        check_no_secret(write_json(written), self.judging.keys)
        create_file(job.target, written.encode())
        self.written += 1


async def is_remembered(judging: Judging, job: Job) -> bool:
    """Tell whether a job needs no request; nothing is asked or written.

    Raises:
        FAILURES: what it needs can't be read.
    """
    try:
        await judging.answer(_read(job)[1])
    except NeedsJudge:
        return False
    return True


def _read(job: Job) -> tuple[str, AnswerAsk]:
    text = decode(read_file(job.source))
    case = parse_case(text)
    if case is None or case.answered:
        message = "it has changed meanwhile; run it again"
        raise NotWrittenError(message)
    ask = AnswerAsk(
        path=job.target,
        query=case.query.text,
        settings=case.answer_settings,
        model=job.model,
    )
    return text, ask
