"""Reads the keys of a mapping as what they should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, cast

from pytest_evalmd.case.problems import Problems, got, nearest, shorten
from pytest_evalmd.case.scalars import Entry

PARAM = "params."
"""What the keys of constants start with."""
ANY_PARAM = f"{PARAM}NAME"
"""Stands for all of them in a list of known keys."""

_T = TypeVar("_T")


class Fields:
    """Reads keys as what they should be; what is not becomes a problem."""

    def __init__(
        self,
        entries: Mapping[str, Entry],
        line: int,
        problems: Problems,
        *,
        prefix: str = "",
    ) -> None:
        self.entries, self.line, self.problems = entries, line, problems
        self.prefix = prefix
        """What is put before a key that a problem names, such as ``judge.``."""

    def wrong(self, key: str, expected: str) -> None:
        """Note that a key's value is not what is expected."""
        entry = self.entries[key]
        message = f"{self.prefix}{key}: {got(entry.value)}; expected {expected}"
        self.problems.add(entry.line, message)

    def readable(self, key: str) -> Entry | None:
        """Give a key's entry, if it is there and could be read."""
        entry = self.entries.get(key)
        return None if entry is None or entry.broken else entry

    def require(self, key: str, what: str) -> None:
        """Note a key that is missing."""
        if key not in self.entries:
            self.problems.add(self.line, f"missing key {key!r}; expected {what}")

    def read(
        self, key: str, kind: type[_T] | tuple[type[_T], ...], expected: str
    ) -> _T | None:
        """Read a value of one Python type; booleans are no integers."""
        entry = self.readable(key)
        if entry is None:
            return None
        if isinstance(entry.value, kind) and not isinstance(entry.value, bool):
            return entry.value
        self.wrong(key, expected)
        return None

    def text(self, key: str, *, required: bool = False) -> str | None:
        """Read a text that is not empty."""
        if required:
            self.require(key, "a text")
        text = self.read(key, str, "a text; put it in double quotes")
        if text is None or text.strip():
            return text
        self.wrong(key, "a text that is not empty")
        return None

    def number(self, key: str, low: float, high: float, expected: str) -> float | None:
        """Read a number within inclusive bounds."""
        number = self.read(key, (int, float), expected)
        if number is None or low <= number <= high:
            return number
        self.wrong(key, expected)
        return None

    def whole(self, key: str, low: int, high: int) -> int | None:
        """Read a whole number within inclusive bounds."""
        expected = f"a whole number from {low} to {high}"
        number = self.number(key, low, high, expected)
        if number is None or isinstance(number, int):
            return number
        self.wrong(key, expected)
        return None

    def choice(
        self, key: str, known: tuple[_T, ...], *, required: bool = False
    ) -> _T | None:
        """Read one of a few words."""
        entry = self.readable(key)
        if entry is not None and entry.value in known:
            return entry.value
        if entry is None and not required:
            return None
        names = ", ".join(map(str, known))
        if entry is None:
            self.require(key, f"one of {names}")
            return None
        hint = nearest(str(entry.value), map(str, known))
        self.wrong(key, f"one of {names}{hint}")
        return None

    def words(self, key: str) -> str | tuple[str, ...] | None:
        """Read one word, or a list of different ones."""
        entry = self.readable(key)
        if entry is None:
            return None
        value = entry.value
        words = [value] if isinstance(value, str) else value
        if isinstance(words, list) and words:
            texts = [word for word in words if isinstance(word, str) and word.strip()]
            if len(set(texts)) == len(words):
                return texts[0] if isinstance(value, str) else tuple(texts)
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

    def check_known(self, known: Sequence[str], where: str) -> None:
        """Note every key that is not known; ``where`` says whose keys they are."""
        for key, entry in self.entries.items():
            if key in known or (ANY_PARAM in known and is_param(key)):
                continue
            message = f"unknown key {shorten(key)!r} {where}{nearest(key, known)}"
            expected = f"expected one of {', '.join(known)}"
            self.problems.add(entry.line, f"{message}; {expected}")


def is_param(key: str) -> bool:
    """Tell whether a key sets a constant."""
    return key.startswith(PARAM) and key != PARAM
