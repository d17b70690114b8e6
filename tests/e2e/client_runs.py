"""Runs of the default client against a server, over real HTTP."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.model import JudgeError, Message, Request

sys.path.append(str(Path(__file__).parents[1]))
from mock_server import MockServer

KEY = "sk-test-0123456789"
SCHEMA = {"type": "object", "properties": {"response": {}}}


def request(text="Rate it.", *, model="judge", schema=SCHEMA, **parameters):
    messages = (
        Message(role="system", content="Reply in JSON."),
        Message(role="user", content=text),
    )
    return Request(model=model, messages=messages, schema=schema, parameters=parameters)


@pytest.fixture
def environment(monkeypatch):
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    return monkeypatch


@pytest.fixture
def serve(environment):
    """Start servers that the environment's settings lead to."""
    servers = []

    def start(*responses, **settings):
        """Give the responses in turn and repeat the last one, which may be ``None``."""
        if responses:
            settings["behaviour"] = lambda body, n: responses[
                min(n, len(responses) - 1)
            ]
        server = MockServer(**settings).__enter__()
        servers.append(server)
        environment.setenv("OPENAI_BASE_URL", server.base_url)
        return server

    yield start
    for server in servers:
        server.die()


async def outcome(client, asked):
    try:
        return await client.complete(asked)
    except JudgeError as problem:
        return problem


def run(*requests, client=None, at_once=50, deadline_s=10.0):
    """Ask in one session; gives replies and errors in order."""
    asker = client or OpenAIClient(deadline_s=deadline_s)

    async def session():
        slots = asyncio.Semaphore(at_once)

        async def one(asked):
            async with slots:
                return await outcome(asker, asked)

        try:
            return await asyncio.gather(*map(one, requests))
        finally:
            await asker.close()

    return asyncio.run(session())


def run_one(*args, **settings):
    (got,) = run(*(args or [request()]), **settings)
    return got


def check_error(problem, kind, *words):
    assert isinstance(problem, JudgeError), problem
    text = str(problem)
    assert problem.kind == kind, text
    for word in words:
        assert word in text
    assert text.isprintable()
    assert len(text) <= 400
    for secret in (KEY, "0123456789", "Bearer", "://", "Traceback"):
        assert secret not in text
