"""Locks between processes that the system releases when their holder dies."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

POLL_S = 0.02
"""How often a lock that is taken is tried again."""
PLACES = 2**30
"""How many bytes stand for all keys; two that share one only wait for each other."""


class FileLock:
    """A lock on a file of its own, held by one process or task at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None

    def try_acquire(self) -> bool:
        """Take the lock if it is free.

        Raises:
            OSError: the file can't be made.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            # Its last holder may have removed the file since it was opened here.
            if _lock(handle) and _is_current(handle, self._path):
                self._handle = handle
        finally:
            if self._handle is None:
                os.close(handle)
        return self._handle is not None

    def release(self) -> None:
        """Give the lock back and remove its file."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(handle)


class KeyLocks:
    """Locks on keys, each held by one process, and in it by one task, at a time.

    They are bytes of one file: to make and remove a file a key takes longer than all
    else of a request. One object a process may use the file; it keeps it open only
    while it holds a lock.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._handle: int | None = None
        self._held: set[int] = set()

    def try_acquire(self, key: str) -> bool:
        """Take the lock of a key (hexadecimal digits) if it is free.

        Raises:
            OSError: the file can't be made or locked.
        """
        place = _place(key)
        if place in self._held:
            return False
        try:
            if self._take(place):
                self._held.add(place)
        finally:
            self._close_unless_held()
        return place in self._held

    def release(self, key: str) -> None:
        """Give the lock of a key back."""
        place = _place(key)
        if self._handle is not None and place in self._held:
            self._held.remove(place)
            if self._held:
                _unlock_bytes(self._handle, place)
            self._close_unless_held()

    def sweep(self) -> None:
        """Remove the file if no process uses it.

        Raises:
            OSError: it can't be locked.
        """
        if self._handle is None and self._path.exists():
            self._handle = os.open(self._path, os.O_RDWR)
            try:
                if _lock_bytes(self._handle, 0, PLACES):
                    with contextlib.suppress(OSError):
                        self._path.unlink()
            finally:
                self._close_unless_held()

    def _take(self, place: int) -> bool:
        while True:
            if self._handle is None:
                self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
            if not _lock_bytes(self._handle, place, 1):
                return False
            # Nobody removes it while something is held.
            if self._held or _is_current(self._handle, self._path):
                return True
            self._close_unless_held()

    def _close_unless_held(self) -> None:
        if self._handle is not None and not self._held:
            os.close(self._handle)  # which unlocks what it had locked
            self._handle = None


def _place(key: str) -> int:
    return int(key, 16) % PLACES


def _is_current(handle: int, path: Path) -> bool:
    """Tell whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock; wait for it as long as it takes.

    Raises:
        OSError: the file can't be made.
    """
    lock = FileLock(path)
    while not lock.try_acquire():
        time.sleep(POLL_S)
    try:
        yield
    finally:
        lock.release()


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> bool:
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _lock_bytes(handle: int, start: int, length: int) -> bool:
        os.lseek(handle, start, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, length)
        except OSError:
            return False
        return True

    def _unlock_bytes(handle: int, start: int) -> None:
        os.lseek(handle, start, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: int) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _lock_bytes(handle: int, start: int, length: int) -> bool:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB, length, start)
        except (BlockingIOError, PermissionError):  # POSIX lets a system choose
            return False
        return True

    def _unlock_bytes(handle: int, start: int) -> None:
        fcntl.lockf(handle, fcntl.LOCK_UN, 1, start)
