"""JSON text that comes in pieces, read value by value: files larger than memory; pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from pytest_evalmd.case.values import STRICT_DECODER, Value

MAX_VALUE = 2**24
"""Characters of one value; a longer one is refused."""

_SPACES = frozenset(" \t\r\n")
_GOES_ON = frozenset("+-.eE0123456789")
"""What may follow in a number that is cut."""


class RunFileError(Exception):
    """A run file can't be read; says why, without its path."""


class JsonStream:
    """A JSON document, of which the caller reads one value after another."""

    def __init__(self, pieces: Iterable[str]) -> None:
        self._pieces = iter(pieces)
        self._text = ""
        self._at = 0

    def members(self) -> Iterator[str]:
        """Walk an object: gives each key, whose value the caller reads before the next.

        Raises:
            RunFileError: it is not one.
        """
        self._expect("{")
        if self._skip("}"):
            return
        while True:
            key = self.value()
            if not isinstance(key, str):
                raise RunFileError("not JSON: a key is no text")
            self._expect(":")
            yield key
            if not self._skip(","):
                break
        self._expect("}")

    def elements(self) -> Iterator[Value]:
        """Walk a list.

        Raises:
            RunFileError: it is not one.
        """
        self._expect("[")
        if self._skip("]"):
            return
        yield self.value()
        while self._skip(","):
            yield self.value()
        self._expect("]")

    def value(self) -> Value:
        """Read a whole value.

        Raises:
            RunFileError: it is not JSON, or too long.
        """
        self._peek()
        problem = "cut off"
        while True:
            try:
                value, end = STRICT_DECODER.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                problem = error.msg  # or only cut, as a value may be below
            except (ValueError, RecursionError) as error:
                raise RunFileError(f"not JSON: {error}") from None
            else:
                if end < len(self._text) and self._text[end] not in _GOES_ON:
                    self._at = end
                    return value  # type: ignore[no-any-return]
            if not self._more():
                raise RunFileError(f"not JSON, or cut off: {problem}")

    def end(self) -> None:
        """Hold that nothing follows.

        Raises:
            RunFileError: something does.
        """
        if self._peek():
            raise RunFileError("something follows the end of the JSON")

    def _expect(self, sign: str) -> None:
        if not self._skip(sign):
            got = f"got {found!r}" if (found := self._peek()) else "the file ends"
            raise RunFileError(f"not JSON, or cut off: {got}; expected {sign!r}")

    def _skip(self, sign: str) -> bool:
        found = self._peek() == sign
        self._at += found
        return found

    def _peek(self) -> str:
        """Give the next character that is no white space; empty at the end."""
        while True:
            while self._text[self._at : self._at + 1] in _SPACES:
                self._at += 1
            if self._at < len(self._text) or not self._more():
                return self._text[self._at : self._at + 1]

    def _more(self) -> bool:
        """Read on; as much as there is, so that a long value isn't read often."""
        rest = self._text[self._at :]
        if len(rest) > MAX_VALUE:
            raise RunFileError(f"not JSON, or a value of over {MAX_VALUE:,} characters")
        pieces, size = [rest], 0
        for piece in self._pieces:
            pieces.append(piece)
            size += len(piece)
            if size > len(rest):
                break
        self._text, self._at = "".join(pieces), 0
        return size > 0
