"""Run files named on a command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PIECE = 2**18
"""Characters that are read of a file at once."""


class UnreadableError(Exception):
    """A run file can't be read; says which, and why."""


def pieces_of(path: Path) -> Iterator[str]:
    """Read a file piece by piece.

    Raises:
        UnreadableError: it can't be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while piece := file.read(PIECE):
                yield piece
    except UnicodeDecodeError:
        raise UnreadableError(f"{path}: not UTF-8") from None
    except OSError as error:
        why = error.strerror or error
        raise UnreadableError(f"{path}: can't be read: {why}") from None
