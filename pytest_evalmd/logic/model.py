"""What an evaluation may use, what it is given, and how it fails; pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from pytest_evalmd.case.values import Value, check_depth

MESSAGE_LENGTH = 500

_LONG_NUMBER = re.compile(r"\d{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one evaluation may use."""

    cpu_s: float = 1.0
    """JavaScript time, in seconds of CPU."""
    wall_s: float = 5.0
    """Seconds until the process is killed."""
    memory_bytes: int = 64 * 2**20
    """The heap of the JavaScript engine."""
    stack_bytes: int = 2**20
    """The stack of the JavaScript engine."""


class LogicError(Exception):
    """Logic (or a pattern, or a schema) gave no value.

    The message is one line of at most 500 characters.

    Attributes:
        line: where in the logic, 1-based; None if unknown.
    """

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(one_line(message))
        self.line = line


def one_line(text: str) -> str:
    """Make text fit for a message: one line, nothing that moves a terminal's cursor."""
    line = " ".join(text[:2000].split())
    # This escapes lone surrogates too, which no stream could encode.
    line = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)
    return line if len(line) <= MESSAGE_LENGTH else f"{line[: MESSAGE_LENGTH - 3]}..."


def encode(name: str, value: Value) -> str:
    """Write a value as JSON in ASCII that JavaScript reads as the same value.

    Args:
        name: what the message calls the value.
        value: to be handed over.

    Raises:
        LogicError: there is no such JSON.
    """
    try:
        check_depth(value)
        text = json.dumps(value, allow_nan=False)
        if _LONG_NUMBER.search(text):
            json.loads(text, parse_int=_exact)
    except OverflowError as error:
        message = f"{name} holds {error}, which JavaScript can't represent exactly"
        raise LogicError(message) from None
    except (ValueError, TypeError) as error:
        message = f"{name} is not JSON: {error}"
        raise LogicError(message) from None
    return text


def decode(text: str) -> Any:  # noqa: ANN401
    """Read the JSON of a reply.

    JavaScript writes 5.687625646438006e16 as 56876256464380060, the fewest digits that
    mean this number; read as an integer, that would be another one.
    """
    return json.loads(text, parse_int=_rounded if _LONG_NUMBER.search(text) else None)


def _rounded(digits: str) -> int:
    return int(float(digits)) if len(digits) > 15 else int(digits)


def _exact(digits: str) -> None:
    if float(digits) != int(digits):
        raise OverflowError(digits)
