"""What crosses the line between this plugin and a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pytest_evalmd.case.values import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One chat message."""

    role: str
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a model is asked: plain values, nothing secret.

    A client sends ``messages``; all else says what they were made of.
    """

    model: str
    """The name of the model to ask."""
    messages: tuple[Message, ...]
    schema: Mapping[str, Value] | None = None
    """The JSON Schema that the reply must satisfy; ``None``: any JSON object."""
    plain: bool = False
    """Whether the reply is a text of any form; then there is no ``schema``."""
    parameters: Mapping[str, Value] = field(default_factory=dict)
    """Only what the user set, such as ``temperature``."""
    sample: int = 0
    """Which of several replies to the same question this asks for, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens of one request, as the server counts them; ``None`` where it doesn't."""

    asked: int | None = None
    answered: int | None = None
    cached: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a model said."""

    text: str
    model: str = ""
    """The model as the server names it."""
    finish_reason: str | None = "stop"
    refusal: str | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a reply says about a measure."""

    value: Value
    reason: str = ""


class LLMClient(Protocol):
    """Anything that can put a request to a model."""

    async def complete(self, request: Request) -> Reply:
        """Ask, once.

        Raises:
            JudgeError: no usable reply came.
        """
        ...


class JudgeError(Exception):
    """A judge gave no verdict.

    Attributes:
        kind: one word for the sort of failure, such as ``refused``.
    """

    def __init__(self, kind: str, message: str) -> None:
        self.kind = kind
        super().__init__(message)
