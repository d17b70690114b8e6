"""The default client against a server that is well."""

from __future__ import annotations

import client_runs
import openai
import pytest
from client_runs import KEY, SCHEMA, check_error, request, run, run_one
from mock_server import Response, completion, error

from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.model import Reply, Usage

serve, environment = client_runs.serve, client_runs.environment


class TestReply:
    def test_holds_what_the_server_said(self, serve):
        server = serve(reply=len)
        reply = run_one(request("four"))
        assert reply == Reply(
            text='{"reason": "As the mock sees it.", "response": 4}',
            model="judge",
            usage=Usage(asked=100, answered=10, cached=64),
        )
        assert server.headers[0]["authorization"] == f"Bearer {KEY}"

    def test_only_what_the_user_set_is_sent(self, serve):
        server = serve()
        run(request(), request(temperature=0, top_k=5, reasoning_effort="low"))
        bare, full = sorted(server.requests, key=len)
        assert bare == {
            "model": "judge",
            "messages": [
                {"role": "system", "content": "Reply in JSON."},
                {"role": "user", "content": "Rate it."},
            ],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": SCHEMA},
            },
        }
        parameters = {"temperature": 0, "top_k": 5, "reasoning_effort": "low"}
        assert full == {**bare, **parameters}

    def test_many_at_once_share_connections(self, serve):
        server = serve(latency_s=0.01, reply=lambda text: text)
        replies = run(*(request(f"q{n}") for n in range(60)), at_once=20)
        assert [f'"q{n}"' in reply.text for n, reply in enumerate(replies)] == [
            True
        ] * 60
        assert server.max_in_flight <= 20
        assert server.connections <= 21  # the first request has the SDK's own

    def test_a_client_is_usable_again_after_close(self, serve):
        serve()
        client = OpenAIClient()
        assert isinstance(run_one(client=client), Reply)
        assert isinstance(run_one(client=client), Reply)


class TestEnvironment:
    def test_a_local_server_needs_no_key(self, serve, environment):
        server = serve()
        environment.delenv("OPENAI_API_KEY")
        assert isinstance(run_one(), Reply)
        assert "none-needed" in server.headers[0]["authorization"]

    def test_neither_key_nor_server(self, environment):
        environment.delenv("OPENAI_API_KEY")
        check_error(run_one(), "no-key", "OPENAI_API_KEY is not set; set it")

    def test_a_line_break_after_the_key_does_not_matter(self, serve, environment):
        environment.setenv("OPENAI_API_KEY", f" {KEY}\n")
        serve()
        assert isinstance(run_one(), Reply)

    def test_a_key_that_cannot_be_sent(self, serve, environment):
        environment.setenv("OPENAI_API_KEY", f"{KEY}\nX: y")
        serve()
        check_error(run_one(), "unreachable", "OPENAI_API_KEY")

    def test_an_address_that_is_no_url(self, environment):
        environment.setenv("OPENAI_BASE_URL", "ollama:11434/v1")
        check_error(run_one(), "unreachable", "OPENAI_BASE_URL has to begin with https")

    def test_an_address_that_cannot_be_parsed(self, environment):
        environment.setenv("OPENAI_BASE_URL", "http://127.0.0.1:99999/v1")
        problem = run_one()
        check_error(problem, problem.kind, "OPENAI_BASE_URL")

    def test_a_proxy_that_makes_no_sense(self, serve, environment):
        serve()
        environment.setenv("ALL_PROXY", "nonsense://proxy.example")
        check_error(run_one(), "no-client", "check OPENAI_BASE_URL and the proxy")

    def test_no_model(self, serve):
        check_error(run_one(request(model="")), "no-model", "--judge-model NAME")


class TestNegotiation:
    def test_steps_down_for_all_requests_at_once(self, serve):
        def behaviour(body, n):
            form = body.get("response_format", {}).get("type")
            if form:
                return Response(
                    status=400, body=error(f"response_format {form} is unavailable")
                )
            if "temperature" in body:
                fields = {"param": "temperature", "code": "unsupported_value"}
                return Response(status=400, body=error("no", **fields))
            return None

        server = serve(behaviour=behaviour, latency_s=0.02)
        client = OpenAIClient()
        asked = [request(temperature=0)] * 20
        assert {type(got) for got in run(*asked, client=client)} == {Reply}
        assert client.adaptations == {
            "judge": (
                "json_schema is not supported: json_object is used",
                "json_object is not supported: only the prompt asks for JSON",
                "temperature is not supported: it is not sent",
            )
        }
        sent = len(server.requests)
        assert sent <= 80
        assert isinstance(run_one(asked[0], client=client), Reply)
        assert len(server.requests) == sent + 1  # it is remembered

    def test_the_other_name_for_the_limit_of_tokens(self, serve):
        def behaviour(body, n):
            if "max_tokens" in body:
                text = "Unsupported parameter: 'max_tokens' is not supported. Use "
                return Response(
                    status=400, body=error(text + "'max_completion_tokens' instead.")
                )
            return None

        server = serve(behaviour=behaviour)
        assert isinstance(run_one(request(max_tokens=9)), Reply)
        assert server.requests[-1]["max_completion_tokens"] == 9

    def test_system_messages(self, serve):
        def behaviour(body, n):
            if body["messages"][0]["role"] == "system":
                return Response(status=400, body={"error": "System role not supported"})
            return None

        server = serve(behaviour=behaviour)
        assert isinstance(run_one(), Reply)
        assert server.requests[-1]["messages"] == [
            {"role": "user", "content": "Reply in JSON.\n\nRate it."}
        ]

    def test_what_did_not_help_is_not_remembered(self, serve):
        serve(Response(status=400, body=error("invalid schema or something")))
        client = OpenAIClient()
        check_error(run_one(client=client), "unusable", "invalid schema")
        assert client.adaptations == {}


class TestUsersClients:
    @pytest.mark.parametrize("make", [openai.AsyncOpenAI, openai.OpenAI])
    def test_retries_are_off_and_messages_are_passed_in_sight(self, serve, make):
        server = serve(Response(status=400, body=error("odd")))
        given = make(api_key="sk-mine-abcdefgh", max_retries=5)
        check_error(run_one(client=OpenAIClient(given)), "unusable", "odd")
        assert len(server.requests) == 1
        assert given.max_retries == 5
        assert server.requests[0]["messages"][1]["content"] == "Rate it."
        if make is openai.OpenAI:
            given.close()

    def test_its_secrets_are_not_shown(self, serve):
        serve(Response(status=400, body=error("hush-hush-1 sent my-own-key to x")))
        given = openai.AsyncOpenAI(
            api_key="my-own-key", default_headers={"X-Token": "hush-hush-1"}
        )
        problem = run_one(client=OpenAIClient(given))
        check_error(problem, "unusable", "'<key> sent <key> to x'")

    def test_a_sync_client_asks_at_once(self, serve):
        server = serve(latency_s=0.1)
        with openai.OpenAI() as given:
            got = run(*[request()] * 8, client=OpenAIClient(given))
        assert {type(reply) for reply in got} == {Reply}
        assert server.max_in_flight > 4

    def test_its_own_timeout(self, serve):
        serve(Response(delay_s=0.5, body=completion("{}")), None)
        given = openai.AsyncOpenAI(timeout=0.1)
        assert isinstance(run_one(client=OpenAIClient(given, deadline_s=1.6)), Reply)
