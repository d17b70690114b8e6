"""Recorded results: value <-> the text in a result block (docs/format.md)."""

from __future__ import annotations

import re

from pytest_evalmd.case.model import Output
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, ValueTextError, read_json, same, write_json

ONE_LINE = 88
"""JSON longer than this, in characters, is written indented."""

_SCALARS: tuple[Output, ...] = ("boolean", "integer", "number")
_EXACT_INTEGER = 2**53
# What markdown or UTF-8 would not give back as it was.
_UNSAFE = re.compile("[\r\0\ud800-\udfff]")


class ResultError(ValueError):
    """A recorded result is not what its measure's output is."""


def read_result(text: str, output: Output) -> Value:
    """Read a recorded result; the reverse of ``write_result``.

    Args:
        text: what the block holds; not empty.
        output: the measure's output.

    Raises:
        ResultError: it can't be read as that.
    """
    if output == "text":
        return _read_text(text)
    if output == "list":
        return _read_list(text)
    value = _json_or_text(text)
    if output not in _SCALARS:
        return value
    if not fits(value, output):
        message = f"the recorded result {shorten(text)!r} is not {_a(output)}"
        raise ResultError(message)
    return value


def read_result_like(text: str, computed: Value) -> Value:
    """Read a recorded result whose type is not declared, as what was computed.

    Args:
        text: what the block holds; not empty.
        computed: the output that it is held against.
    """
    if isinstance(computed, str):
        return _read_text(text)
    return _read_list(text) if isinstance(computed, list) else _json_or_text(text)


def write_result(value: Value, output: Output) -> str:
    """Write a value so that ``read_result`` gives it back."""
    if output == "text" and isinstance(value, str):
        return _write_text(value)
    plain = None if output in _SCALARS else _plain(value, as_list=output == "list")
    # A text may look like JSON, and a list of one text like another one.
    if plain and plain.strip() and same(read_result(plain, output), value):
        return plain
    return _json(value)


def write_result_of_any_type(value: Value) -> str:
    """Write a value so that ``read_result_like`` gives it back."""
    if isinstance(value, str):
        return _write_text(value)
    return write_result(value, "list" if isinstance(value, list) else "json")


def fits(value: Value, output: Output) -> bool:
    """Tell whether a value is of a declared type; 9.0 is an integer."""
    if output == "boolean":
        return isinstance(value, bool)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return output == "number" or isinstance(value, int) or value.is_integer()


def _plain(value: Value, *, as_list: bool) -> str | None:
    """Write a value as people would, if it can be."""
    if isinstance(value, str):
        return None if _UNSAFE.search(value) else value
    if as_list and isinstance(value, list):
        return ",".join(map(str, value)) if all(map(_is_simple, value)) else None
    return None


def _is_simple(value: Value) -> bool:
    return (
        isinstance(value, str)
        and value == value.strip() != ""
        and not _UNSAFE.search(value)
        and "," not in value
        and "\n" not in value
    )


def _json(value: Value) -> str:
    value = _without_points(value)
    line = write_json(value)
    return line if len(line) <= ONE_LINE else write_json(value, indent=2)


def _without_points(value: Value) -> Value:
    """Write 9.0 as 9, as JavaScript does."""
    if isinstance(value, float) and abs(value) < _EXACT_INTEGER and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_without_points(item) for item in value]
    if isinstance(value, dict):
        return {key: _without_points(item) for key, item in value.items()}
    return value


def _json_or_text(text: str) -> Value:
    try:
        return read_json(text)
    except ValueTextError:
        return text


def _read_list(text: str) -> Value:
    if text.lstrip().startswith("["):
        value = _json_or_text(text)
        if isinstance(value, list):
            return value
    return [item.strip() for item in text.split(",")]


def _needs_quotes(text: str) -> bool:
    """Tell whether a text would be lost as it is: blank, or taken as quoted."""
    if not text.strip() or _UNSAFE.search(text):
        return True
    quoted = _unquoted(text)
    return quoted is not None and _needs_quotes(quoted)


def _unquoted(text: str) -> str | None:
    """Give the text that a JSON string stands for."""
    if not (len(text) > 1 and text[0] == text[-1] == '"'):
        return None
    value = _json_or_text(text)
    return value if isinstance(value, str) and write_json(value) == text else None


def _write_text(text: str) -> str:
    return write_json(text) if _needs_quotes(text) else text


def _read_text(text: str) -> str:
    quoted = _unquoted(text)
    return quoted if quoted is not None and _needs_quotes(quoted) else text


def _a(output: Output) -> str:
    return f"an {output}" if output == "integer" else f"a {output}"
