"""The default client: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable
from typing import Any, cast

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.loop import in_daemon_thread
from pytest_evalmd.judge.model import JudgeError, LLMClient, Reply, Request, Usage

TIMEOUT_S = 120.0

_URL = re.compile(r"\b\w+://\S+")
_KEY_LIKE = re.compile(r"\b(?:sk|key|Bearer)[-_ ][\w*.-]{6,}", re.IGNORECASE)

_SET_MODEL = (
    "no judge model is set; use --judge-model NAME, the environment variable "
    "EVALMD_JUDGE_MODEL or evalmd_judge_model in the ini file"
)
_SET_KEY = (
    "no model to ask: OPENAI_API_KEY is not set; set it (and OPENAI_BASE_URL for "
    "another server than OpenAI's), or run with --evalmd-mode=off"
)


class OpenAIClient:
    """Asks through openai's SDK, which is imported with the first request."""

    def __init__(self, client: Any = None, *, deadline_s: float = 120.0) -> None:  # noqa: ANN401 - any of openai's
        """Take an ``openai`` client, or make one of the environment's settings."""
        self._client = client
        self.adaptations: dict[str, tuple[str, ...]] = {}

    async def complete(self, request: Request) -> Reply:
        """Ask, once.

        Raises:
            JudgeError: no usable reply came.
        """
        if not request.model:
            raise JudgeError("no-model", _SET_MODEL)
        if self._client is None:
            self._client = _default_client()
        try:
            completion = await _create(self._client, _arguments(request))
        except ValueError:  # the SDK lets JSON errors through
            raise JudgeError("unusable", "the server sent no JSON") from None
        except _openai_errors() as error:
            raise _judge_error(error) from None
        return read_completion(completion)

    def waiting_s(self) -> float:
        return 0.0

    async def close(self) -> None:
        """Give the connections back."""
        if self._client is not None and hasattr(self._client, "__aenter__"):
            await self._client.close()


def as_client(client: object) -> LLMClient:
    """Take what an ``llm_client`` fixture returns as an ``LLMClient``.

    Raises:
        JudgeError: it is neither an ``LLMClient`` nor one of openai's clients.
    """
    if inspect.isasyncgen(client) or inspect.iscoroutine(client):
        message = "llm_client is an async fixture; return the client from a plain one"
        raise JudgeError("no-client", message)
    if callable(getattr(client, "complete", None)):
        return cast("LLMClient", client)
    if hasattr(client, "chat"):
        return OpenAIClient(client)
    message = (
        f"llm_client is a {type(client).__name__}; expected an object with an async "
        "method complete(request), an openai.AsyncOpenAI or an openai.OpenAI"
    )
    raise JudgeError("no-client", message)


def read_completion(completion: Any) -> Reply:  # noqa: ANN401 - servers send anything
    """Take what the SDK returns, which is not validated, as a reply.

    Raises:
        JudgeError: there is no message in it.
    """
    if isinstance(completion, str):
        message = f"the server sent no completion but {shorten(completion)!r}"
        raise JudgeError("unusable", redact(message))
    choices = getattr(completion, "choices", None)
    if not isinstance(choices, list) or not choices:
        said = getattr(completion, "error", None) or "no choices"
        message = f"the server sent no completion: {shorten(str(said), 200)}"
        raise JudgeError("unusable", redact(message))
    choice = choices[0]
    message_ = choice.message
    return Reply(
        text=_text(message_.content),
        model=str(getattr(completion, "model", "") or ""),
        finish_reason=choice.finish_reason,
        refusal=getattr(message_, "refusal", None),
        usage=_usage(getattr(completion, "usage", None)),
    )


def redact(text: str) -> str:
    """Take out URLs and whatever may be a key."""
    for name, value in os.environ.items():
        if name.upper().endswith("_API_KEY") and len(value) > 4:
            text = text.replace(value, "<key>")
    return _KEY_LIKE.sub("<key>", _URL.sub("<url>", text))


def _default_client() -> Any:  # noqa: ANN401 - openai's, imported late
    if not os.environ.get("OPENAI_API_KEY"):
        raise JudgeError("no-key", _SET_KEY)
    import openai

    return openai.AsyncOpenAI(timeout=TIMEOUT_S)


def _arguments(request: Request) -> dict[str, Any]:
    response_format: dict[str, Any] = {"type": "json_object"}
    if request.schema is not None:
        response_format = {
            "type": "json_schema",
            "json_schema": {
                "name": "verdict",
                "strict": True,
                "schema": request.schema,
            },
        }
    return {
        "model": request.model,
        "messages": [{"role": m.role, "content": m.content} for m in request.messages],
        "response_format": response_format,
        **request.parameters,
    }


async def _create(client: Any, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
    create: Callable[..., Any] = client.chat.completions.create
    if hasattr(client, "__aenter__"):
        return await create(**arguments)
    return await in_daemon_thread(lambda: create(**arguments))


def _openai_errors() -> type[Exception]:
    import openai

    return openai.OpenAIError


def _judge_error(error: Exception) -> JudgeError:
    """Say what happened without the SDK's text, which may hold a URL or a key."""
    status = getattr(error, "status_code", None)
    body = getattr(error, "body", None)
    said = body.get("message") if isinstance(body, dict) else body
    what = f"HTTP {status}" if status else type(error).__name__
    if str(getattr(error, "code", None)) == "content_filter":
        return JudgeError("filtered", "the server's content filter refused the request")
    if status in (401, 403):
        return JudgeError("no-key", f"the server refused the key ({what})")
    detail = f": {shorten(redact(str(said)), 200)}" if said else ""
    return JudgeError("unusable", f"the request failed with {what}{detail}")


def _text(content: object) -> str:
    """Join the parts that some servers send for a text."""
    if isinstance(content, list):
        return "".join(_part(part) for part in content)
    return content if isinstance(content, str) else ""


def _part(part: object) -> str:
    text = part.get("text") if isinstance(part, dict) else getattr(part, "text", None)
    return text if isinstance(text, str) else ""


def _usage(usage: Any) -> Usage:  # noqa: ANN401 - servers send anything
    details = getattr(usage, "prompt_tokens_details", None)
    return Usage(
        asked=_count(getattr(usage, "prompt_tokens", None)),
        answered=_count(getattr(usage, "completion_tokens", None)),
        cached=_count(getattr(details, "cached_tokens", None)),
    )


def _count(number: object) -> int | None:
    return number if isinstance(number, int) and number >= 0 else None
