"""Placeholders, and the values of measures that hold them.

A value is kept as the text behind its key (``raw``): so a generated case looks like its
template. ``|`` and a line feed start a text of several lines, its margin taken off.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from pytest_evalmd.case.scalars import ScalarError, read_scalar
from pytest_evalmd.case.values import Value, same, write_json

BLOCK = "|\n"
"""What the raw text of several lines starts with."""
_PLACEHOLDER = re.compile(r"\{\{([^{}\r\n]*[^{}\s][^{}\r\n]*)\}\}")
_NO_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_QUOTES = ('"', "'")


class UnwritableError(ValueError):
    """No value behind a key of measures-md reads as this one."""


def names_in(text: str) -> Iterator[tuple[str, int]]:
    """Find the placeholders, each with the number of line feeds before it."""
    for match in _PLACEHOLDER.finditer(text):
        yield match[1].strip(), text.count("\n", 0, match.start())


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values in the place of placeholders; those without one stay."""
    return _PLACEHOLDER.sub(lambda m: values.get(m[1].strip(), m[0]), text)


def read_raw(raw: str) -> Value:
    """Read a raw value that holds no placeholders, as a case does.

    Raises:
        ScalarError: it can't be read.
    """
    if raw.strip() == "|":
        return ""
    if not raw.startswith(BLOCK):
        return read_scalar(raw)
    lines = raw.removeprefix(BLOCK).split("\n")
    margins = [len(line) - len(line.lstrip()) for line in lines if line.strip()]
    margin = min(margins, default=0)
    return "\n".join(line[margin:] for line in lines).rstrip()


def read_filled(raw: str, values: Mapping[str, str]) -> Value:
    """Give what a raw value means once its placeholders are filled.

    A placeholder that is a whole value without quotes may become a number, ``true``,
    ``false`` or ``null``; any other stays within its text, whatever it holds.

    Raises:
        ScalarError: the template's own text can't be read.
    """
    if raw.startswith(BLOCK):
        text = read_raw(raw)
        return fill(text, values) if isinstance(text, str) else text
    marked, filled_in = _mark(raw, values)
    return _map(read_raw(marked), filled_in)


def fill_raw(raw: str, values: Mapping[str, str]) -> str:
    """Fill a raw value's placeholders; it is written anew only where it must be.

    Raises:
        ScalarError: the template's own text can't be read.
        UnwritableError: the value can't be written.
    """
    wanted = read_filled(raw, values)
    filled = fill(raw, values)
    return filled if _reads_as(filled, wanted) else write_raw(wanted)


def write_raw(value: Value) -> str:
    """Write a value, a text in double quotes or as several lines.

    Raises:
        UnwritableError: it can't be written, such as a text that ends in a line feed.
    """
    if isinstance(value, str):
        tries = ['"' + value.replace('\\"', '\\\\"') + '"', BLOCK + value]
    else:
        json = write_json(value)
        tries = [_NO_YAML.sub(lambda m: f"\\u{ord(m[0]):04x}", json)]
    for raw in tries:
        if _reads_as(raw, value):
            return raw
    message = "expected a text without blanks or line feeds around it"
    raise UnwritableError(message)


def _reads_as(raw: str, wanted: Value) -> bool:
    if "\n" in raw and not raw.startswith(BLOCK):
        return False
    try:
        return same(read_raw(raw), wanted)
    except ScalarError:
        return False


def _mark(raw: str, values: Mapping[str, str]) -> tuple[str, Callable[[str], Value]]:
    """Put words in the place of placeholders; a function puts in the values."""
    word = "EVALMD"
    while word in raw:
        word += "_"
    found: list[tuple[str, bool]] = []

    def mark(match: re.Match[str]) -> str:
        value = values.get(match[1].strip(), match[0])
        bare = raw[match.start() - 1 : match.start()] not in _QUOTES
        found.append((value, bare))
        return f"{word}{len(found) - 1}END"

    def filled_in(text: str) -> Value:
        whole = marks.fullmatch(text)
        if whole and found[int(whole[1])][1]:
            return _constant(found[int(whole[1])][0])
        return marks.sub(lambda m: found[int(m[1])][0], text)

    marks = re.compile(rf"{word}(\d+)END")
    return _PLACEHOLDER.sub(mark, raw), filled_in


def _map(value: Value, change: Callable[[str], Value]) -> Value:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_map(inner, change) for inner in value]
    if isinstance(value, dict):
        return {str(change(key)): _map(inner, change) for key, inner in value.items()}
    return value


def _constant(text: str) -> Value:
    """Read a number, ``true``, ``false`` or ``null``; else it is the text."""
    try:
        value = read_scalar(text)
    except ScalarError:
        return text
    bare = text == text.strip() and not isinstance(value, str | list | dict)
    return value if bare else text
