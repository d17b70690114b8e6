"""Asks how far batches are, and puts what came of them into the recordings."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from pytest_evalmd.batch.lines import Harvest, read_lines
from pytest_evalmd.batch.remote import Remote
from pytest_evalmd.batch.state import Asked, Batch, counted
from pytest_evalmd.batch.watching import Watch
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.client import redact
from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.fault import Fault, fault_error
from pytest_evalmd.judge.model import JudgeError, Reply, Verdict
from pytest_evalmd.judge.negotiation import Terms, facts, renegotiate
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.judge.reply import read_reply
from pytest_evalmd.judge.request import build_request
from pytest_evalmd.judge.spool import NotRememberedError
from pytest_evalmd.judge.store import fold
from pytest_evalmd.measuring import Measuring
from pytest_evalmd.validity import problem_of

SHOWN_PLACES = 3
"""How many of the measures with the same problem are named."""


@dataclass(slots=True)
class Outcome:
    """What became of one batch's replies."""

    remembered: int = 0
    not_written: bool = False
    """Whether a reply could not be kept, so that it has to be fetched again."""
    problems: dict[str, dict[str, None]] = field(default_factory=dict)
    """By what is wrong, where, in order."""
    folders: set[Path] = field(default_factory=set)
    cost: Cost = field(default_factory=Cost)
    refused: Terms = field(default_factory=Terms)

    def add_problem(self, what: str, place: str) -> None:
        """Note what is wrong with a reply."""
        self.problems.setdefault(what, {})[place] = None

    def summary(self) -> str:
        """Say what is remembered and what it took."""
        cost = self.cost
        line = f"remembered: {counted(self.remembered, 'reply', 'replies')}"
        line += f", {cost.remembered} already" if cost.remembered else ""
        tokens = f"{cost.tokens_asked:,} asked, {cost.tokens_answered:,} answered"
        return f"{line}; tokens: {tokens}" if cost.tokens_asked else line

    def lines(self) -> Iterator[str]:
        """Say what is wrong, a line each."""
        for what, places in self.problems.items():
            more = len(places) - SHOWN_PLACES
            tail = f" and {more} more" if more > 0 else ""
            shown = ", ".join(islice(places, SHOWN_PLACES)) + tail
            yield f"{shown}: {shorten(redact(what), 400)}"


