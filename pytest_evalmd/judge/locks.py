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
            if _lock(handle) and self._is_current(handle):
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

    def _is_current(self, handle: int) -> bool:
        try:
            return os.path.samestat(os.fstat(handle), self._path.stat())
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

    def _lock(handle: int) -> bool:
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _lock(handle: int) -> bool:
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
