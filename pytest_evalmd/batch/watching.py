"""Asks how far batches are, and ends them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from pytest_evalmd.batch.folder import BatchFolder
from pytest_evalmd.batch.provider import Provider
from pytest_evalmd.batch.remote import Remote
from pytest_evalmd.batch.state import Batch, counted
from pytest_evalmd.batch.submitting import Say, settle
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.client import redact
from pytest_evalmd.judge.model import JudgeError


@dataclass(slots=True, kw_only=True)
class Watch:
    """What the batches of a folder are doing."""

    folder: BatchFolder
    provider: Provider
    say: Say
    complain: Say
    failed: bool = False
    under_way: int = 0
    """Batches that are not done yet."""
    ended: int = 0

    def fail(self, message: str) -> None:
        """Say what went wrong."""
        self.failed = True
        self.complain(message)

    def look(self, batch: Batch) -> tuple[Batch, Remote] | None:
        """Ask how far a batch is, and say so; ``None`` if that can't be told."""
        try:
            found, remote = self._look(batch)
        except JudgeError as error:
            self.fail(f"{batch.id}: {error}")
            return None
        self._note(found, remote)
        return found, remote

    def cancel(self, batch: Batch) -> None:
        """Ask for nothing more of a batch."""
        if batch.file is None:
            self.folder.forget(batch)
            self.say(f"{batch.id}: was never submitted, and is forgotten")
            return
        try:
            found, remote = self._look(batch)
            if not remote.ended and found.batch is not None:
                remote = self.provider.cancel(found.batch)
        except JudgeError as error:
            self.fail(f"{batch.id}: {error}")
        else:
            self._note(found, remote)

    def _note(self, batch: Batch, remote: Remote) -> None:
        self.ended += remote.ended
        self.under_way += not remote.ended
        self.say(describe(batch, remote))

    def _look(self, batch: Batch) -> tuple[Batch, Remote]:
        found: Batch | None = batch
        if batch.batch is None:
            found = settle(batch, self.folder, self.provider) if batch.file else None
        if found is None or found.batch is None:
            message = "was never submitted: it was interrupted; submit again"
            raise JudgeError("no-batch", message)
        return found, self.provider.retrieve(found.batch)


def describe(batch: Batch, remote: Remote) -> str:
    """Say how far a batch is, and why it could not start."""
    total = remote.total or len(batch.places())
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(batch.submitted_s))
    requests = counted(total, "request", "requests")
    counts = f"{requests}, {remote.completed} completed, {remote.failed} failed"
    status = shorten(redact(remote.status), 40)
    line = f"{batch.id} {batch.model}: {status}: {counts} (submitted {when})"
    return "; ".join([line, *map(redact, remote.errors)])
