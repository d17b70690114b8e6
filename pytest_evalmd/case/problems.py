"""What is wrong with a case file, and how it is said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

SHOWN_CHARACTERS = 60
_COMMAND = re.compile(r"^\s*:(?=:)|##(?=\[)")
"""What GitHub's runner would obey, such as ``::set-output`` and ``##[error]``."""
MAX_PROBLEMS = 100
"""How many problems of a file are told: a hint for each takes time."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """One thing that is wrong with a case file."""

    line: int
    """From 1."""
    message: str
    """``problem, got 'x'; expected ...`` and a next step."""


class CaseError(Exception):
    """A case file holds problems.

    Attributes:
        problems: all of them, in the file's order.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(self.lines("case")))

    def lines(self, path: str) -> list[str]:
        """Give a line ``path:line: message`` a problem."""
        return [f"{path}:{p.line}: {p.message}" for p in self.problems]


class Problems:
    """Gathers problems, so that all of a file's are reported at once."""

    def __init__(self) -> None:
        self.found: list[Problem] = []

    def add(self, line: int, message: str) -> None:
        """Note a problem at a line, from 1.

        Raises:
            CaseError: it is the last of more than anybody wants to read.
        """
        self.found.append(Problem(line=line, message=message))
        if len(self.found) == MAX_PROBLEMS:
            last = max(problem.line for problem in self.found)
            message = f"… (the first {MAX_PROBLEMS} problems; mend these to see others)"
            raise CaseError([*self.found, Problem(line=last, message=message)])


def shorten(text: str, width: int = SHOWN_CHARACTERS) -> str:
    """Cut a text to ``width`` characters on one line, with an ellipsis where cut."""
    line = " ".join(text[: width * 2].split())
    whole = len(line) <= width and len(text) <= width * 2
    return line if whole else line[: width - 1] + "…"


def printable(text: str) -> str:
    """Show what would steer a terminal or a CI's log, or not be seen, as an escape."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return _COMMAND.sub(_escape_last, shown)


def _escape_last(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}"


def got(value: object) -> str:
    """Say what was found, shortened."""
    return f"got {shorten(repr(value))}"


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str:
    """Suggest the known word nearest to a wrong one; empty if none is near."""
    from difflib import get_close_matches  # only once something is wrong

    close = get_close_matches(
        word[:100], list(islice(known, 1000)), n=1, cutoff=likeness
    )
    return f" (did you mean {shorten(close[0])!r}?)" if close else ""
