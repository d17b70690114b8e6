"""Which requests go out, how many at once, and what each change makes of them."""

from __future__ import annotations

import pytest
from mock_server import MockServer
from projects import ai, asked, logic


def test_so_many_in_flight_and_none_twice(project):
    project.write_many(50, measures=4)
    with MockServer(latency_s=0.2) as server:
        run = project.run(server, "-q", "--evalmd-concurrency=20")

    assert run.summary == {"passed": 200}
    assert len(asked(server)) == len(server.requests) == 200
    assert server.max_in_flight == 20
    assert server.connections <= 21  # the first request has the SDK's own
    assert run.seconds < 20  # one after another they take 40 s; all at once, 3 s
    assert set(project.recorded().values()) == {1}
    assert len(project.recorded()) == 200
    assert project.leftovers() == []


@pytest.mark.parametrize("retry_after", [False, True])
def test_a_limited_rate_fails_nothing(project, retry_after):
    project.write_many(100)
    with MockServer(rate_per_s=20, retry_after=retry_after) as server:
        run = project.run(server, "-q", "--evalmd-concurrency=20")

    assert run.summary == {"passed": 100}
    assert len(project.recorded()) == 100
    assert run.line("judge: ").startswith("judge: 100 asked, 0 remembered")
    assert len(server.requests) < 300  # a refusal doesn't lead to another one
    assert run.seconds < 60  # the server alone takes 4 s


def test_one_changed_prompt_is_one_request(project):
    project.write_many(100)
    with MockServer() as server:
        assert project.run(server, "-q").summary == {"passed": 100}
        assert len(server.requests) == 100
        server.requests.clear()
        project.write("case0042", ai("m42_0", prompt="PROMPT m42_0 anew."))
        run = project.run(server, "-q")

    assert run.summary == {"passed": 100}
    assert asked(server) == {"PROMPT m42_0 anew.": 1}
    assert run.line("judge: ").startswith("judge: 1 asked, 99 remembered")


def test_only_another_model_is_asked_again(project):
    project.write_many(20)
    with MockServer() as first, MockServer() as second:
        assert project.run(first, "-q").summary == {"passed": 20}
        project.ini("evalmd_timeout = 33", "evalmd_concurrency = 3")
        for options, variables in [
            ((), {"OPENAI_API_KEY": "sk-another-key-0123456789"}),
            (("--evalmd-concurrency=5",), {"OPENAI_ORG_ID": "org"}),
            (("-n2",), {"OPENAI_PROJECT_ID": "project"}),
        ]:
            run = project.run(second, "-q", *options, **variables)
            assert run.summary == {"passed": 20}
            assert second.requests == []

        run = project.run(second, "-q", "--judge-model=another")
        assert run.summary == {"passed": 20}
        assert {request["model"] for request in second.requests} == {"another"}
        assert len(asked(second)) == len(second.requests) == 20
        # Both models' replies are remembered from now on.
        for model in ("mock", "another"):
            run = project.run(second, "-q", EVALMD_JUDGE_MODEL=model)
            assert run.summary == {"passed": 20}
        assert len(second.requests) == 20


def test_dependents_are_asked_as_soon_as_their_inputs_are_there(project):
    for c in range(30):  # so many that a slow start of the replies is none of the end
        project.write(
            f"case{c}",
            ai(f"a{c}"),
            logic(f"b{c}", "return input;", input=f"a{c}"),
            ai(f"c{c}", input=f"b{c}"),
            logic(f"d{c}", "return input;", input=f"c{c}"),
        )
    with MockServer(latency_s=0.1) as server:
        run = project.run(server, "-q", "--evalmd-concurrency=4")

    assert run.summary == {"passed": 120}
    assert len(asked(server)) == len(server.requests) == 60
    assert server.max_in_flight == 4
    order = list(asked(server))  # pytest wants c0 long before a29
    assert order.index("PROMPT c0.") < order.index("PROMPT a29.")


def test_everything_remembered_needs_neither_key_nor_client(project):
    project.write_many(10, measures=4)
    project.conftest(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('IMPORTED', {'openai', 'h11'} & {*sys.modules})\n"
    )
    with MockServer() as server:
        run = project.run(server, "-q")
        assert run.summary == {"passed": 40}
        assert run.line("IMPORTED") == "IMPORTED {'h11'}"
        server.requests.clear()
        for mode in ("auto", "replay"):
            run = project.run(None, "-q", f"--evalmd-mode={mode}")
            assert run.summary == {"passed": 40}
            assert run.line("IMPORTED") == "IMPORTED set()"
            assert run.line("judge: ") == "judge: 0 asked, 40 remembered"
            run = project.run(server, "-q", f"--evalmd-mode={mode}")
            assert run.line("IMPORTED") == "IMPORTED set()"
        assert server.requests == []


@pytest.mark.slow
def test_a_large_replay_imports_no_openai(project):
    project.write_many(1000, measures=4)
    project.conftest(
        "import sys\n"
        "def pytest_unconfigure():\n"
        "    print('IMPORTED', {'openai', 'h11'} & {*sys.modules})\n"
    )
    with MockServer() as server:
        assert project.run(server, "-q").summary == {"passed": 4000}
    run = project.run(None, "-q", "--evalmd-mode=replay")

    assert run.summary == {"passed": 4000}
    assert run.line("IMPORTED") == "IMPORTED set()"
    assert run.line("judge: ") == "judge: 0 asked, 4000 remembered"


def test_cases_that_need_the_same_ask_once(project):
    for c in range(5):
        path = project.write(f"case{c}", ai("a", "PROMPT."), ai("b", "PROMPT."))
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(f"case{c}", "all"), encoding="utf-8")
    with MockServer(latency_s=0.1) as server:
        run = project.run(server, "-q")
        assert run.summary == {"passed": 10}
        assert run.line("judge: ").startswith("judge: 1 asked, 0 remembered")
        # Each case remembers it on its own.
        assert project.recorded() == {"PROMPT.": 5}
        assert project.run(server, "-q").summary == {"passed": 10}
    assert len(server.requests) == 1
