"""Reads the keys of a mapping as what they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from pytest_evalmd.case.problems import Problems, got, nearest
from pytest_evalmd.case.scalars import Entry

PARAM = "params."
"""What the keys of constants start with."""

_T = TypeVar("_T")


class Fields:
    """Reads keys as what they should be; what is not becomes a problem."""

    def __init__(
        self, entries: Mapping[str, Entry], line: int, problems: Problems
    ) -> None:
        self.entries, self.line, self.problems = entries, line, problems

    def wrong(self, key: str, expected: str) -> None:
        """Note that a key's value is not what is expected."""
        entry = self.entries[key]
        message = f"{key}: {got(entry.value)}; expected {expected}"
        self.problems.add(entry.line, message)

    def require(self, key: str, what: str) -> None:
        """Note a key that is missing."""
        if key not in self.entries:
            self.problems.add(self.line, f"missing key {key!r}; expected {what}")

    def read(
        self, key: str, kind: type[_T] | tuple[type[_T], ...], expected: str
    ) -> _T | None:
        """Read a value of one Python type; booleans are no integers."""
        entry = self.entries.get(key)
        if entry is None:
            return None
        if isinstance(entry.value, kind) and (
            kind is bool or not isinstance(entry.value, bool)
        ):
            return entry.value
        self.wrong(key, expected)
        return None

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Read a text that is not empty."""
        if required:
            self.require(key, "a text")
        text = self.read(key, str, "a text (in double quotes where it looks otherwise)")
        if text is not None and not text.strip():
            self.wrong(key, "a text that is not empty")
        return text

    def number(self, key: str, low: float, high: float, expected: str) -> float | None:
        """Read a number within inclusive bounds."""
        number = self.read(key, (int, float), expected)
        if number is not None and not low <= number <= high:
            self.wrong(key, expected)
        return number

    def choice(
        self, key: str, known: tuple[_T, ...], *, required: bool = False
    ) -> _T | None:
        """Read one of a few words."""
        names = ", ".join(map(str, known))
        if required:
            self.require(key, f"one of {names}")
        entry = self.entries.get(key)
        if entry is None:
            return None
        if entry.value in known:
            return entry.value
        hint = nearest(str(entry.value), map(str, known))
        self.wrong(key, f"one of {names}{hint}")
        return None

    def words(self, key: str) -> str | tuple[str, ...] | None:
        """Read one word, or a list of different ones."""
        value = self.entries[key].value if key in self.entries else None
        if isinstance(value, str) and value.strip():
            return value
        if (
            isinstance(value, list)
            and value
            and all(isinstance(word, str) for word in value)
            and len({str(word) for word in value}) == len(value)
        ):
            return tuple(map(str, value))
        if key in self.entries:
            self.wrong(key, "a word or a list of different words, such as [one, two]")
        return None

    def choices(self, key: str, known: tuple[_T, ...]) -> tuple[_T, ...] | None:
        """Read some of a few words."""
        words = self.words(key)
        if words is None:
            return None
        found = (words,) if isinstance(words, str) else words
        if unknown := [word for word in found if word not in known]:
            names = ", ".join(map(str, known))
            hint = nearest(unknown[0], map(str, known))
            self.wrong(key, f"one or more of {names}{hint}")
            return None
        return cast("tuple[_T, ...]", found)

    def check_known(self, known: Sequence[str], kind: str) -> None:
        """Note every key that a measure of this type doesn't have."""
        for key, entry in self.entries.items():
            if key in known or key.startswith(PARAM):
                continue
            message = f"unknown key {key!r} for type {kind}{nearest(key, known)}"
            self.problems.add(
                entry.line,
                f"{message}; expected one of {', '.join(known)}, params.NAME",
            )
