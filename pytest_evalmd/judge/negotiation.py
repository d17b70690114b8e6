"""What a server doesn't take, found out by asking, and what it is sent instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_evalmd.judge.fault import Fault
from pytest_evalmd.judge.model import Message, Request

FORMATS = ("json_schema", "json_object")
"""Forms of reply that a server may enforce, the strictest first."""
OPTIONAL = frozenset(
    {"temperature", "top_p", "seed", "logprobs", "top_logprobs", "reasoning_effort"}
)
"""Parameters that a request can do without."""
TWINS = {
    "max_tokens": "max_completion_tokens",
    "max_completion_tokens": "max_tokens",
}
"""Two names for one thing; a server may know only one of them."""

_STATUSES = frozenset({400, 404, 422})
_KINDS = frozenset({"unusable", "no-model"})
_WORD = re.compile(
    r"(?P<format>response[_ ]?format|json_schema|json_object|json_validate_failed"
    r"|\bstrict\b|schema|grammar|structured[_ ]outputs?|json[_ ]mode"
    r"|endpoints found that)"
    r"|\b(?P<name>temperature|top_p|seed|(?:top_)?logprobs|reasoning_effort"
    r"|max_(?:completion_)?tokens)\b"
    r"|(?P<system>\b(?:system|developer)['\"`]?[ _]"
    r"(?:messages?|roles?|prompts?|instructions?)"
    r"|\brole['\"`]? .{0,40}\bsystem\b|messages\[0\]\.role"
    r"|\bonly user and assistant roles)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a model's server refuses, by name, in the order it was found out.

    The names are those of ``FORMATS``, ``OPTIONAL`` and ``TWINS``, and ``system`` for
    messages of that role. Terms only grow, so that requests that find out the same at
    the same time agree.
    """

    refused: tuple[str, ...] = ()

    def __or__(self, other: Terms) -> Terms:
        """Add what is known elsewhere."""
        if set(other.refused) <= set(self.refused):
            return self
        return Terms(tuple(dict.fromkeys(self.refused + other.refused)))


def build_body(request: Request, terms: Terms) -> dict[str, object]:
    """Build what is sent: what the user set, but for what the server refuses."""
    messages = request.messages
    if "system" in terms.refused:
        messages = _merged(messages)
    body: dict[str, object] = {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
    }
    form = _form(request, terms)
    if form:
        body["response_format"] = _response_format(request, form)
    for name, value in request.parameters.items():
        sent_as = _sent_as(name, terms.refused)
        if sent_as:
            body[sent_as] = value
    return body


def renegotiate(request: Request, terms: Terms, fault: Fault) -> Terms | None:
    """Find out what a server refuses by its complaint.

    Args:
        request: what was asked.
        terms: what it was sent under.
        fault: what came back.

    Returns:
        Terms that avoid it; ``None`` if there is nothing that could be left out.
    """
    if fault.status not in _STATUSES or fault.kind not in _KINDS:
        return None
    for text in (fault.param, fault.said):
        for found in _WORD.finditer(text):
            culprit = _culprit(found, request, terms)
            if culprit:
                return terms | Terms((culprit,))
    return None


def facts(terms: Terms) -> tuple[str, ...]:
    """Say what a server refuses, and what is done about it."""
    return tuple(_FACTS.get(name, _not_sent(name)) for name in terms.refused)


_FACTS = {
    "json_schema": "json_schema is not supported: json_object is used",
    "json_object": "json_object is not supported: only the prompt asks for JSON",
    "max_tokens": "max_tokens is not supported: max_completion_tokens is sent",
    "max_completion_tokens": (
        "max_completion_tokens is not supported: max_tokens is sent"
    ),
    "system": "system messages are not supported: the user's message holds them",
}


def _not_sent(name: str) -> str:
    return f"{name} is not supported: it is not sent"


def _form(request: Request, terms: Terms) -> str | None:
    if request.plain or "response_format" in request.parameters:
        return None  # of any form, or the user's own
    wanted = FORMATS if request.schema is not None else FORMATS[1:]
    return next((form for form in wanted if form not in terms.refused), None)


def _response_format(request: Request, form: str) -> Mapping[str, object]:
    if form == "json_object":
        return {"type": form}
    schema = {"name": "verdict", "strict": True, "schema": request.schema}
    return {"type": form, form: schema}


def _sent_as(name: str, refused: tuple[str, ...]) -> str | None:
    if name == "top_logprobs" and "logprobs" in refused:
        return None  # it needs the other one
    if name not in refused:
        return name
    return TWINS.get(name)


def _culprit(found: re.Match[str], request: Request, terms: Terms) -> str | None:
    """Name what a word of a complaint is about, if it was sent."""
    if found["format"]:
        return _form(request, terms)
    if found["system"]:
        has_system = any(m.role == "system" for m in request.messages)
        return "system" if has_system and "system" not in terms.refused else None
    return _refusable(found["name"].lower(), request, terms)


def _refusable(name: str, request: Request, terms: Terms) -> str | None:
    if name not in build_body(request, terms):
        return None
    twin_was_refused = TWINS.get(name) in terms.refused
    return None if twin_was_refused else name


def _merged(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Put what the system says before what the user says first."""
    system = [m.content for m in messages if m.role == "system"]
    others = [m for m in messages if m.role != "system"]
    roles = [m.role for m in others]
    if system and "user" in roles:
        first = roles.index("user")
        content = "\n\n".join([*system, others[first].content])
        others[first] = Message(role="user", content=content)
        return tuple(others)
    return messages
