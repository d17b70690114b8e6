"""A user's own client of openai's, in any scope, leaves no warning behind."""

from __future__ import annotations

import pytest
from mock_server import MockServer
from projects import ai, asked

CONFTEST = """
import openai, os, pytest

def make():
    return openai.{kind}(
        base_url=os.environ["MOCK_URL"], api_key="sk-own-0123456789", max_retries=2
    )

@pytest.fixture(scope="{scope}")
def llm_client():
    {body}
"""
BODIES = {
    "left open": "return make()",
    "closed": "client = make()\n    yield client\n    client.close()",
    "context": "with make() as client:\n        yield client",
}


def run_with(project, server, kind, scope, body, *args):
    project.conftest(CONFTEST.format(kind=kind, scope=scope, body=body))
    return project.run(None, "-q", *args, MOCK_URL=server.base_url)


@pytest.mark.parametrize("scope", ["function", "module", "session"])
@pytest.mark.parametrize("kind", ["AsyncOpenAI", "OpenAI"])
def test_openai_clients(project, kind, scope):
    project.write_many(4, measures=3)
    with MockServer(latency_s=0.05) as server:
        run = run_with(project, server, kind, scope, BODIES["left open"])

        assert run.summary == {"passed": 12}, run.out
        assert "Warning" not in run.out
        assert len(asked(server)) == len(server.requests) == 12
        keys = {headers["authorization"] for headers in server.headers}
        assert keys == {"Bearer sk-own-0123456789"}
        in_flight = {"function": 1, "module": 3, "session": 8}
        assert server.max_in_flight == in_flight[scope]
        assert len(project.recorded()) == 12


@pytest.mark.parametrize(
    ("scope", "body"),
    [("function", "closed"), ("module", "context"), ("session", "closed")],
)
def test_a_client_that_its_fixture_closes(project, scope, body):
    project.write_many(2, measures=2)
    with MockServer(latency_s=0.05) as server:
        run = run_with(project, server, "OpenAI", scope, BODIES[body])
    assert run.summary == {"passed": 4}, run.out
    assert "Warning" not in run.out


def test_a_client_is_drained_before_it_is_closed(project):
    """With -x, requests are in flight when its fixture's teardown comes."""
    project.write_many(20)
    project.write("case0000", ai("m"), results={"m": "2"})
    with MockServer(latency_s=0.3) as server:
        run = run_with(project, server, "OpenAI", "session", BODIES["closed"], "-x")
        assert run.summary == {"failed": 1}, run.out
        assert "Warning" not in run.out
        assert project.recorded() == asked(server)
