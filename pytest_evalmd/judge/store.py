"""Where remembered replies live: a file a case, and a spool in front of it.

A reply goes to the spool the moment it is known to be valid, in a file of its own, so
that nothing paid for is lost however the run ends. The one process that writes folds
the spool into the case's file at the end; the next run reads a spool that was left.
"""

from __future__ import annotations

import asyncio
import collections
import concurrent.futures
import contextlib
import functools
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

from pytest_evalmd.files import FOLDER, read_regular, write_atomically
from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.locks import POLL_S, KeyLocks, locked
from pytest_evalmd.judge.recordings import (
    RecordingError,
    Remembered,
    forget_rounds,
    read_recordings,
    write_recordings,
)
from pytest_evalmd.judge.scheduler import StoppedError
from pytest_evalmd.judge.spool import (
    SPOOL,
    NotRememberedError,
    Spooled,
    check_no_secret,
    in_spool,
    make_spool,
    read_spooled,
    recordings_path,
    spool_file,
    spooled_by_case,
    spooled_of,
    write_spooled,
)


class CaseReplies:
    """What is remembered of one case, in the file, the spool and this session."""

    def __init__(self, case: Path, run: str) -> None:
        self.case, self.run = case, run
        self._path = recordings_path(case)
        self._stamp = _stamp(self._path)
        self.by_key, self.fresh = self._load()
        self.replaced: list[Remembered] = []
        """Replies that were asked for anew."""
        self.served: set[str] = set()
        """Keys of the replies that spared a request."""
        self.asked: set[str] = set()
        """Keys of the replies that this process asked for."""

    def find(self, key: str, *, fresh_only: bool = False) -> Remembered | None:
        """Give a reply; with ``fresh_only``, one of this session."""
        if fresh_only and key not in self.fresh:
            return None
        return self.by_key.get(key)

    def find_late(self, key: str, *, fresh_only: bool) -> Remembered | None:
        """Look once more for a reply that another process may have got meanwhile."""
        spooled = read_spooled(spool_file(self.case, key), self.case)
        if spooled is not None:
            self.by_key[key] = spooled.reply
            if spooled.run == self.run:
                self.fresh.add(key)
        elif (stamp := _stamp(self._path)) != self._stamp:
            # It may have folded it, too.
            with contextlib.suppress(RecordingError):
                self.by_key = self._load()[0] | self.by_key
            self._stamp = stamp
        return self.find(key, fresh_only=fresh_only)

    def _load(self) -> tuple[dict[str, Remembered], set[str]]:
        """Give what file and spool hold, and the keys of what is of this session."""
        try:
            # The spool first: what leaves it meanwhile is in the file by then.
            spooled = spooled_of(self.case)
            text = _text_of(self._path)
            replies = read_recordings(text) if text is not None else {}
        except (OSError, UnicodeDecodeError, RecordingError) as error:
            message = f"{self._path}: {_why(error)}; mend or delete it"
            raise RecordingError(message) from None
        _add_spooled(replies, spooled)
        return replies, {one.reply.key for one in spooled if one.run == self.run}

    def remember(
        self, reply: Remembered, secrets: Collection[str], next_round: int | None = None
    ) -> None:
        """Write a reply to the spool.

        Args:
            reply: what came.
            secrets: API keys, which are never written.
            next_round: the first sample of the round of asking after the reply's. If it
                takes the place of an older one, older replies from there on belong to a
                vote that is over, and are forgotten.

        Raises:
            NotRememberedError: it can't be written, or holds a key; it is kept for
                this session.
        """
        replaced = self.by_key.get(reply.key)
        ends = None if replaced is None else next_round
        if replaced is not None:
            self.replaced.append(replaced)
        if ends is not None:
            old = forget_rounds(self.by_key, reply.question, ends, self.fresh)
            self.replaced += old
        self.by_key[reply.key] = reply
        self.fresh.add(reply.key)
        self.asked.add(reply.key)
        write_spooled(self.case, Spooled(reply, self.run, ends), secrets)

    def count(self, replies: Iterable[Remembered], cost: Cost) -> None:
        """Count what a verdict took beyond what this process asked for.

        What another process of this session asked is part of it, too: a result then costs
        the same, whoever was first.
        """
        for reply in replies:
            if reply.key not in self.fresh:
                cost.remembered += 1
                self.served.add(reply.key)
            elif reply.key not in self.asked:
                cost.add_usage(reply.usage)

    @contextlib.asynccontextmanager
    async def claim(self, key: str, stopped: Callable[[], bool]) -> AsyncIterator[None]:
        """Be the only one, in any process, to ask for a reply.

        Raises:
            StoppedError: nothing is to be asked any more, and another still has it.
        """
        locks = claims(self.case.parent)
        claimed = False
        try:
            while not in_spool(self.case, lambda: locks.try_acquire(key)):
                if stopped():
                    raise StoppedError
                await asyncio.sleep(POLL_S)
            claimed = True
        except OSError:
            pass  # a folder that can't be written: then nothing is shared
        try:
            yield
        finally:
            if claimed:
                locks.release(key)


