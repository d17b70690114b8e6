"""``evalmd answer`` over HTTP: many at once, cut short, refused, limited."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter

import pytest
from mock_server import MockServer, Response, completion, error
from projects import KEY, Run, ai

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.cli import main
from pytest_evalmd.cli.answer import INTERRUPTED


@pytest.fixture
def evalmd(project, monkeypatch, capsys):
    """Run ``evalmd`` here, which is quicker than a process of its own."""
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def run(server, *arguments):
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        ret = main(arguments)
        said = capsys.readouterr()
        return Run(ret, said.err + said.out, 0)

    return run


def write_blanks(project, count):
    """Write unanswered cases, each with a query of its own."""
    for number in range(count):
        path = project.write(f"cases/q{number:03}/blank", ai("m"), results={"m": ""})
        text = path.read_text(encoding="utf-8")
        answer = f"The answer of cases/q{number:03}/blank.\n"
        text = text.replace("\nQ\n", f"\nQUERY {number}\n").replace(answer, "\n")
        path.write_text("---\nStatus: Pending\n---\n" + text, encoding="utf-8")


def answering(request, _=0):
    """Answer a query in its own words."""
    said = request["messages"][-1]["content"].replace("QUERY", f"By {request['model']}")
    return Response(body=completion(said, model="mock-0613"))


def answers(project):
    """Give the answers that stand in files, by folder and model."""
    found = {}
    for path in project.path.glob("cases/*/*.md"):
        if path.name != "blank.md":
            case = parse_case(path.read_text(encoding="utf-8"))
            assert case.model == path.stem
            assert case.result_text("m") == ""
            found[path.parent.name, case.model] = case.answer.text
    return found


def wanted(count, *models):
    return {(f"q{n:03}", m): f"By {m} {n}" for n in range(count) for m in models}


def queries(server):
    return Counter((r["model"], r["messages"][-1]["content"]) for r in server.requests)


def wait_for_requests(server, count):
    deadline = time.monotonic() + 30
    while len(server.requests) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_200_answers_at_once_and_none_twice(project, evalmd):
    write_blanks(project, 100)
    models = ("--model", "one", "--model", "two")
    with MockServer(behaviour=answering, latency_s=0.05) as server:
        dry = evalmd(server, "answer", "cases", *models, "--dry-run")
        assert server.requests == []
        assert dry.out.endswith("200 would be asked, 0 remembered, 0 kept\n")
        run = evalmd(server, "answer", "cases", *models, "--concurrency", "20")
        assert run.ret == 0
        assert answers(project) == wanted(100, "one", "two")
        assert set(queries(server).values()) == {1}
        assert len(server.requests) == 200
        assert 10 <= server.max_in_flight <= 20
        assert run.out == (
            "answers wanted: 200\n"
            "answers: 200 asked, 0 remembered; tokens: 20,000 asked (12,800 cached), "
            "2,000 answered\n"
            "200 written, 0 kept, 0 missing\n"
        )
        assert project.leftovers() == []
        before = project.cases()
        again = evalmd(server, "answer", "cases", *models)
        assert again.out == "answers: 0 asked\n0 written, 200 kept, 0 missing\n"
        assert project.cases() == before
        assert len(server.requests) == 200
        project.assert_nothing_leaked(server, run.out, dry.out, again.out)


def test_an_answer_that_is_deleted_is_remembered(project, evalmd):
    write_blanks(project, 1)
    arguments = ("answer", "cases", "--model", "one")
    with MockServer(behaviour=answering) as server:
        evalmd(server, *arguments)
        (project.path / "cases/q000/one.md").unlink()
        dry = evalmd(server, *arguments, "--dry-run")
        assert "one.md: remembered\n0 would be asked, 1 rem" in dry.out
        run = evalmd(server, *arguments)
        assert "answers: 0 asked, 1 remembered\n1 written" in run.out
        assert answers(project) == wanted(1, "one")
        assert len(server.requests) == 1


def test_a_rate_limit_fails_none(project, evalmd):
    write_blanks(project, 30)
    with MockServer(behaviour=answering, rate_per_s=15, burst=5) as server:
        run = evalmd(server, "answer", "cases", "--model", "one", "--concurrency", "20")
        assert run.ret == 0, run.out
        assert answers(project) == wanted(30, "one")
        assert len(server.requests) > 30


def faulty(request, n):
    number = request["messages"][-1]["content"]
    said = {
        "QUERY 1": completion("", refusal="I \x1b[31mwill not."),
        "QUERY 2": completion("Half of", finish_reason="length"),
        "QUERY 3": completion("", finish_reason="content_filter"),
        "QUERY 4": completion("<think>Only thoughts"),
        "QUERY 5": completion(" "),
        "QUERY 6": completion("sk-e2e-0123456789abcdefghij is the key"),
        "QUERY 7": completion("a\0b"),
    }
    if number == "QUERY 8":
        return Response(status=400, body=error("no such thing"))
    return Response(body=said[number]) if number in said else answering(request)


def test_a_line_for_each_failure_and_all_others_answered(project, evalmd):
    write_blanks(project, 10)
    with MockServer(behaviour=faulty) as server:
        run = evalmd(server, "answer", "cases", "--model", "one")
        assert run.ret == 1
        lines = [line for line in run.out.splitlines() if line.startswith("cases/")]
        starts = [f"cases/q{n:03}/blank.md: one: " for n in range(1, 9)]
        assert [
            line[: len(start)] for line, start in zip(lines, starts, strict=True)
        ] == starts
        said = [line[len(start) :] for line, start in zip(lines, starts, strict=True)]
        words = (
            "refused: 'I",
            "cut off",
            "content filter",
            "within thoughts",
            "is empty",
            "holds the value of an API key",
            "U+0000",
            "no such thing",
        )
        for line, word in zip(said, words, strict=True):
            assert word in line
        assert "\x1b" not in run.out
        assert run.out.endswith("2 written, 0 kept, 8 missing\n")
        assert {folder for folder, _ in answers(project)} == {"q000", "q009"}
        project.assert_nothing_leaked(server, run.out)


def test_an_account_without_quota_stops_it(project, evalmd):
    write_blanks(project, 40)
    refused = Response(status=429, body=error("x", code="insufficient_quota"))
    with MockServer(behaviour=lambda request, n: refused) as server:
        run = evalmd(server, "answer", "cases", "--model", "one", "--concurrency", "4")
        assert run.ret == 1
        assert len(server.requests) <= 8
        assert "more were answered; run it again to go on" in run.out
        assert run.out.endswith("0 written, 0 kept, 40 missing\n")


def test_settings_of_the_case_and_what_a_server_refuses(project, evalmd):
    write_blanks(project, 1)
    path = project.path / "cases/q000/blank.md"
    settings = "answer: {system: Be brief., temperature: 0}\n---\n"
    path.write_text(path.read_text("utf-8").replace("---\n```", settings + "```", 1))

    def without_temperature(request, n):
        if "temperature" in request:
            body = error("Unsupported value", param="temperature")
            return Response(status=400, body=body)
        return answering(request)

    with MockServer(behaviour=without_temperature) as server:
        run = evalmd(server, "answer", "cases", "--model", "one")
        assert run.ret == 0, run.out
        first, second = server.requests
        assert first["temperature"] == 0
        assert first.keys() - second.keys() == {"temperature"}
        assert [m["role"] for m in second["messages"]] == ["system", "user"]
        assert "one: temperature is not supported: it is not sent\n" in run.out


posix = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")


@posix
@pytest.mark.fault(
    "kill -9 of `evalmd answer`",
    sees=(),
    keeps="each answer whole or not there; the next run asks for the others, and again only for what was in flight",
)
def test_killed_and_taken_up_again(project, evalmd):
    write_blanks(project, 40)
    arguments = ("answer", "cases", "--model", "one", "--concurrency", "4")
    with MockServer(behaviour=answering, latency_s=0.02) as server:
        for wait_for in (5, 13, 21):
            running = project.start_evalmd(server, *arguments)
            wait_for_requests(server, wait_for)
            running.kill_all()
        time.sleep(0.1)
        # Only what was in flight, four a run, may be asked again.
        assert len(queries(server)) >= len(server.requests) - 12
        kept = answers(project)
        assert kept.items() <= wanted(40, "one").items()
        done, before = len(server.requests), project.cases()
        run = evalmd(server, *arguments)
        assert run.ret == 0
        assert answers(project) == wanted(40, "one")
        assert before.items() <= project.cases().items()
        assert len(server.requests) - done <= 40 - len(kept)
        assert len(queries(server)) == 40
        assert not list(project.path.rglob("__evalmd__/.spool/*.json"))


@posix
def test_a_reply_that_came_before_the_kill_is_not_asked_for_again(project, evalmd):
    write_blanks(project, 1)
    arguments = ("answer", "cases", "--model", "one")
    with MockServer(behaviour=answering) as server:
        evalmd(server, *arguments)
        # As if it had been killed between remembering and writing.
        recordings = project.path / "cases/q000/__evalmd__/one.json"
        assert "By one 0" in recordings.read_text(encoding="utf-8")
        (project.path / "cases/q000/one.md").unlink()
        evalmd(server, *arguments)
        assert len(server.requests) == 1


@posix
@pytest.mark.fault(
    "Ctrl-C while `evalmd answer` asks",
    sees=(
        "waiting up to 10 s for replies",
        "run it again",
    ),
    keeps="every answer in flight: it is waited for, for up to 10 s",
)
def test_ctrl_c_keeps_what_came(project, evalmd):
    write_blanks(project, 20)
    arguments = ("answer", "cases", "--model", "one", "--concurrency", "4")
    with MockServer(behaviour=answering, latency_s=0.8) as server:
        running = project.start_evalmd(server, *arguments)
        wait_for_requests(server, 4)
        running.signal(signal.SIGINT)
        run = running.wait()
        assert run.ret == INTERRUPTED
        assert len(server.requests) == 4
        assert len(answers(project)) == 4
        assert "waiting up to 10 s for replies" in run.out
        assert "stopped before 16 more were answered; run it again" in run.out
        assert "Traceback" not in run.out
        assert run.out.endswith("4 written, 0 kept, 16 missing\n")
        assert project.leftovers() == []
        assert evalmd(server, *arguments).ret == 0
        assert len(server.requests) == 20
        assert answers(project) == wanted(20, "one")


@posix
def test_a_second_ctrl_c_gives_up(project):
    write_blanks(project, 4)
    with MockServer(behaviour=answering, latency_s=30) as server:
        running = project.start_evalmd(server, "answer", "cases", "--model", "one")
        wait_for_requests(server, 4)
        running.signal(signal.SIGINT)
        time.sleep(0.5)
        running.signal(signal.SIGINT)
        since = time.monotonic()
        run = running.wait()
        assert time.monotonic() - since < 20
        assert run.ret == INTERRUPTED
        assert "Traceback" not in run.out
        assert run.out.endswith("0 written, 0 kept, 4 missing\n")


def test_measured_by_pytest_from_what_is_remembered(project, evalmd):
    """What ``pytest`` finds of an answer is what ``evalmd answer`` remembered."""
    write_blanks(project, 1)
    with MockServer(behaviour=answering) as server:
        evalmd(server, "answer", "cases", "--model", "one")
    with MockServer() as judge:
        run = project.run(judge, "-q", "cases/q000/one.md", "--update-results")
        assert run.ret == 0, run.out
        assert len(judge.requests) == 1
    text = (project.path / "cases/q000/__evalmd__/one.json").read_text("utf-8")
    assert "By one 0" in text
    assert '"m": [' in text
