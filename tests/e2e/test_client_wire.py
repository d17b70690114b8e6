"""The connections that the default client keeps besides the SDK's."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from pathlib import Path

import client_runs
import pytest
from client_runs import check_error, outcome, request, run
from mock_server import Response, completion

from pytest_evalmd.judge import wire
from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.model import Reply

serve, environment = client_runs.serve, client_runs.environment


def texts(replies):
    return [getattr(reply, "text", reply) for reply in replies]


def test_sends_what_the_sdk_sends(serve, environment):
    environment.setenv("OPENAI_ORG_ID", "org-1")
    environment.setenv("OPENAI_PROJECT_ID", "proj-1")
    server = serve()
    run(*[request("Ünï 😀")] * 3, at_once=1)

    first, *others = server.headers
    assert first["openai-organization"] == "org-1"
    for headers in others:
        differ = {n for n in {*first, *headers} if headers.get(n) != first.get(n)}
        assert differ <= {"accept-encoding", "content-length"}
    assert server.requests[1] == server.requests[2]
    assert server.requests[1]["messages"][1]["content"] == "Ünï 😀"


def test_tls(serve, environment):
    """With a certificate that only ``SSL_CERT_FILE`` makes one to be trusted."""
    pem = Path(__file__).with_name("tls") / "server.pem"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    serve(tls=context)
    check_error(run(request())[0], "unreachable", "its certificate is not trusted")

    environment.setenv("SSL_CERT_FILE", str(pem))
    server = serve(tls=context)
    replies = run(*[request()] * 3, at_once=1)
    assert {type(reply) for reply in replies} == {Reply}
    assert server.connections == 2

    environment.delenv("SSL_CERT_FILE")
    monkey = ssl.create_default_context()
    environment.setattr(wire, "_context", lambda _: monkey)
    environment.setenv("SSL_CERT_FILE", str(pem))
    got = run(*[request()] * 2, at_once=1)[1]
    check_error(got, "unreachable", "its certificate is not trusted")


@pytest.mark.parametrize("at_once", [1, 8])
def test_only_the_first_request_is_the_sdks(serve, at_once):
    server = serve(latency_s=0.05)
    replies = run(*[request()] * 16, at_once=at_once)
    assert {type(reply) for reply in replies} == {Reply}
    encodings = [headers["accept-encoding"] for headers in server.headers]
    assert encodings.count("gzip") == 15
    assert server.connections <= at_once + 1


def test_a_proxy_leaves_all_to_the_sdk(serve, environment):
    server = serve()
    environment.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    run(*[request()] * 3)
    assert "gzip" not in [headers["accept-encoding"] for headers in server.headers]


def test_a_reply_that_is_compressed(serve):
    packed = gzip.compress(json.dumps(completion("packed")).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    serve(None, Response(body=packed, headers=headers))
    assert texts(run(*[request()] * 2, at_once=1))[1] == "packed"


def test_a_redirection(serve):
    second = serve()
    place = {"Location": f"{second.base_url}/chat/completions"}
    first = serve(None, Response(status=307, headers=place))
    replies = run(*[request()] * 4, at_once=1)
    assert {type(reply) for reply in replies} == {Reply}
    assert (len(first.requests), len(second.requests)) == (5, 3)


@pytest.mark.parametrize(
    "headers",
    [{"Connection": "close"}, {"Content-Length": "40"}],
    ids=["close", "long"],
)
def test_a_connection_that_can_not_be_used_again(serve, headers):
    server = serve(None, Response(body=completion("{}"), headers=headers), None)
    replies = run(*[request()] * 3, at_once=1)
    assert isinstance(replies[2], Reply)
    assert server.connections == 3


def test_a_connection_that_lay_idle_is_not_used_again(serve, monkeypatch):
    monkeypatch.setattr(wire, "IDLE_S", -1.0)
    server = serve()
    run(*[request()] * 3, at_once=1)
    assert server.connections == 3


def test_a_server_that_closes_idle_connections(serve):
    server = serve()
    client = OpenAIClient(deadline_s=5)

    async def session():
        for _ in range(3):
            yield await outcome(client, request())
            for connection in list(server._open):
                server._loop.call_soon_threadsafe(connection.transport.abort)
            await asyncio.sleep(0.05)
        await client.close()

    async def gather():
        return [reply async for reply in session()]

    assert {type(reply) for reply in asyncio.run(gather())} == {Reply}
    assert len(server.requests) == 3


def test_a_head_without_end(serve):
    serve(None, Response(headers={"X-Long": "x" * 4 * wire.MAX_HEAD}))
    _, got = run(*[request()] * 2, at_once=1, deadline_s=0.6)
    check_error(got, "timeout", "the connection failed")


def test_a_connection_that_nobody_takes(serve, monkeypatch):
    serve()

    async def never(*_args, **_more):
        await asyncio.sleep(9)

    monkeypatch.setattr(wire, "CONNECT_S", 0.05)
    monkeypatch.setattr(asyncio, "open_connection", never)
    _, got = run(*[request()] * 2, at_once=1, deadline_s=0.5)
    check_error(got, "timeout", "it doesn't take the connection")
