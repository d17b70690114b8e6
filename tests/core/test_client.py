"""The client with objects that are like openai's, without a network."""

from __future__ import annotations

import asyncio
import socket
import ssl
import types

import pytest

from pytest_evalmd.judge.client import OpenAIClient, as_client, redact
from pytest_evalmd.judge.model import JudgeError, Message, Request
from pytest_evalmd.judge.transport import to_json

REQUEST = Request(model="m", messages=(Message(role="user", content="Q"),))


def like_openai(create, **attributes):
    completions = types.SimpleNamespace(create=create)
    chat = types.SimpleNamespace(completions=completions)
    return types.SimpleNamespace(chat=chat, **attributes)


def ask(client, deadline_s=5.0):
    asker = OpenAIClient(client, deadline_s=deadline_s)

    async def session():
        try:
            return await asker.complete(REQUEST)
        finally:
            await asker.close()

    return asyncio.run(session())


def failed(create, **settings):
    with pytest.raises(JudgeError) as caught:
        ask(like_openai(create), **settings)
    return caught.value.kind, str(caught.value)


def namespaces(text):
    message = types.SimpleNamespace(content=text)
    return types.SimpleNamespace(choices=[types.SimpleNamespace(message=message)])


class TestLookAlikes:
    def test_async(self):
        seen = []

        async def create(**arguments):
            seen.append(arguments)
            return {"choices": [{"message": {"content": "hi"}}]}

        assert ask(like_openai(create)).text == "hi"
        assert seen == [
            {
                "model": "m",
                "messages": [{"role": "user", "content": "Q"}],
                "response_format": {"type": "json_object"},
            }
        ]

    def test_sync(self):
        assert ask(like_openai(lambda **arguments: namespaces("hi"))).text == "hi"

    def test_sync_that_gives_something_to_await(self):
        async def later():
            return namespaces("hi")

        assert ask(like_openai(lambda **arguments: later())).text == "hi"

    def test_its_error(self):
        def create(**arguments):
            raise TypeError("no such\nargument")

        assert failed(create) == (
            "unusable",
            "the server refused the request (the client failed with TypeError); check "
            "OPENAI_BASE_URL and the llm_client: 'no such\\nargument'",
        )

    def test_it_may_say_what_it_cannot_do(self):
        def create(**arguments):
            raise JudgeError("own", "my words")

        assert failed(create) == ("own", "my words")

    def test_it_parses_what_is_no_json(self):
        async def create(**arguments):
            import json

            return json.loads("<html>")

        kind, message = failed(create)
        assert kind == "unusable"
        assert "(no JSON); check OPENAI_BASE_URL" in message


class ConnectError(Exception):
    pass


class APIConnectionError(Exception):
    pass


class Group(Exception):  # Python 3.10 has none
    exceptions = (socket.gaierror(), ConnectionRefusedError())


class TestConnections:
    @pytest.mark.parametrize(
        ("cause", "words"),
        [
            (ssl.SSLCertVerificationError(), "certificate is not trusted); set SSL_CE"),
            (ConnectionRefusedError(), "connection refused, 3 tries); check that"),
            (Group(), "its name is unknown, 3 tries)"),
            (ConnectError(), "no connection, 3 tries)"),
            (OSError(), "the connection failed, 3 tries)"),
        ],
    )
    def test_what_is_behind_an_error(self, cause, words):
        async def create(**arguments):
            raise APIConnectionError("http://secret.example") from cause

        kind, message = failed(create, deadline_s=1.0)
        assert kind == "unreachable"
        assert words in message
        assert "secret" not in message


class TestAsClient:
    def test_takes_clients(self):
        async def create(**arguments): ...

        given = OpenAIClient()
        assert as_client(given) is given
        assert isinstance(as_client(like_openai(create)), OpenAIClient)

    def test_refuses_others(self):
        with pytest.raises(JudgeError, match="llm_client is a int; expected"):
            as_client(5)

    def test_async_fixtures(self):
        async def fixture():
            yield

        with pytest.raises(JudgeError, match="async fixture"):
            as_client(fixture())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://u:p@host.example/v1?k=1 and on", "at <url> and on"),
        ("key sk-proj-abc_DEF123 is", "key <key> is"),
        ("Authorization: Bearer abcdefgh", "Authorization: <key>"),
        ("Basic dXNlcjpwYXNz", "<key>"),
        ("AIzaSyA-1234567", "<key>"),
        ("eyJhbGciOi.J9.x", "<key>"),
        ("0123456789abcdef0123456789abcdef", "<key>"),
        ("the environment's my=key", "the environment's <key>"),
        ("claude-sonnet-4-5-20250929 takes a schema", None),
        ("gpt-4o-mini-2024-07-18, temperature", None),
        ("accounts/fireworks/models/llama-v3p1-405b-instruct", None),
    ],
)
def test_redact(text, shown, monkeypatch):
    monkeypatch.setenv("MY_API_KEY", "my=key")
    monkeypatch.setenv("OTHER_API_KEY", "e")  # too short to be one
    assert redact(text) == (text if shown is None else shown)


def test_to_json():
    class Model:
        def model_dump(self, **settings):
            return {"dumped": True}

    given = {"a": [Model(), (1, None)], 2: types.SimpleNamespace(b="c"), "o": object()}
    assert to_json(given) == {
        "a": [{"dumped": True}, [1, None]],
        "2": {"b": "c"},
        "o": None,
    }


def test_to_json_of_what_holds_itself():
    given: list[object] = []
    given.append(given)
    assert str(to_json(given)).startswith("[[[")
