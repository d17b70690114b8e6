"""The default client: any server that speaks OpenAI's chat completions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, cast

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.asking import Asking, Model
from pytest_evalmd.judge.model import JudgeError, LLMClient, Reply, Request
from pytest_evalmd.judge.negotiation import facts
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.transport import Sender, Transport, default_client

DEADLINE_S = 120.0
SHOWN = 400
"""How long an error may be, in characters."""

_URL = re.compile(r"\b\w+://\S+")
_KEY_LIKE = re.compile(
    r"\b(?:(?:(?:sk|key)[-_]|(?:Bearer|Basic) +)[\w*.+/=-]{6,}"
    r"|(?:gsk_|xai-|AIza|eyJ)[\w.-]{6,}"
    r"|(?=[a-z_]*\d)(?=\d*[a-z_])\w{32,})",
    re.IGNORECASE,
)
_SECRET_HEADER = re.compile(r"auth|key|token|secret|cookie", re.IGNORECASE)

SET_MODEL = (
    "no judge model is set; use --judge-model NAME, the environment variable "
    "EVALMD_JUDGE_MODEL or evalmd_judge_model in the ini file"
)


class OpenAIClient:
    """Asks as openai's SDK does, and through it where the SDK is given or needed.

    One object keeps what it learns of each model for the session: when its server
    wants to be left alone, and what it doesn't support. It is used on one event loop,
    by many requests at once.
    """

    def __init__(
        self,
        client: Any = None,  # noqa: ANN401 - any of openai's
        *,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        """Take a client, or make one of the environment's settings when it is needed.

        Args:
            client: an ``openai.AsyncOpenAI``, an ``openai.OpenAI``, or an object with
                their ``chat.completions.create``.
            deadline_s: how long one request may take with all its tries and waiting.
        """
        self.deadline_s = deadline_s
        self._client = client
        self._transport: Sender | None = None
        self._models: dict[str, Model] = {}

    @property
    def adaptations(self) -> dict[str, tuple[str, ...]]:
        """Say by model what its server doesn't support, and what is done instead."""
        models = list(self._models.items())
        return {
            name: facts(model.terms) for name, model in models if model.terms.refused
        }

    def waiting_s(self) -> float:
        """Tell how long requests still wait for a server; 0 if none has to."""
        waits = [model.turns.waiting_s() for model in list(self._models.values())]
        return max(waits, default=0.0)

    async def complete(self, request: Request) -> Reply:
        """Ask until there is a reply, or none is to be expected.

        Raises:
            JudgeError: no usable reply came; the message is one line, without keys,
                headers and URLs.
        """
        if not request.model:
            raise JudgeError("no-model", SET_MODEL)
        try:
            if self._transport is None:
                self._transport = self._connect()
            model = self._models.setdefault(request.model, Model(self.deadline_s))
            asking = Asking(request, model, self._transport, self.deadline_s)
            return await asking.reply()
        except JudgeError as error:
            raise JudgeError(error.kind, self._clean(str(error))) from None

    async def close(self) -> None:
        """Give the connections back."""
        transport, self._transport = self._transport, None
        if transport:
            await transport.close()

    def _connect(self) -> Sender:
        if self._client is not None:
            return Transport(self._client)
        from pytest_evalmd.judge.direct import direct  # with what few runs need

        return direct() or Transport(default_client())

    def _clean(self, message: str) -> str:
        client = self._transport.client if self._transport else None
        for secret in _secrets(client):
            message = message.replace(secret, "<key>")
        return shorten(redact(message), SHOWN)


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


def redact(text: str) -> str:
    """Take out URLs and whatever may be a key."""
    for key in environment_keys():
        if len(key) > 4:
            text = text.replace(key, "<key>")
    return _KEY_LIKE.sub("<key>", _URL.sub("<url>", text))


def _secrets(client: object) -> Iterator[str]:
    """Give what a client sends that nobody may see."""
    values = [getattr(client, "api_key", None)]
    headers = getattr(client, "default_headers", None)
    if isinstance(headers, dict):
        values += [v for name, v in headers.items() if _SECRET_HEADER.search(str(name))]
    for value in values:
        if isinstance(value, str) and len(value) > 4:
            yield from {value, value.removeprefix("Bearer ")}
