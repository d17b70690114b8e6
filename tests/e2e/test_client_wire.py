"""The default client past the SDK: what it sends, and its connections."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import subprocess
import sys
from pathlib import Path

import client_runs
import openai
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
    asked = request("Ünï 😀")
    run(asked, client=OpenAIClient(openai.AsyncOpenAI(), deadline_s=10))
    run(*[asked] * 2, at_once=1)

    sdk, *ours = server.headers
    own = {"accept-encoding", "connection", "content-length", "user-agent"}
    expected = {n for n in sdk if not n.startswith("x-stainless-")} - own
    assert {":path", "host", "authorization", "openai-project"} <= expected
    for headers in ours:
        assert {name: headers[name] for name in expected} == {
            name: sdk[name] for name in expected
        }
        assert headers.keys() <= expected | own
    assert server.requests[0] == server.requests[1] == server.requests[2]
    assert server.requests[1]["messages"][1]["content"] == "Ünï 😀"


def test_openai_is_not_imported(serve):
    server = serve()
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "import client_runs\n"
        "print(client_runs.run(client_runs.request())[0].text)\n"
        "print('openai' in sys.modules)"
    )
    folder = str(Path(__file__).parent)
    said = subprocess.run(
        [sys.executable, "-c", code, folder], capture_output=True, text=True, check=True
    )
    assert said.stdout.split()[-1] == "False"
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OPENAI_CUSTOM_HEADERS", "X-Team: red"),
        ("OPENAI_SOMETHING_NEW", "1"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("OPENAI_ORG_ID", "caf\u00e9"),
        ("OPENAI_BASE_URL", "{}/?a=b"),
        ("OPENAI_BASE_URL", "{}/a%20b"),
        ("OPENAI_BASE_URL", "{}/a/../b"),
        ("OPENAI_BASE_URL", "{}/."),
    ],
)
def test_what_is_left_to_the_sdk(serve, environment, name, value):
    server = serve()
    environment.setenv(name, value.format(server.base_url))
    run(request(), deadline_s=2)
    assert [h for h in server.headers if h["accept-encoding"] == "gzip"] == []
    if name == "OPENAI_CUSTOM_HEADERS":
        assert server.headers[0]["x-team"] == "red"


@pytest.mark.parametrize("later", [False, True])
def test_its_key_is_not_shown(serve, environment, later):
    environment.setenv("OPENAI_API_KEY", "MySecretPass77\n")
    error = {"error": {"message": "Bad token: MySecretPass77"}}
    serve(None, Response(status=400, body=error))
    client = OpenAIClient(deadline_s=5)

    async def session():
        await outcome(client, request())
        if later:
            environment.setenv("OPENAI_API_KEY", "another")
        got = await outcome(client, request())
        await client.close()
        return got

    problem = str(asyncio.run(session()))
    assert "Bad token: <key>" in problem
    assert "MySecretPass77" not in problem


def test_certificates_that_can_not_be_read(environment):
    environment.setenv("OPENAI_BASE_URL", "https://127.0.0.1:9/v1")
    environment.setenv("SSL_CERT_FILE", "/nowhere.pem")
    check_error(run(request())[0], "no-client", "openai's client can't be made")


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
    assert server.connections == 1


@pytest.mark.parametrize("at_once", [1, 8])
def test_connections_are_used_again(serve, at_once):
    server = serve(latency_s=0.05)
    replies = run(*[request()] * 16, at_once=at_once)
    assert {type(reply) for reply in replies} == {Reply}
    assert server.connections <= at_once


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
    assert server.connections == 2


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
    got = run(request(), deadline_s=0.5)[0]
    check_error(got, "unreachable", "it doesn't take the connection")