def claims(folder: Path) -> KeyLocks:
    """Give the locks on the keys of a folder's cases."""
    return _claims_in(os.path.realpath(folder))


@functools.cache
def _claims_in(folder: str) -> KeyLocks:
    return KeyLocks(Path(folder) / FOLDER / SPOOL / CLAIMS)


CLAIMS = "claims.lock"
FOLD_LOCK = "fold.lock"
WRITERS = 16
"""How many files are written at once."""
UNFINISHED_S = 60.0
"""How old a file that is being written is if nobody writes it any more."""
_PROBLEMS = (OSError, UnicodeDecodeError, RecordingError, NotRememberedError)
Keep: TypeAlias = Callable[[Remembered], bool]
"""Tells whether a remembered reply is still wanted."""
_T = TypeVar("_T")


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
        with locked(spool / FOLD_LOCK):
            spooled = spooled_by_case(folder)

            def fold_one(name: str) -> None:
                case, kept = folder / name, keep.get(name, lambda _: True)
                try:
                    dropped = _fold_case(case, spooled.get(name, []), kept, keys)
                except _PROBLEMS as error:
                    folded.problems.append((recordings_path(case), _why(error)))
                else:
                    folded.dropped[recordings_path(case)] = dropped

            at_once(fold_one, sorted({*spooled, *keep}))
            folded.problems.sort()
            _sweep(folder / FOLDER)
            _sweep(spool)
            claims(folder).sweep()
    except OSError as error:
        folded.problems.append((folder / FOLDER, _why(error)))
    return folded


def at_once(work: Callable[[_T], None], items: Collection[_T]) -> None:
    """Do something for many, where most of the time is spent waiting for the disk.

    A durable write waits for milliseconds, and so do many at once.
    """
    with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
        collections.deque(pool.map(work, items), maxlen=0)


def _fold_case(
    case: Path,
    spooled: list[tuple[Path, Spooled]],
    keep: Keep,
    keys: Collection[str],
) -> int:
    path = recordings_path(case)
    old = _text_of(path)
    replies = read_recordings(old) if old is not None else {}
    _add_spooled(replies, [one for _, one in spooled])
    kept = [reply for reply in replies.values() if keep(reply)]
    text = write_recordings(case.name, kept)
    if not kept:
        path.unlink(missing_ok=True)
    elif text != old:
        check_no_secret(text, keys)
        write_atomically(path, text.encode())
    # Those that end a vote first: folded again, they would end the newer one's.
    for file, _ in sorted(spooled, key=lambda one: one[1].ends is None):
        file.unlink(missing_ok=True)
    return len(replies) - len(kept)


def _add_spooled(replies: dict[str, Remembered], spooled: Collection[Spooled]) -> None:
    """Put spooled replies to those of the file, and forget the votes that they end."""
    newer = {one.reply.key: one.reply for one in spooled}
    replies.update(newer)
    for one in spooled:
        if one.ends is not None:
            forget_rounds(replies, one.reply.question, one.ends, newer)


def _sweep(folder: Path) -> None:
    """Remove what processes that were killed left half written."""
    now = time.time()
    for file in folder.glob("*.tmp"):
        with contextlib.suppress(OSError):  # another process may be as tidy
            if file.stat().st_mtime < now - UNFINISHED_S:
                file.unlink()


def _why(error: Exception) -> str:
    """Say it without the path, which whoever tells it says already."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _text_of(path: Path) -> str | None:
    try:
        text = read_regular(path).decode()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return text.replace("\r\n", "\n")  # git may have checked it out so


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Tell states of a recordings file apart."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
