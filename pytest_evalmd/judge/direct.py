"""Requests to the environment's server as openai's SDK sends them, without the SDK.

Its import takes half a second, and each of its calls ten times the CPU. Where the
environment says more than what is known here, the SDK sends all requests.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.request
from collections.abc import Mapping

from pytest_evalmd.judge.completion import parse_body
from pytest_evalmd.judge.fault import Fault, read_fault, read_retry_after
from pytest_evalmd.judge.transport import (
    Transport,
    default_client,
    environment_server,
    fault_of,
)
from pytest_evalmd.judge.wire import Response, Route, Wire

_KNOWN = {
    *("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"),
    "OPENAI_WEBHOOK_SECRET",  # of calls that come from OpenAI
}
"""The SDK's variables whose meaning is known here."""
_ADDRESS = re.compile(
    r"(https?)://([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::(\d{1,5}))?"
    r"((?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*)/?"
)
"""Those that no client writes otherwise."""
_PORTS = {"http": 80, "https": 443}
_SENDABLE = re.compile("[!-~](?:[ -~]*[!-~])?")
_MAX_PORT = 65535


class Direct:
    """Sends bodies past the SDK, until a server sends them elsewhere."""

    def __init__(self, route: Route) -> None:
        self._route, self._wire = route, Wire(route)
        self._sdk: Transport | None = None

    @property
    def client(self) -> object:
        """What holds the secrets that are sent, as the SDK's clients do."""
        return self._sdk.client if self._sdk else self._route

    async def send(self, body: Mapping[str, object]) -> object:
        """Try once; gives and raises what ``Transport.send`` does."""
        if self._sdk is None:
            try:
                response = await self._wire.post(body)
            except Exception as error:  # noqa: BLE001 - of sockets, TLS and h11
                return fault_of(error)
            if response.status >= 400:
                return _refusal(response)
            if response.status < 300:
                return parse_body(response.text)
            if self._sdk is None:  # the SDK knows where a redirection leads
                self._sdk = Transport(default_client())
                await self._wire.close()
        return await self._sdk.send(body)

    async def close(self) -> None:
        """Give the connections back."""
        await self._wire.close()
        if self._sdk is not None:
            await self._sdk.close()


def direct() -> Direct | None:
    """Make one of the environment's settings; ``None``: they are for the SDK.

    Raises:
        JudgeError: they name no server.
    """
    route = _route()
    try:
        return Direct(route) if route else None
    except Exception:  # noqa: BLE001 - of certificates; the SDK says what is wrong
        return None


def _route() -> Route | None:
    key, url = environment_server()
    unknown = {name for name in os.environ if name.startswith("OPENAI_")} - _KNOWN
    address = _ADDRESS.fullmatch(url)
    if address is None or unknown or _proxies():
        return None
    scheme, host, given_port, path = address.groups()
    port = int(given_port or _PORTS[scheme])
    headers = {
        "Host": host if port == _PORTS[scheme] else f"{host}:{port}",
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": "pytest-evalmd",
        "Authorization": f"Bearer {key}",
        "OpenAI-Organization": os.environ.get("OPENAI_ORG_ID"),
        "OpenAI-Project": os.environ.get("OPENAI_PROJECT_ID"),
    }
    sent = {name: value for name, value in headers.items() if value is not None}
    if port > _MAX_PORT or not all(map(_SENDABLE.fullmatch, sent.values())):
        return None
    target = f"{path}/chat/completions".encode()
    return Route(host, port, scheme == "https", target, sent)


def _refusal(response: Response) -> Fault:
    try:
        body = json.loads(response.text)
    except ValueError:
        body = response.text
    retry_after_s = read_retry_after(response.headers.get, time.time())
    return read_fault(response.status, body, retry_after_s)


def _proxies() -> bool:
    """Tell whether there are any, however few addresses they are for."""
    return not {"http", "https", "all"}.isdisjoint(urllib.request.getproxies())