@dataclass(slots=True, kw_only=True)
class Fetching(Watch):
    """One call of ``evalmd batch fetch``."""

    measuring: Measuring
    blocked: int = 0
    """Measures that could not be asked before these replies."""

    def fetch(self, batch: Batch) -> None:
        """Put what came of a batch into the recordings, if it is done.

        Raises:
            OSError: the batch's file can't be written.
        """
        found = self.look(batch)
        if found is not None and found[1].ended:
            self._take(*found)

    def _take(self, batch: Batch, remote: Remote) -> None:
        places = batch.places()
        harvest = Harvest(places.keys())
        whole = self._download(batch, remote, harvest)
        outcome = self._remember(batch, harvest, places)
        for line in outcome.lines():
            self.fail(line)
        for fact in facts(outcome.refused):
            self.say(f"{batch.model}: {fact} from the next submission on")
        self.say(outcome.summary())
        if whole and not outcome.not_written:
            self._close(batch, harvest, outcome)
        else:
            file = self.folder.file(batch).relative_to(self.folder.root)
            self.fail(f"{batch.id}: fetch again, or delete {file} to give up the rest")

    def _download(self, batch: Batch, remote: Remote, harvest: Harvest) -> bool:
        """Take in the files of replies and of errors; tells whether they came whole."""
        whole = self._download_one(batch, remote.output_file, harvest)
        if (
            missing := min(remote.completed, len(harvest.known)) - harvest.answered
        ) > 0:
            whole = False
            self.fail(
                f"{batch.id}: {missing} of {remote.completed} replies are missing"
            )
        whole = self._download_one(batch, remote.error_file, harvest) and whole
        for why in harvest.ignored:
            self.fail(f"{batch.id}: ignored {redact(why)}")
        if (more := harvest.ignored_count - len(harvest.ignored)) > 0:
            self.fail(f"{batch.id}: ignored {more} more lines")
        return whole

    def _download_one(
        self, batch: Batch, file_id: str | None, harvest: Harvest
    ) -> bool:
        if file_id is None:
            return True
        whole = True
        with tempfile.TemporaryFile() as file:
            try:
                self.provider.download(file_id, file)
            except (JudgeError, OSError) as error:
                whole = False
                self.fail(f"{batch.id}: {file_id} did not come whole: {error}")
            file.seek(0)
            harvest.take(read_lines(file))
        return whole

    def _remember(
        self,
        batch: Batch,
        harvest: Harvest,
        places: dict[str, list[tuple[Asked, int]]],
    ) -> Outcome:
        outcome = Outcome()
        for custom_id, reply in harvest.replies.items():
            outcome.cost.add_usage(reply.usage)
            for asked, sample in places[custom_id]:
                self._remember_one(outcome, asked, sample, reply)
        for custom_id, fault in harvest.faults.items():
            for asked, _ in places[custom_id]:
                outcome.add_problem(
                    self._explain(outcome, batch, asked, fault), asked.place
                )
        for custom_id in sorted(harvest.contradicted):
            for asked, _ in places[custom_id]:
                outcome.add_problem("answered twice, differently; ignored", asked.place)
        for folder in outcome.folders:
            for path, problem in fold(folder, {}, self._keys).problems:
                outcome.not_written = True
                outcome.add_problem(f"not written: {problem}", str(path))
        return outcome

    def _remember_one(
        self, outcome: Outcome, asked: Asked, sample: int, reply: Reply
    ) -> None:
        valid = problem_of(asked.measure, self.measuring.sandbox)
        try:
            verdict = read_reply(reply, asked.measure, problem_of=valid)
        except JudgeError as error:
            outcome.add_problem(f"{error}; not remembered", asked.place)
            return
        try:
            new = self._keep(asked, sample, reply, verdict)
        except (JudgeError, NotRememberedError) as error:
            outcome.not_written = True
            outcome.add_problem(f"not written: {error}", asked.place)
            return
        outcome.remembered += new
        outcome.cost.remembered += not new
        outcome.folders.add(self._path(asked).parent)

    def _keep(self, asked: Asked, sample: int, reply: Reply, verdict: Verdict) -> bool:
        """Write a reply down; tells whether it was not there yet.

        Raises:
            JudgeError: the case's recordings can't be read.
            NotRememberedError: it can't be written.
        """
        path, key = self._path(asked), asked.question.key(sample)
        if not path.parent.is_dir():
            raise NotRememberedError(f"the folder {path.parent} is gone")
        replies = self.measuring.judging.replies(path)
        if replies.find(key) is not None:
            return False
        remembered = Remembered(
            measure_id=asked.measure.id,
            question=asked.question,
            sample=sample,
            key=key,
            model=reply.model,
            date=datetime.date.today().isoformat(),
            reason=verdict.reason,
            response=verdict.value,
            usage=reply.usage,
        )
        replies.remember(remembered, self._keys)
        return True

    def _path(self, asked: Asked) -> Path:
        return self.folder.root / asked.case

    def _explain(
        self, outcome: Outcome, batch: Batch, asked: Asked, fault: Fault | JudgeError
    ) -> str:
        """Say why there is no reply; note what the server doesn't take."""
        if isinstance(fault, JudgeError):
            return str(fault)
        question = asked.question
        request = build_request(
            asked.measure, model=batch.model, texts={}, parameters=question.parameters
        )
        # What this batch was sent without can't be what is complained of.
        terms = renegotiate(request, Terms(batch.refused), fault)
        if terms is not None:
            outcome.refused = outcome.refused | terms
        return str(fault_error(fault, batch.model))

    def _close(self, batch: Batch, harvest: Harvest, outcome: Outcome) -> None:
        """Note that nothing more of a batch is to be had."""
        refused = (Terms(batch.refused) | outcome.refused).refused
        self.folder.save(replace(batch, fetched=True, refused=refused))
        self.blocked = max(self.blocked, batch.blocked)
        if harvest.answered < len(batch.places()) or outcome.problems:
            self.fail(f"{batch.id}: evalmd batch submit asks for the rest again")

    @property
    def _keys(self) -> set[str]:
        return self.measuring.judging.keys
