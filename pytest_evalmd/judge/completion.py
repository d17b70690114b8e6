"""A server's completion, which may be anything, as a reply.

Servers send web pages, nothing, errors with status 200, and completions without a
choice, a message or a text; the SDK checks none of it.
"""

from __future__ import annotations

import json
import re
from typing import TypeAlias

from pytest_evalmd.judge.model import JudgeError, Reply, Usage
from pytest_evalmd.judge.recordings import MAX_TOKENS

Json: TypeAlias = "dict[str, object]"

SHOWN = 2000
"""How much of a server's text an error takes over; who shows it makes it shorter."""

_PAGE = re.compile(r"\s*<(?:!doctype|html|head|body|\?xml|!--)", re.IGNORECASE)
_CHECK_URL = "check OPENAI_BASE_URL (most end in /v1) and any proxy in between"


def parse_body(text: str) -> object:
    """Parse what a server sent with status 200.

    Raises:
        JudgeError: it is not JSON.
    """
    if not text.strip():
        raise _unusable("the server sent an empty body; ask again later")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _not_json(text) from None


def read_completion(body: object) -> Reply:
    """Take a parsed completion as a reply.

    Args:
        body: any JSON value, or a text that is not JSON.

    Raises:
        JudgeError: there is no message in it (``unusable``), or the model thought and
            said nothing (``cut-off`` if it ran out of tokens, else ``empty``).
    """
    if isinstance(body, str):
        raise _not_json(body)
    if not isinstance(body, dict):
        raise _unusable(f"the server sent no completion; got {write_briefly(body)}")
    choice, message = _choice(body)
    reply = Reply(
        text=_text(message.get("content")),
        model=_str(body.get("model")) or "",
        finish_reason=_str(choice.get("finish_reason")),
        refusal=_str(message.get("refusal")) or None,
        usage=_usage(_dict(body.get("usage"))),
    )
    if not reply.text.strip() and not reply.refusal:
        _check_thoughts(reply, message, body)
    return reply


def write_briefly(value: object) -> str:
    """Quote a text, or write another value as JSON, not all of it if it is long."""
    if isinstance(value, str):
        return repr(value[:SHOWN])
    try:
        return json.dumps(value)[:SHOWN]
    except (ValueError, RecursionError, TypeError):
        return f"a {type(value).__name__}"  # it nests too deeply, or is no JSON


def _not_json(text: str) -> JudgeError:
    if _PAGE.match(text):
        return _unusable(
            "the server sent a web page instead of a completion; "
            f"{_CHECK_URL}: {write_briefly(_page_text(text))}"
        )
    if text.lstrip().startswith(("data:", "event:")):
        return _unusable(
            "the server streamed its reply; take 'stream' out of the parameters"
        )
    return _unusable(
        f"the server sent no JSON; {_CHECK_URL}: {write_briefly(text)}",
    )


def _page_text(page: str) -> str:
    """Take the words out of a page; its beginning is all that anybody sees."""
    return " ".join(re.sub(r"<[^<>]*>", " ", page[:SHOWN]).split())


def _choice(body: Json) -> tuple[Json, Json]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        how = (
            "no choices"
            if "choices" not in body
            else f"choices {write_briefly(choices)}"
        )
        raise _unusable(f"the server sent a completion with {how}; ask another model")
    choice = _dict(choices[0])
    message = choice.get("message")
    if not isinstance(message, dict):
        raise _unusable(
            "the server sent a choice without a message; ask another model: "
            f"{write_briefly(choices[0])}"
        )
    return choice, message


def _check_thoughts(reply: Reply, message: Json, body: Json) -> None:
    """Explain a reply without text where the model thought instead.

    Raises:
        JudgeError: it did.
    """
    thought = message.get("reasoning_content") or message.get("reasoning")
    details = _dict(_dict(body.get("usage")).get("completion_tokens_details"))
    tokens = _count(details.get("reasoning_tokens"))
    if reply.finish_reason == "length":
        spent = f" ({tokens} of them on reasoning)" if tokens else ""
        raise JudgeError(
            "cut-off",
            f"the model used its limit of tokens up{spent} before it said anything; "
            "raise the limit (max_completion_tokens or max_tokens) or lower "
            "reasoning_effort",
        )
    if thought:
        raise JudgeError(
            "empty",
            "the model only thought: reasoning without content, finish_reason "
            f"{reply.finish_reason!r}; raise its token limit, or turn off its "
            "reasoning or the server's reasoning parser",
        )


def _text(content: object) -> str:
    """Join the parts that some servers send for a text."""
    if isinstance(content, list):
        return "".join(_part(part) for part in content)
    return content if isinstance(content, str) else ""


def _part(part: object) -> str:
    return _str(part) or _str(_dict(part).get("text")) or ""


def _usage(usage: Json) -> Usage:
    details = _dict(usage.get("prompt_tokens_details"))
    return Usage(
        asked=_count(usage.get("prompt_tokens")),
        answered=_count(usage.get("completion_tokens")),
        cached=_count(details.get("cached_tokens")),
    )


def _count(number: object) -> int | None:
    if isinstance(number, bool) or not isinstance(number, int):
        return None
    return number if 0 <= number <= MAX_TOKENS else None


def _dict(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _str(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _unusable(message: str) -> JudgeError:
    return JudgeError("unusable", message)
