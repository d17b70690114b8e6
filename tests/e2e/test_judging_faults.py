"""Servers that misbehave: an error on one clear line, and nothing leaks."""

from __future__ import annotations

import re
import time

import pytest
from mock_server import MockServer, Response, completion, error
from projects import KEY, ai, asked

PAGE = "<!doctype html><html><body><h1>Sign in to Example Proxy</h1></body></html>"
LEAKY = error(
    "Incorrect API key provided: {key}. See http://127.0.0.1/keys for 'Bearer {key}'.",
    code="invalid_api_key",
)


def errors_of(run):
    """Give the problem of each error, from the summary at the end."""
    return re.findall(r"^ERROR \S+ - (.*)$", run.out, re.MULTILINE)


def assert_clean(project, server, run):
    """An error is a line: no traceback, nothing of ours, no secret, no file."""
    junit = (project.path / "junit.xml").read_text(encoding="utf-8")
    project.assert_nothing_leaked(server, run.out, junit)
    for text in (run.out, junit):
        assert "Traceback" not in text
        assert "pytest_evalmd/" not in text
        assert "openai." not in text
    assert "INTERNALERROR" not in run.out


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (Response(body=PAGE), "web page instead of a completion"),
        (Response(status=502, body=PAGE), "HTTP 502"),
        (Response(status=401, body=LEAKY), "401"),
        (Response(status=404, body=error("No such model")), "404"),
        (Response(body=""), "empty body"),
        (Response(body={"choices": None}), "choices null"),
        (Response(fault="cut", body="x" * 1000), "can't reach the server"),
        (Response(fault="reset"), "can't reach the server"),
    ],
    ids=["page", "502", "key", "404", "empty", "null", "cut", "reset"],
)
@pytest.mark.fault(
    "a server resets, cuts off, sends nothing, a web page or an error",
    sees=(
        "can't reach the server",
        "web page instead of a completion",
        "empty body",
        "HTTP 502",
    ),
    keeps="all files; no such reply is recorded, and no key is shown",
)
def test_a_fault_is_an_error_on_one_line(project, response, message):
    project.ini("evalmd_timeout = 4")
    project.write_many(1)
    with MockServer(behaviour=lambda request, n: response) as server:
        run = project.run(server, "-rE", "--junitxml=junit.xml")

    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert run.summary == {"error": 1}
    (problem,) = errors_of(run)
    assert message in problem
    assert project.recorded() == {}
    assert project.leftovers() == []
    assert_clean(project, server, run)


@pytest.mark.fault(
    "a server fails or hangs up once",
    sees=("passed",),
    keeps="every reply: such a request is sent again",
)
def test_faults_that_pass_fail_nothing(project):
    def behave(request, n):
        if n in (2, 3, 9):
            return Response(status=500, body="oops")
        if n in (5, 12):
            return Response(fault="close")
        return None

    project.write_many(20)
    with MockServer(behaviour=behave) as server:
        run = project.run(server, "-rE", "--junitxml=junit.xml")

    assert run.summary == {"passed": 20}
    assert len(project.recorded()) == 20
    assert len(server.requests) == 25
    assert_clean(project, server, run)


@pytest.mark.fault(
    "a server stalls",
    sees=("4 s", "evalmd_timeout"),
    keeps="the replies that came; other measures run",
)
def test_a_reply_after_the_deadline_is_an_error(project):
    def behave(request, n):
        return Response(delay_s=30) if "m1_0" in str(request) else None

    project.ini("evalmd_timeout = 4")
    project.write_many(3)
    with MockServer(behaviour=behave) as server:
        run = project.run(server, "-rE", "--junitxml=junit.xml")

    assert (run.summary["passed"], len(errors_of(run))) == (2, 1)
    assert "4 s" in run.out
    assert "evalmd_timeout" in run.out
    assert run.seconds < 30
    assert sorted(project.recorded()) == ["PROMPT m0_0.", "PROMPT m2_0."]
    assert_clean(project, server, run)


@pytest.mark.parametrize("scope", ["server", "client"])
def test_a_deadline_holds_for_a_users_client_too(project, scope):
    project.ini("evalmd_timeout = 0.5")
    if scope == "client":
        project.conftest(
            "import asyncio, pytest\n"
            "class Slow:\n"
            "    async def complete(self, request):\n"
            "        await asyncio.sleep(60)\n"
            "@pytest.fixture(scope='session')\n"
            "def llm_client():\n"
            "    return Slow()\n"
        )
    project.write_many(2)
    with MockServer(behaviour=lambda request, n: Response(delay_s=30)) as server:
        run = project.run(server, "-rE", "--junitxml=junit.xml")
    assert len(errors_of(run)) == 2
    assert "0.5 s" in run.out
    assert run.seconds < 20
    assert_clean(project, server, run)


@pytest.mark.fault(
    "the account is empty",
    sees=("quota",),
    keeps="what came before; nothing is asked a second time",
)
def test_an_empty_account_fails_at_once(project):
    body = error("You exceeded your current quota", code="insufficient_quota")
    quota = Response(status=429, body=body, headers={"Retry-After": "1"})
    project.write_many(100)
    with MockServer(behaviour=lambda request, n: quota, latency_s=0.05) as server:
        run = project.run(server, "-rE", "--junitxml=junit.xml", "--tb=line")

    assert len(errors_of(run)) == 100
    assert run.out.count("quota") >= 100
    assert len(server.requests) <= 100  # nothing is asked again
    assert run.seconds < 20
    assert_clean(project, server, run)


@pytest.mark.fault(
    "a server dies in the middle of a run",
    sees=("passed", "error"),
    keeps="every reply that came; the next run asks for the others only",
)
def test_a_server_that_dies_in_the_middle(project):
    """What came before is remembered, the rest fails soon, and the next run mends it."""
    project.ini("evalmd_timeout = 3")
    project.write_many(30)
    with MockServer(latency_s=0.2) as server:
        running = project.start(server, "-rE", "--junitxml=junit.xml")
        while len(server.requests) < 16 and running.process.poll() is None:
            time.sleep(0.01)
        server.die()
        run = running.wait()
        assert run.seconds < 30
        remembered = project.recorded()
        assert run.summary["passed"] == len(remembered) < 30
        assert len(errors_of(run)) == 30 - len(remembered)
        assert_clean(project, server, run)

    with MockServer() as server:
        run = project.run(server)
        assert run.summary == {"passed": 30}
        assert asked(server) + remembered == project.recorded()


def test_a_reply_that_holds_the_key_is_not_written(project):
    def behave(request, n):
        text = f'{{"reason": "It is {KEY}.", "response": 1}}'
        return Response(body=completion(text))

    project.write("case", ai("m"))
    with MockServer(behaviour=behave) as server:
        run = project.run(server, "-q", "--junitxml=junit.xml")
        assert run.summary == {"passed": 1}
        assert "replies NOT remembered" in run.out
        assert project.recorded() == {}
        assert_clean(project, server, run)
