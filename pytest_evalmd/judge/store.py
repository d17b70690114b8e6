"""Where remembered replies live: a file a case, and a spool in front of it.

A reply goes to the spool the moment it is known to be valid, in a file of its own, so
that nothing paid for is lost however the run ends. The one process that writes folds
the spool into the case's file at the end; the next run reads a spool that was left.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from pytest_evalmd.case.values import Value, ValueTextError, read_json, write_json
from pytest_evalmd.files import write_atomically
from pytest_evalmd.judge.locks import POLL_S, FileLock, locked
from pytest_evalmd.judge.question import digest
from pytest_evalmd.judge.recordings import (
    RecordingError,
    Remembered,
    read_question,
    read_recordings,
    read_reply_of,
    write_question,
    write_recordings,
    write_reply,
)

FOLDER = "__evalmd__"
SPOOL = ".spool"
SECRET_LENGTH = 8
"""Shorter values of a key's variable are no keys, and would be found everywhere."""


class NotRememberedError(Exception):
    """A reply was not written down; says why."""


def recordings_path(case: Path) -> Path:
    """Give the recordings file of a case file."""
    return case.parent / FOLDER / f"{case.stem}.json"


class CaseReplies:
    """What is remembered of one case, in the file, the spool and this session."""

    def __init__(self, case: Path, run: str) -> None:
        self.case, self.run = case, run
        self.by_key, self.fresh = _load(case, run)
        self.replaced: list[Remembered] = []
        """Replies that were asked for anew."""

    def find(self, key: str, *, fresh_only: bool = False) -> Remembered | None:
        """Give a reply; with ``fresh_only``, one of this session."""
        if fresh_only and key not in self.fresh:
            return None
        return self.by_key.get(key)

    def find_spooled(self, key: str, *, fresh_only: bool) -> Remembered | None:
        """Look once more for a reply that another process may have got meanwhile."""
        spooled = _read_spooled(_spool_file(self.case, key), self.case)
        if spooled is None or (fresh_only and spooled[1] != self.run):
            return None
        self.by_key[key] = spooled[0]
        return spooled[0]

    def remember(self, reply: Remembered, secrets: Collection[str]) -> None:
        """Write a reply to the spool.

        Raises:
            NotRememberedError: it can't be written, or holds a key; it is kept for
                this session.
        """
        if reply.key in self.by_key:
            self.replaced.append(self.by_key[reply.key])
        self.by_key[reply.key] = reply
        self.fresh.add(reply.key)
        text = write_json(
            {
                "case": self.case.name,
                "measure": reply.measure_id,
                "run": self.run,
                "question": write_question(reply.question),
                "reply": write_reply(reply),
            }
        )
        check_no_secret(text, secrets)
        try:
            make_spool(self.case)
            write_atomically(
                _spool_file(self.case, reply.key), text.encode(), durable=False
            )
        except OSError as error:
            raise NotRememberedError(error.strerror or str(error)) from None

    @contextlib.asynccontextmanager
    async def claim(self, key: str) -> AsyncIterator[None]:
        """Be the only one, in any process, to ask for a reply."""
        try:
            make_spool(self.case)
            lock = FileLock(_spool_file(self.case, key).with_suffix(".lock"))
            while not lock.try_acquire():
                await asyncio.sleep(POLL_S)
        except OSError:  # a folder that can't be written: then nothing is shared
            yield
            return
        try:
            yield
        finally:
            lock.release()


def check_no_secret(text: str, secrets: Collection[str]) -> None:
    """Refuse a text that holds a key.

    Raises:
        NotRememberedError: it does.
    """
    for secret in secrets:
        if len(secret) >= SECRET_LENGTH and secret in text:
            raise NotRememberedError("the reply holds the value of an API key")


def make_spool(case: Path) -> None:
    """Make the spool's folder, which git ignores.

    Raises:
        OSError: it can't be made.
    """
    spool = _spool(case)
    if not spool.is_dir():
        spool.mkdir(parents=True, exist_ok=True)
        (spool / ".gitignore").write_bytes(b"*\n")


Keep: TypeAlias = Callable[[Remembered], bool]
"""Tells whether a remembered reply is still wanted."""


@dataclass(slots=True, kw_only=True)
class Folded:
    """What became of a folder's recordings."""

    dropped: dict[Path, int] = field(default_factory=dict)
    """By recordings file, how many replies were not wanted any more."""
    problems: list[tuple[Path, str]] = field(default_factory=list)
    """Files that could not be written, and why; their spool stays."""


