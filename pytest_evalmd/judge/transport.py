"""One try through openai's SDK, or something like it, which is imported late.

The SDK's own parsing costs more than all else of a call, and its types hold what isn't
true of other servers; so the body is taken raw. Most runs ask without it (``direct``).
"""

from __future__ import annotations

import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from pytest_evalmd.judge.completion import parse_body
from pytest_evalmd.judge.fault import Fault, read_fault, read_retry_after
from pytest_evalmd.judge.loop import in_daemon_thread
from pytest_evalmd.judge.model import JudgeError

_SET_KEY = (
    "no model to ask: OPENAI_API_KEY is not set; set it (and OPENAI_BASE_URL for "
    "another server than OpenAI's), or run with --evalmd-mode=off"
)
_OPENAI_URL = "https://api.openai.com/v1"
_NO_KEY = "none-needed"
"""Sent to servers that want no key: the SDK insists on one."""

_CHECK_SERVER = "check that it runs, and OPENAI_BASE_URL"
_CAUSES = {
    "gaierror": ("its name is unknown", "check OPENAI_BASE_URL and the network"),
    "ConnectionRefusedError": ("connection refused", _CHECK_SERVER),
    "ConnectTimeout": ("it doesn't take the connection", _CHECK_SERVER),
    "ConnectError": ("no connection", _CHECK_SERVER),
}
"""What the exceptions behind one of the SDK's mean, the most telling first."""
_LASTING_CAUSES = {
    "SSLCertVerificationError": (
        "its certificate is not trusted",
        "set SSL_CERT_FILE to the certificates of your network",
    ),
    "UnsupportedProtocol": (
        "its address is no URL",
        "OPENAI_BASE_URL has to begin with https or http, as URLs do",
    ),
    "LocalProtocolError": (
        "the key or a header can't be sent",
        "look for a line break or a space at the end of OPENAI_API_KEY",
    ),
}
_BROKEN = Fault(
    kind="unreachable", what="the connection failed", passing=True, advice=_CHECK_SERVER
)
_CLIENT_TIMEOUT = Fault(
    kind="timeout", what="no reply within the client's own timeout", passing=True
)


class Sender(Protocol):
    """Sends bodies to a server.

    Attributes:
        client: what holds the secrets that are sent, as the SDK's clients do.
    """

    @property
    def client(self) -> object: ...  # noqa: D102
    async def send(self, body: Mapping[str, object]) -> object: ...  # noqa: D102
    async def close(self) -> None: ...  # noqa: D102


class Transport:
    """Sends bodies through one client.

    Attributes:
        client: the one that is used; for one of openai's, a copy without retries that
            shares its connections.
        is_async: whether it wants to be awaited, on one event loop.
    """

    def __init__(self, client: Any) -> None:  # noqa: ANN401
        """Prepare to send.

        Args:
            client: one of openai's, or an object with ``chat.completions.create``.
        """
        self._raw = _is_openai(client)
        has_options = callable(getattr(client, "with_options", None))
        self.client = client.with_options(max_retries=0) if has_options else client
        completions = self.client.chat.completions
        if self._raw:
            completions = completions.with_raw_response
        self._create: Callable[..., Any] = completions.create
        self.is_async = hasattr(client, "__aenter__") or inspect.iscoroutinefunction(
            self._create
        )

    async def send(self, body: Mapping[str, object]) -> object:
        """Try once.

        Returns:
            The parsed body of a completion, or the ``Fault`` that came instead.

        Raises:
            JudgeError: what came is not JSON, or the client itself failed.
        """
        try:
            response = await self._call(self._arguments(body))
            return parse_body(response.text) if self._raw else to_json(response)
        except JudgeError:
            raise
        except Exception as error:  # noqa: BLE001 - a client may raise anything
            return fault_of(error)

    async def close(self) -> None:
        """Give the connections back."""
        if self.is_async and hasattr(self.client, "close"):
            await self.client.close()

    async def _call(self, arguments: dict[str, Any]) -> Any:  # noqa: ANN401
        if self.is_async:
            return await self._create(**arguments)
        response = await in_daemon_thread(lambda: self._create(**arguments))
        return await response if inspect.isawaitable(response) else response

    def _arguments(self, body: Mapping[str, object]) -> dict[str, Any]:
        """Split a body into what the SDK is to see and what it passes on unseen.

        Its check of each argument's type takes a third of a call's time, and it knows
        only the parameters of its own age. Tracers want the messages, though.
        """
        if not self._raw:
            return dict(body)
        seen = {"model": body["model"], "messages": body["messages"]}
        rest = {name: value for name, value in body.items() if name not in seen}
        return {**seen, "extra_body": rest}


