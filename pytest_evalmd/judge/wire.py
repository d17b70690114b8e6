"""Requests on connections of our own, one after another on each.

What comes and goes is read and written by h11, which the HTTP client of openai's SDK is
built on, too.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import importlib
import json
import ssl
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h11

CONNECT_S = 5.0
"""How long a connection may take to be there; the SDK's own limit."""
IDLE_S = 5.0
"""How long a connection may lie idle; servers close theirs at some time, too."""
MAX_HEAD = 100 * 1024
"""How long the head of a response may be, in bytes."""
_READ = 64 * 1024
_HTTP_CLIENTS = ("httpx2", "httpx")
"""What openai's SDK is built on, the newest first."""


class WireError(Exception):
    """No response came; says why, as the exceptions of the SDK do, by its cause."""


class ConnectTimeout(WireError):
    """The server did not take the connection in time."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a server sent."""

    status: int
    headers: Mapping[str, str]
    """By name in lower case."""
    text: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where requests go, and what is sent with each."""

    host: str
    port: int
    secure: bool
    """Whether connections are encrypted."""
    target: bytes
    """The path."""
    default_headers: Mapping[str, str]


class Wire:
    """The connections of one client."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._tls = _context() if route.secure else None
        self._idle: list[_Connection] = []
        self._open = True

    async def post(self, body: Mapping[str, object]) -> Response:
        """Send a body and read the response.

        Raises:
            WireError: none came.
        """
        connection = await self._connection()
        try:
            response = await connection.exchange(self._route, body)
        except (OSError, EOFError, h11.RemoteProtocolError) as error:
            raise WireError from error
        finally:
            if self._open and connection.reusable:
                self._idle.append(connection)
            else:
                connection.abort()
        return response

    async def close(self) -> None:
        """Close all connections; requests on their way end with their own."""
        self._open = False
        while self._idle:
            self._idle.pop().abort()
        await asyncio.sleep(0)  # they are lost in the next round of the loop

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable(time.monotonic()):
                return connection
            connection.abort()
        return await _connect(self._route, self._tls)


async def _connect(route: Route, tls: ssl.SSLContext | None) -> _Connection:
    try:
        streams = await asyncio.wait_for(
            asyncio.open_connection(
                route.host, route.port, ssl=tls, happy_eyeballs_delay=0.25
            ),
            CONNECT_S,
        )
    except asyncio.TimeoutError:
        raise ConnectTimeout from None
    except OSError as error:
        # asyncio sums up the errors of several addresses in a text.
        if f"[Errno {errno.ECONNREFUSED}]" in str(error):
            error = ConnectionRefusedError()
        raise WireError from error
    return _Connection(*streams)


class _Connection:
    """One connection, on which one request follows another."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
        self._used_at = 0.0
        self.reusable = False

    def usable(self, now: float) -> bool:
        """Tell whether the server still waits for a request, as far as is known."""
        return now < self._used_at + IDLE_S and not self._reader.at_eof()

    def abort(self) -> None:
        """Close it at once."""
        self._writer.transport.abort()

    async def exchange(self, route: Route, body: Mapping[str, object]) -> Response:
        """Send a request and wait for its response."""
        self.reusable = False
        data = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
        headers = [
            *route.default_headers.items(),
            ("Accept-Encoding", "gzip"),
            ("Content-Length", str(len(data))),
        ]
        request = h11.Request(method="POST", target=route.target, headers=headers)
        events = (request, h11.Data(data=data), h11.EndOfMessage())
        self._writer.write(b"".join(self._http.send(event) or b"" for event in events))
        response = await self._response()
        # Whatever comes after a response would be taken for the next one.
        if self._http.states == {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            self.reusable = not self._http.trailing_data[0]
            self._http.start_next_cycle()
            self._used_at = time.monotonic()
        return response

    async def _response(self) -> Response:
        head: Any = None
        parts: list[bytes] = []
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                self._http.receive_data(await self._reader.read(_READ))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                parts.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                return _read(head, b"".join(parts))
            elif event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                raise EOFError


def _read(head: Any, data: bytes) -> Response:  # noqa: ANN401 - h11's, untyped lists
    headers = {name.decode(): value.decode("latin-1") for name, value in head.headers}
    if headers.get("content-encoding", "").lower() == "gzip":
        with contextlib.suppress(zlib.error):  # then it is no JSON either
            data = zlib.decompress(data, 16 + zlib.MAX_WBITS)
    return Response(head.status_code, headers, data.decode("utf-8", "replace"))


def _context() -> ssl.SSLContext:
    """Make the context of TLS that the SDK's HTTP client makes."""
    for name in _HTTP_CLIENTS:
        with contextlib.suppress(ImportError):
            context: ssl.SSLContext = importlib.import_module(name).create_ssl_context()
            context.set_alpn_protocols(["http/1.1"])
            return context
    raise ImportError(_HTTP_CLIENTS[0])
