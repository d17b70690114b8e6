"""The files of the batches of a working directory, in ``__evalmd__/batches``."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_evalmd.batch.state import (
    Batch,
    BatchFileError,
    may_name,
    read_batch,
    write_batch,
)
from pytest_evalmd.files import FOLDER, read_regular, write_atomically
from pytest_evalmd.judge.locks import locked
from pytest_evalmd.judge.model import JudgeError
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.spool import NotRememberedError, check_no_secret

LOCK = "submit.lock"


@dataclass(frozen=True, slots=True)
class BatchFolder:
    """Where batches are remembered."""

    root: Path
    """The working directory; cases are named from here."""

    def file(self, batch: Batch) -> Path:
        """Give the file of a batch."""
        return self.root / FOLDER / "batches" / f"{batch.id}.json"

    def load(self) -> tuple[list[Batch], list[str]]:
        """Read all batches, the oldest first, and say which files can't be read."""
        found, problems = [], []
        for path in sorted((self.root / FOLDER / "batches").glob("*.json")):
            try:
                found.append(read_batch(read_regular(path).decode()))
            except (OSError, UnicodeDecodeError, BatchFileError) as error:
                shown = os.path.relpath(path, self.root)
                problems.append(f"{shown}: {error}; mend or delete it")
        return sorted(found, key=lambda batch: (batch.submitted_s, batch.id)), problems

    def save(self, batch: Batch) -> None:
        """Write a batch's file, whole and durably.

        Raises:
            JudgeError: it would hold the value of an API key.
            OSError: it can't be written.
        """
        text = write_batch(batch)
        try:
            check_no_secret(text, environment_keys())
        except NotRememberedError as error:
            raise JudgeError("secret", f"{batch.id}: not submitted: {error}") from None
        self.file(batch).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(self.file(batch), text.encode())

    def forget(self, batch: Batch) -> None:
        """Remove a batch's file.

        Raises:
            OSError: it can't be removed.
        """
        self.file(batch).unlink(missing_ok=True)

    @contextlib.contextmanager
    def only_one(self) -> Iterator[None]:
        """Be the only process that submits or forgets here; waits for the others.

        Raises:
            OSError: the folder can't be written.
        """
        folder = self.root / FOLDER / "batches"
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / LOCK):
            yield

    def name_of(self, case: Path) -> str:
        """Name a case file from here, with ``/`` between.

        Raises:
            ValueError: it is not below this folder, or has no name for a batch's file.
        """
        try:
            whole = Path(os.path.normpath(self.root / case))
            name = whole.relative_to(self.root).as_posix()
        except ValueError:
            message = f"not below {self.root}; run it in a folder that holds all cases"
            raise ValueError(message) from None
        if not may_name(name):
            message = (
                "a batch's file takes names that end in .md, without backslashes and "
                "control characters; rename it"
            )
            raise ValueError(message)
        return name