def fold(folder: Path, keep: Mapping[str, Keep], keys: Collection[str]) -> Folded:
    """Fold a folder's spool into the recordings of its cases.

    Args:
        folder: where the case files are.
        keep: by case name, which replies to keep; all, for a case that is not in it.
        keys: API keys, which are never written.
    """
    spool, folded = folder / FOLDER / SPOOL, Folded()
    has_recordings = any(recordings_path(folder / name).exists() for name in keep)
    if not spool.is_dir() and not has_recordings:
        return folded
    try:
        make_spool(folder / "case.md")
        with locked(spool / "fold.lock"):
            spooled = _spooled_by_case(folder)
            for name in sorted({*spooled, *keep}):
                case = folder / name
                try:
                    kept = keep.get(name, lambda _: True)
                    dropped = _fold_case(case, spooled.get(name, []), kept, keys)
                except (OSError, RecordingError, NotRememberedError) as error:
                    folded.problems.append((recordings_path(case), str(error)))
                else:
                    folded.dropped[recordings_path(case)] = dropped
    except OSError as error:
        folded.problems.append((folder / FOLDER, error.strerror or str(error)))
    return folded


def _fold_case(
    case: Path,
    spooled: list[tuple[Path, Remembered]],
    keep: Keep,
    keys: Collection[str],
) -> int:
    path = recordings_path(case)
    old = path.read_text(encoding="utf-8") if path.exists() else None
    replies = read_recordings(old) if old is not None else {}
    replies.update((reply.key, reply) for _, reply in spooled)
    kept = [reply for reply in replies.values() if keep(reply)]
    text = write_recordings(case.name, kept)
    if not kept:
        path.unlink(missing_ok=True)
    elif text != old:
        check_no_secret(text, keys)
        write_atomically(path, text.encode())
    for file, _ in spooled:
        file.unlink(missing_ok=True)
    return len(replies) - len(kept)


def _load(case: Path, run: str) -> tuple[dict[str, Remembered], set[str]]:
    path = recordings_path(case)
    try:
        # The spool first: what leaves it meanwhile is in the file by then.
        spooled = _spooled_of(case)
        text = path.read_text(encoding="utf-8") if path.exists() else None
        replies = read_recordings(text) if text is not None else {}
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        raise RecordingError(f"{path}: {error}; mend or delete it") from None
    fresh = set()
    for reply, by_run in spooled:
        replies[reply.key] = reply
        if by_run == run:
            fresh.add(reply.key)
    return replies, fresh


def _spooled_of(case: Path) -> list[tuple[Remembered, str]]:
    prefix = f"{digest(case.name)}-"
    try:
        files = [f for f in _spool(case).iterdir() if f.name.startswith(prefix)]
    except OSError:
        return []
    found = [_read_spooled(file, case) for file in files if file.suffix == ".json"]
    return [spooled for spooled in found if spooled is not None]


def _spooled_by_case(folder: Path) -> dict[str, list[tuple[Path, Remembered]]]:
    found: dict[str, list[tuple[Path, Remembered]]] = {}
    for file in sorted((folder / FOLDER / SPOOL).glob("*-*.json")):
        name = _case_name(file)
        spooled = _read_spooled(file, folder / name) if name else None
        if name and spooled is not None:
            found.setdefault(name, []).append((file, spooled[0]))
    return found


def _case_name(file: Path) -> str | None:
    try:
        entry = read_json(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueTextError):
        return None
    name = entry.get("case") if isinstance(entry, dict) else None
    is_name = isinstance(name, str) and file.name.startswith(f"{digest(name)}-")
    # A name from a file must not lead out of its folder.
    return (
        name if is_name and isinstance(name, str) and Path(name).name == name else None
    )


def _read_spooled(file: Path, case: Path) -> tuple[Remembered, str] | None:
    """Read a spooled reply and its run; ``None`` for what is no such thing."""
    try:
        entry = read_json(file.read_text(encoding="utf-8"))
        if not isinstance(entry, dict) or entry.get("case") != case.name:
            return None
        question, reply = _mapping(entry, "question"), _mapping(entry, "reply")
        read = read_reply_of(str(entry.get("measure")), read_question(question), reply)
    except (OSError, UnicodeDecodeError, ValueTextError, RecordingError):
        return None
    return read, str(entry.get("run"))


def _mapping(entry: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _spool(case: Path) -> Path:
    return case.parent / FOLDER / SPOOL


def _spool_file(case: Path, key: str) -> Path:
    return _spool(case) / f"{digest(case.name)}-{key}.json"
