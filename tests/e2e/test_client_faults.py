"""The default client against a server that is not well."""

from __future__ import annotations

import asyncio
import email.utils
import time

import client_runs
import pytest
from client_runs import KEY, check_error, outcome, request, run, run_one
from mock_server import Response, completion, error

from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.model import JudgeError, Reply

serve, environment = client_runs.serve, client_runs.environment


AZURE = error(
    "The response was filtered due to Azure OpenAI's content management policy.",
    code="content_filter",
    innererror={"code": "ResponsibleAIPolicyViolation"},
)
FAULTS = {
    "bad key": (
        Response(status=401, body=error(f"Incorrect API key provided: {KEY}")),
        ("no-key", "HTTP 401", "check OPENAI_API_KEY"),
    ),
    "forbidden": (Response(status=403, body=f"<p>{KEY}"), ("no-key", "HTTP 403")),
    "no model": (
        Response(status=404, body=error("no model 'judge' at http://x.example/v1")),
        ("no-model", "knows no model 'judge'", "<url>"),
    ),
    "wrong path": (
        Response(status=404, body={"detail": "Not Found"}),
        ("no-model", "most end in /v1", "Not Found"),
    ),
    "error is a text": (
        Response(status=400, body={"error": "bad\x1b[31m luck"}),
        ("unusable", "HTTP 400", r"bad\x1b[31m luck"),
    ),
    "FastAPI": (
        Response(
            status=422,
            body={"detail": [{"loc": ["body", "n"], "msg": "odd", "input": "secret"}]},
        ),
        ("unusable", "HTTP 422", "body.n: odd"),
    ),
    "plain text": (Response(status=400, body="nope"), ("unusable", "'nope'")),
    "no text at all": (Response(status=400), ("unusable", "HTTP 400")),
    "numeric code": (
        Response(status=400, body=error("odd", code=400)),
        ("unusable", "odd"),
    ),
    "too long": (
        Response(status=400, body=error("long", code="context_length_exceeded")),
        ("too-long", "less context"),
    ),
    "payload": (Response(status=413, body="big"), ("too-long", "HTTP 413")),
    "filtered": (Response(status=400, body=AZURE), ("filtered", "content filter")),
    "quota": (
        Response(status=429, body=error("You exceeded", code="insufficient_quota")),
        ("no-quota", "add credit"),
    ),
    "unpaid": (Response(status=402, body="pay"), ("no-quota", "HTTP 402")),
    "web page": (
        Response(body="<!DOCTYPE html><html><title>Sign in</title></html>"),
        ("unusable", "web page", "OPENAI_BASE_URL", "Sign in"),
    ),
    "empty": (Response(), ("unusable", "empty body")),
    "empty JSON": (
        Response(headers={"Content-Type": "application/json"}),
        ("unusable", "empty body"),
    ),
    "no JSON": (
        Response(body="oops", headers={"Content-Type": "application/json"}),
        ("unusable", "no JSON", "oops"),
    ),
    "stream": (
        Response(body="data: {}\n\n", headers={"Content-Type": "text/event-stream"}),
        ("unusable", "take 'stream' out"),
    ),
    "too short a length": (
        Response(body=completion("{}"), headers={"Content-Length": "40"}),
        ("unusable", "no JSON"),
    ),
    "error with 200": (
        Response(body=error("upstream said no")),
        ("unusable", "in place of a completion", "upstream said no"),
    ),
    "quota with 200": (
        Response(body=error("pay", code="insufficient_quota")),
        ("no-quota", "add credit"),
    ),
    "choices null": (Response(body={"choices": None}), ("unusable", "choices null")),
    "no choices": (Response(body={"id": "1"}), ("unusable", "no choices")),
    "message null": (
        Response(body={"choices": [{"message": None}]}),
        ("unusable", "choice without a message"),
    ),
    "only thought": (
        Response(body=completion(None, reasoning_content="Hm.")),
        ("empty", "the model only thought: reasoning without content"),
    ),
    "used up": (
        Response(body=completion("", finish_reason="length")),
        ("cut-off", "limit of tokens"),
    ),
    "a list": (Response(body=[1]), ("unusable", "no completion; got [1]")),
}


