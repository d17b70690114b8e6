"""Case files named on a command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_evalmd.case.blocks import may_be_case
from pytest_evalmd.case.model import Case
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError, printable
from pytest_evalmd.files import read_regular

MAX_CONCURRENCY = 64
"""How many requests a command may have in flight at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCase:
    """A case file."""

    path: Path
    case: Case | None
    """``None`` if it holds errors."""
    problems: tuple[str, ...] = ()
    """``path:line: problem``, a line each."""


def find_cases(paths: Iterable[Path]) -> Iterator[FoundCase]:
    """Read the cases among files and in folders, sorted; other files are left out."""
    for path in paths:
        files = sorted(path.rglob("*.md")) if path.is_dir() else [path]
        for file in files:
            found = _read(file)
            if found is not None:
                yield found


@dataclass(slots=True)
class SoundCases:
    """The cases among files and in folders; what is wrong with others is printed."""

    paths: Iterable[Path]
    failed: bool = False
    """Whether some held errors, as far as they were read."""

    def __iter__(self) -> Iterator[tuple[Path, Case]]:
        """Give each case with its path, sorted."""
        for found in find_cases(self.paths):
            for problem in found.problems:
                self.failed = True
                show(problem, error=True)
            if found.case is not None:
                yield found.path, found.case


def say(line: str, *, error: bool = False) -> None:
    """Print a line."""
    (sys.stderr if error else sys.stdout).write(line + "\n")


def show(text: str, *, error: bool = False) -> None:
    """Print lines, whatever they or the terminal's encoding hold."""
    encoding = (sys.stderr if error else sys.stdout).encoding or "utf-8"
    for line in text.split("\n"):
        shown = printable(line).encode(encoding, "backslashreplace").decode(encoding)
        say(shown, error=error)


def concurrency(text: str) -> int:
    """Read how many requests may be in flight at once.

    Raises:
        argparse.ArgumentTypeError: it is no such number.
    """
    if not text.isdecimal() or not 1 <= int(text) <= MAX_CONCURRENCY:
        message = f"got {text!r}; expected 1 to {MAX_CONCURRENCY}"
        raise argparse.ArgumentTypeError(message)
    return int(text)


def _read(file: Path) -> FoundCase | None:
    if file.is_dir():
        return None
    try:
        data = read_regular(file)
        case = parse_case(decode(data)) if may_be_case(data) else None
    except OSError as error:
        problem = f"{file}: can't be read: {error.strerror or error}"
        return FoundCase(path=file, case=None, problems=(problem,))
    except CaseError as error:
        return FoundCase(path=file, case=None, problems=tuple(error.lines(str(file))))
    return None if case is None else FoundCase(path=file, case=case)
