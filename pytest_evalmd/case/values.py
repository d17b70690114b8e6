"""JSON values: what a measure puts out and what a result records."""

from __future__ import annotations

import json
from collections.abc import Iterable
from fractions import Fraction
from json.encoder import encode_basestring
from typing import TypeAlias

Value: TypeAlias = "bool | int | float | str | list[Value] | dict[str, Value] | None"
"""A JSON value; floats are finite."""

MAX_DEPTH = 200
"""How deep lists and mappings may nest, in levels; deeper input is refused."""

_PLAIN = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
"""Kept: to make one takes longer than to write a short text."""


class ValueTextError(ValueError):
    """The text is not JSON as this project reads it."""


def read_json(text: str) -> Value:
    """Read JSON text strictly.

    Args:
        text: one JSON value; white space around it is fine.

    Raises:
        ValueTextError: not JSON, NaN or Infinity, a key given twice, or nested
            deeper than ``MAX_DEPTH``.
    """
    try:
        value: Value = STRICT_DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise ValueTextError(str(error)) from None
    if text.count("[") + text.count("{") > MAX_DEPTH:
        check_depth(value)
    return value


def write_json(value: Value, *, indent: int | None = None) -> str:
    """Write a value as JSON with its characters unescaped where UTF-8 allows it."""
    if indent is None:
        text = _PLAIN.encode(value)
    else:
        text = json.dumps(value, ensure_ascii=False, indent=indent, allow_nan=False)
    return text if _is_utf8(text) else json.dumps(value, indent=indent, allow_nan=False)


def same(left: Value, right: Value) -> bool:
    """Tell whether two values are equal as JSON: 9 is 9.0, but true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(
            same(left[key], right[key]) for key in left
        )
    return left == right


def canonical(value: Value) -> str:
    """Give values that are the same one text, and others another."""
    if isinstance(value, str):
        return encode_basestring(value) if value.isascii() else write_json(value)
    if isinstance(value, list):
        return f"[{','.join(map(canonical, value))}]"
    if isinstance(value, dict):
        if not value:
            return "{}"  # most often: keys of replies are made of three mappings
        pairs = [f"{canonical(k)}:{canonical(value[k])}" for k in sorted(value)]
        return f"{{{','.join(pairs)}}}"
    if isinstance(value, float):
        return str(Fraction(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return write_json(value)


def check_depth(value: Value, limit: int = MAX_DEPTH) -> None:
    """Refuse a value that nests deeper than ``limit`` levels.

    Raises:
        ValueTextError: it does.
    """
    level: list[Value] = [value]
    for _ in range(limit + 1):
        level = [inner for outer in level for inner in _inner(outer)]
        if not level:
            return
    message = f"nested deeper than {limit} levels"
    raise ValueTextError(message)


def _inner(value: Value) -> Iterable[Value]:
    if isinstance(value, list):
        return value
    return value.values() if isinstance(value, dict) else ()


def _is_utf8(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        message = f"{text[:40]} is too large for a number"
        raise ValueError(message)
    return number


def _no_constant(text: str) -> Value:
    message = f"{text} is not JSON"
    raise ValueError(message)


def _unique_keys(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    found = dict(pairs)
    if len(found) < len(pairs):
        message = "a key is given twice"
        raise ValueError(message)
    return found


STRICT_DECODER = json.JSONDecoder(
    strict=False,
    parse_float=_finite,
    parse_constant=_no_constant,
    object_pairs_hook=_unique_keys,
)
"""Reads JSON; refuses NaN, Infinity, numbers that overflow and a key given twice."""