class TestFaults:
    @pytest.mark.parametrize("name", FAULTS)
    def test_that_stay_fail_at_once(self, serve, name):
        response, (kind, *words) = FAULTS[name]
        server = serve(response, None, response)
        first, between, third = run(*[request()] * 3, at_once=1, deadline_s=30)
        check_error(first, kind, *words)
        assert isinstance(between, Reply)
        check_error(third, kind, *words)
        assert len(server.requests) == 3

    def test_a_wait_beyond_the_deadline(self, serve):
        server = serve(Response(status=429, headers={"Retry-After": "3600"}))
        words = ("s of waiting (HTTP 429)", "try again then")
        check_error(run_one(deadline_s=30), "busy", *words)
        assert len(server.requests) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            Response(status=429, headers={"Retry-After": "0"}),
            Response(status=429, headers={"retry-after-ms": "50"}),
            Response(status=503, body="<html>busy</html>"),
            Response(status=529),
            Response(body=error("upstream is busy", code=502)),
            Response(fault="close"),
            Response(fault="reset"),
            Response(body=completion("{}"), fault="cut"),
        ],
        ids=["429", "ms", "503", "529", "200", "close", "reset", "cut"],
    )
    def test_that_pass_are_tried_again(self, serve, fault):
        server = serve(fault, None, fault, None)
        got = run(*[request()] * 2, at_once=1, deadline_s=1.6)
        assert {type(reply) for reply in got} == {Reply}
        assert len(server.requests) == 4

    @pytest.mark.parametrize(
        ("fault", "words"),
        [
            (Response(status=500, body=error("boom")), ("HTTP 500", "boom")),
            (Response(status=429), ("HTTP 429", "try again later")),
            (
                Response(body=completion("{}"), fault="stall"),
                ("no reply within 0.6 s", "evalmd_timeout"),
            ),
            (
                Response(delay_s=30, body=completion("late")),
                ("no reply within 0.6 s", "evalmd_timeout"),
            ),
        ],
        ids=["500", "429", "stall", "late"],
    )
    def test_that_pass_but_don_t_end_with_the_deadline(self, serve, fault, words):
        serve(fault)
        started = time.monotonic()
        check_error(run_one(deadline_s=0.6), "timeout", "tr", *words)
        assert time.monotonic() - started < 15  # of 30, however slow the machine is

    def test_of_a_server_that_never_answered(self, serve):
        serve(Response(fault="close"))
        got = run_one(deadline_s=10)  # of which it takes less than one
        check_error(got, "unreachable", "connection failed, 3 tries")

    @pytest.mark.parametrize("fault", ["stall", "close"])
    def test_of_a_server_that_answered_before(self, serve, fault):
        server = serve(None, Response(fault=fault, body=completion("{}")))
        _, got = run(*[request()] * 2, at_once=1, deadline_s=0.6)
        check_error(got, "timeout", "no reply within 0.6 s")
        # None is used again but that of the first reply.
        assert server.connections == len(server.requests) - 1

    def test_a_lost_reply_leaves_time_for_another(self, serve):
        serve(Response(fault="stall", body=completion("{}")), None)
        assert isinstance(run_one(deadline_s=3.0), Reply)

    def test_a_date_is_waited_for_by_the_servers_clock(self, serve):
        now = 1_000_000_000  # long ago: its clock is wrong
        headers = {
            "Date": email.utils.formatdate(now, usegmt=True),
            "Retry-After": email.utils.formatdate(now + 1, usegmt=True),
        }
        serve(Response(status=503, headers=headers), None)
        started = time.monotonic()
        assert isinstance(run_one(), Reply)
        assert 1.0 <= time.monotonic() - started < 10

    def test_nobody_listens(self, serve):
        serve().die()
        started = time.monotonic()
        got = run(*[request()] * 30, deadline_s=30)
        for problem in got:
            check_error(problem, "unreachable", "connection refused", "OPENAI_BASE_URL")
        assert time.monotonic() - started < 15

    def test_the_server_dies_in_the_middle(self, serve):
        server = serve(None, Response(delay_s=30))
        client = OpenAIClient(deadline_s=1.0)

        async def session():
            alive = await outcome(client, request())
            asked = [asyncio.create_task(outcome(client, request())) for _ in range(20)]
            while len(server.requests) < 3 and not all(one.done() for one in asked):
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.die)
            dead = await asyncio.gather(*asked)
            started = time.monotonic()
            later = [await outcome(client, request()) for _ in range(20)]
            await client.close()
            return alive, dead, later, time.monotonic() - started

        alive, dead, later, took_s = asyncio.run(session())
        assert isinstance(alive, Reply)
        for problem in dead:  # the first one's time is up, and so no one else waits
            check_error(problem, problem.kind, "connection refused", "tr")
        assert "timeout" in {problem.kind for problem in dead}
        for problem in later:
            check_error(problem, "unreachable", "can't reach the server")
        assert took_s < 2  # they don't wait for a server that was given up

    def test_a_cancelled_request_gives_its_turn_back(self, serve):
        serve(Response(status=503), Response(delay_s=5), None)
        client = OpenAIClient(deadline_s=4)

        async def session():
            hanging = asyncio.create_task(client.complete(request()))
            while not client.waiting_s():
                await asyncio.sleep(0.01)
            await asyncio.sleep(client.waiting_s() + 0.1)
            hanging.cancel()
            reply = await client.complete(request())
            await client.close()
            return reply

        assert isinstance(asyncio.run(session()), Reply)
        assert client.waiting_s() == 0


class TestRateLimit:
    @pytest.mark.parametrize("retry_after", [True, False])
    def test_no_request_fails(self, serve, retry_after):
        server = serve(
            rate_per_s=100, burst=20, latency_s=0.01, retry_after=retry_after
        )
        got = run(*[request()] * 80, deadline_s=60)
        assert [problem for problem in got if isinstance(problem, JudgeError)] == []
        assert len(server.requests) < 240

    @pytest.mark.slow
    @pytest.mark.parametrize("retry_after", [True, False])
    def test_no_request_fails_at_20_a_second(self, serve, retry_after):
        serve(rate_per_s=20, latency_s=0.02, retry_after=retry_after)
        got = run(*[request()] * 70, deadline_s=60)
        assert [problem for problem in got if isinstance(problem, JudgeError)] == []

    def test_a_server_that_takes_few_at_once(self, serve):
        def behaviour(body, n):
            return Response(status=503) if server.in_flight > 5 else None

        server = serve(behaviour=behaviour, latency_s=0.02)
        got = run(*[request()] * 40, deadline_s=30)
        assert [problem for problem in got if isinstance(problem, JudgeError)] == []
