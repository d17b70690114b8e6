"""A server that speaks OpenAI's chat completions, well or badly, for tests.

``with MockServer(...) as server:`` runs it on a free port of 127.0.0.1, in a thread
with an event loop of its own, over HTTP/1.1 with keep-alive. It costs about 0.1 ms a
request and closes all it opened.

What it replies (all keyword arguments of ``MockServer``):

``reply``
    A function of the last message's text to the ``response`` of a judge's envelope, or
    the whole content as a text.
``latency_s``
    How long each reply takes.
``rate_per_s``, ``burst``, ``retry_after``
    A bucket of ``burst`` tokens (by default a second's worth) that fills at
    ``rate_per_s``; a request that finds none gets a 429, with a ``Retry-After`` header
    if ``retry_after`` is true (how long until a token comes, in whole seconds).
``behaviour``
    A function of the parsed request and its number, from 0, to a ``Response``, or to
    ``None`` for the reply above.
``tls``
    The context of a server that speaks HTTPS.

A ``Response`` has a ``status``, a ``body`` (a text, bytes, or something that becomes
JSON), ``headers`` that go above the usual ones (``Content-Length`` too), a ``delay_s``
(by default the server's latency), and a ``fault``:

``close``
    The connection ends without a byte.
``reset``
    As ``close``, but abruptly.
``cut``
    It ends after half of the body.
``stall``
    The headers and half of the body come, then nothing more.

What it saw: ``requests`` (parsed bodies in order of arrival), ``headers`` (of each,
names in lower case, and ``:path``), ``max_in_flight``, ``connections`` (how many were opened).
``base_url`` is what a client needs. ``die()`` ends it at once, in the middle of whatever
it does. ``completion(text, **message)`` makes the body of an ordinary reply.
"""

from __future__ import annotations

import asyncio
import json
import math
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Response:
    """What the server does with a request; see the top of this file."""

    status: int = 200
    body: Any = ""
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float | None = None
    fault: Literal["", "close", "reset", "cut", "stall"] = ""


Behaviour = Callable[[dict[str, Any], int], "Response | None"]


def completion(
    text: Any, *, model: str = "mock", finish_reason: Any = "stop", **message: Any
) -> dict[str, Any]:
    """Make the body of an ordinary reply; further arguments go into its message."""
    said = {"role": "assistant", "content": text, "refusal": None, **message}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": model,
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 10,
            "total_tokens": 110,
            "prompt_tokens_details": {"cached_tokens": 64},
        },
    }


def error(message: str, **fields: Any) -> dict[str, Any]:
    """Make the body of an error as OpenAI sends it."""
    return {"error": {"message": message, "type": None, "param": None, **fields}}


class MockServer:
    """See the top of this file."""

    def __init__(
        self,
        *,
        reply: Callable[[str], Any] | str = lambda message: 1,
        behaviour: Behaviour = lambda request, n: None,
        latency_s: float = 0.0,
        rate_per_s: float | None = None,
        burst: float | None = None,
        retry_after: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.reply, self.behaviour, self.latency_s = reply, behaviour, latency_s
        self.tls = tls
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.in_flight = self.max_in_flight = self.connections = 0
        self._bucket = _Bucket(rate_per_s, burst, retry_after)
        self._open: set[_Connection] = set()
        self._thread: threading.Thread | None = None

    @property
    def base_url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self._port}/v1"

    def __enter__(self) -> MockServer:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self._port = self._listening.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        made = self._loop.create_server(
            lambda: _Connection(self), sock=self._listening, ssl=self.tls
        )
        self._server = self._loop.run_until_complete(made)
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.die()

    def die(self) -> None:
        """End at once; connections break."""
        if self._thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._abort(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._thread = None

    async def _abort(self) -> None:
        # Connections that were just accepted turn up in the next rounds of the loop;
        # a closed server would drop them without closing them.
        self._loop.remove_reader(self._listening)
        for _ in range(5):
            for connection in list(self._open):
                connection.transport.abort()
            await asyncio.sleep(0)
        self._server.close()

    def respond(self, request: dict[str, Any], headers: dict[str, str]) -> Response:
        """Decide on a response, and note what was asked."""
        n = len(self.requests)
        self.requests.append(request)
        self.headers.append(headers)
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        refused = self._bucket.take(self._loop.time())
        return refused or self.behaviour(request, n) or self._default(request)

    def _default(self, request: dict[str, Any]) -> Response:
        text = self.reply
        if callable(text):
            value = text(request["messages"][-1]["content"])
            text = json.dumps({"reason": "As the mock sees it.", "response": value})
        return Response(body=completion(text, model=request["model"]))


class _Bucket:
    """Tokens for requests, at a rate."""

    def __init__(
        self, rate_per_s: float | None, burst: float | None, retry_after: bool
    ) -> None:
        self.rate, self.retry_after = rate_per_s, retry_after
        self.size = self.tokens = burst or max(1.0, rate_per_s or 1.0)
        self.filled_at = 0.0

    def take(self, now: float) -> Response | None:
        if self.rate is None:
            return None
        filled = self.tokens + (now - self.filled_at) * self.rate
        self.tokens, self.filled_at = min(self.size, filled), now
        if self.tokens >= 1:
            self.tokens -= 1
            return None
        wait_s = math.ceil((1 - self.tokens) / self.rate)
        headers = {"Retry-After": str(wait_s)} if self.retry_after else {}
        body = error("Rate limit reached", code="rate_limit_exceeded")
        return Response(status=429, body=body, headers=headers)


class _Connection(asyncio.Protocol):
    """One connection: requests one after another."""

    def __init__(self, server: MockServer) -> None:
        self.server, self.buffer = server, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.server.connections += 1
        self.server._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.server._open.discard(self)
        self.transport.abort()  # Python 3.10 takes one of TLS for open otherwise

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        headers[":path"] = first.split(" ")[1]
        size = int(headers.get("content-length", 0))
        if len(rest) >= size:
            self.buffer = rest[size:]
            self._answer(json.loads(rest[:size] or b"{}"), headers)

    def _answer(self, request: dict[str, Any], headers: dict[str, str]) -> None:
        response = self.server.respond(request, headers)
        delay_s = response.delay_s
        if delay_s is None:
            delay_s = self.server.latency_s
        if delay_s:
            self.server._loop.call_later(delay_s, self._send, response)
        else:
            self._send(response)

    def _send(self, response: Response) -> None:
        self.server.in_flight -= 1
        if self.transport.is_closing():
            return
        if response.fault in ("close", "reset"):
            end = {"close": self.transport.close, "reset": self._reset}
            end[response.fault]()
            return
        head, body = _bytes_of(response)
        if response.fault:
            body = body[: len(body) // 2]
        self.transport.write(head + body)
        if response.fault == "cut":
            self.transport.close()

    def _reset(self) -> None:
        # Lingering for no time makes the kernel send RST instead of FIN.
        sock = self.transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.transport.abort()


def _bytes_of(response: Response) -> tuple[bytes, bytes]:
    body = response.body
    kind = "text/html" if isinstance(body, str | bytes) else "application/json"
    if not isinstance(body, str | bytes):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    headers = {"Content-Type": kind, "Content-Length": str(len(body))}
    headers |= response.headers
    lines = [f"HTTP/1.1 {response.status} -"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1"), body