def environment_server() -> tuple[str, str]:
    """Give the key and the address that the environment names.

    Raises:
        JudgeError: it names neither.
    """
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    url = os.environ.get("OPENAI_BASE_URL", "").strip()
    if not key and not url:
        raise JudgeError("no-key", _SET_KEY)
    return key or _NO_KEY, url or _OPENAI_URL


def default_client(kind: str = "AsyncOpenAI") -> Any:  # noqa: ANN401 - openai's
    """Make a client of the environment's settings.

    Args:
        kind: which of openai's classes, imported late.

    Raises:
        JudgeError: they name no server, or can't be used.
    """
    key, url = environment_server()
    import openai

    try:
        return getattr(openai, kind)(api_key=key, base_url=url, max_retries=0)
    except Exception as error:  # noqa: BLE001 - of proxies, certificates, addresses
        message = (
            f"openai's client can't be made ({type(error).__name__}); check "
            f"OPENAI_BASE_URL and the proxy settings: {error}"
        )
        raise JudgeError("no-client", message) from None


def to_json(value: Any, depth: int = 0) -> object:  # noqa: ANN401 - any client's
    """Take what a client gives, such as pydantic models, as JSON."""
    if depth > 20 or value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, Mapping):
        return {str(name): to_json(one, depth + 1) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(one, depth + 1) for one in value]
    if callable(getattr(type(value), "model_dump", None)):
        # Servers leave out fields and send others; pydantic would warn of each.
        return value.model_dump(mode="json", warnings=False)
    return to_json(getattr(value, "__dict__", None), depth + 1)


def _is_openai(client: object) -> bool:
    openai = sys.modules.get("openai")
    return openai is not None and isinstance(client, openai.OpenAI | openai.AsyncOpenAI)


def fault_of(error: Exception) -> Fault:
    """Say what an exception means, never by its own text where the SDK raised it."""
    names = [name for one in _chain(error) for name in _class_names(one)]
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return read_fault(status, getattr(error, "body", None), _retry_after_s(error))
    for causes, passing in ((_LASTING_CAUSES, False), (_CAUSES, True)):
        for name, (what, advice) in causes.items():
            if name in names:
                return Fault(
                    kind="unreachable", what=what, passing=passing, advice=advice
                )
    if "APITimeoutError" in names or isinstance(error, TimeoutError):
        return _CLIENT_TIMEOUT
    if not {"APIConnectionError", "WireError"}.isdisjoint(names):
        return _BROKEN
    return _client_failed(error)


def _client_failed(error: Exception) -> Fault:
    if isinstance(error, ValueError) and type(error).__name__ == "JSONDecodeError":
        return Fault(kind="unusable", what="no JSON", advice="check OPENAI_BASE_URL")
    while getattr(error, "exceptions", ()):
        error = error.exceptions[0]  # type: ignore[attr-defined]
    what = f"the client failed with {type(error).__name__}"
    advice = "check OPENAI_BASE_URL and the llm_client"
    return Fault(kind="unusable", what=what, said=str(error), advice=advice)


def _retry_after_s(error: Exception) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", None)
    return None if headers is None else read_retry_after(headers.get, time.time())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give an exception and those behind it, groups with what they hold."""
    while error is not None:
        yield error
        for one in getattr(error, "exceptions", ()):
            yield from _chain(one)
        error = error.__cause__ or error.__context__


def _class_names(error: BaseException) -> list[str]:
    return [kind.__name__ for kind in type(error).__mro__]
