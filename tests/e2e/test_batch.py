"""``evalmd batch``, when all goes well: rounds of batches, then a replay."""

from __future__ import annotations

import json
import os
import re

import pytest
from mock_batches import refused
from projects import KEY, ai, logic

CHAIN = (
    ai("claims", samples="2"),
    logic("twice", "return 2 * input;", input="claims"),
    ai("verdict", input="twice"),
)
RESULTS = {"twice": "2"}
WHEN = r"\(submitted \d{4}-\d\d-\d\d \d\d:\d\d UTC\)"


def without_ids(lines):
    return [re.sub(r"\b[0-9a-f]{12}\b", "ID", line) for line in lines]


def test_rounds_and_then_a_run_that_asks_nothing(batch):
    """Every step in a process of its own, as a user runs it."""
    batch.project.ini("filterwarnings = error")
    batch.project.write("one", *CHAIN, results=RESULTS)
    batch.project.write("sub/two", *CHAIN, results=RESULTS)
    before = batch.project.cases()

    assert batch.run("submit", ".") == (
        0,
        [
            "blocked: verdict waits for claims (2 cases)",
            f"{batch.state()['id']}: 4 requests to mock submitted (batch_1)",
        ],
    )
    status, (line,) = batch.run("status")
    counts = "in_progress: 4 requests, 0 completed, 0 failed"
    assert status == 3
    assert re.fullmatch(rf"[0-9a-f]{{12}} mock: {counts} {WHEN}", line)
    assert batch.run("fetch")[0] == 3

    batch.server.finish()
    assert batch.run("status")[0] == 0
    status, lines = batch.run("fetch")
    assert status == 0
    assert without_ids(lines)[1:] == [
        "remembered: 4 replies; tokens: 400 asked, 40 answered",
        "next: evalmd batch submit, for the measures that waited for these replies",
    ]
    status, lines = batch.run("submit", ".")
    assert without_ids(lines) == [
        "remembered already: 4 replies",
        "ID: 2 requests to mock submitted (batch_2)",
    ]
    batch.server.finish()
    assert batch.run("fetch")[0] == 0
    assert batch.run("submit", ".") == (
        0,
        ["remembered already: 6 replies", "nothing to submit"],
    )

    run = batch.replay()
    assert run.ret == 0, run.out
    assert run.line("judge: ") == "judge: 0 asked, 6 remembered"
    assert batch.project.cases() == before
    assert batch.project.leftovers() == []


@pytest.mark.parametrize("where", ["ini", "case", "variable", "option"])
def test_keys_are_those_of_the_run(batch, where, monkeypatch):
    """The judge's name and parameters come from where pytest takes them."""
    batch.project.ini(
        "evalmd_mode = off",
        "evalmd_judge_model = of-ini",
        "evalmd_judge_parameters =",
        "    temperature: 0.5",
        "    seed: 7",
        "addopts = --strict-markers",
    )
    path = batch.project.write("one", ai("m", range="1..10"))
    variable = "" if where == "ini" else "of-variable"
    monkeypatch.setenv("EVALMD_JUDGE_MODEL", variable)
    arguments = ["--judge-model=of-option"] if where == "option" else []
    if where in ("case", "option"):
        front = "---\njudge:\n  model: of-case\n---\n"
        path.write_text(front + path.read_text(encoding="utf-8"), encoding="utf-8")

    assert batch("submit", *arguments, str(path))[0] == 0
    (request,) = batch.server.requests("batch_1")
    assert request["body"]["model"] == f"of-{where}"
    assert (request["body"]["temperature"], request["body"]["seed"]) == (0.5, 7)
    batch.server.finish()
    assert batch("fetch")[0] == 0

    arguments += ["--evalmd-mode=replay", "-q"]
    run = batch.project.run(None, *arguments, EVALMD_JUDGE_MODEL=variable)
    assert run.ret == 0, run.out
    assert run.line("judge: ") == "judge: 0 asked, 1 remembered"


def test_what_is_sent_is_what_a_run_sends(batch, project):
    from mock_server import MockServer

    project.write("one", *CHAIN[:1], results=RESULTS)
    with MockServer() as live:
        project.run(live, "-q", "--evalmd-mode=live")
    for file in project.path.rglob("__evalmd__/*.json"):
        file.unlink()

    batch("submit", ".")

    sent = [request["body"] for request in batch.server.requests("batch_1")]
    assert sent == live.requests


def test_nothing_is_submitted_twice(batch):
    batch.project.write("one", *CHAIN, results=RESULTS)
    assert batch("submit", "one.md")[0] == 0
    batch.project.write("two", ai("m"))

    assert without_ids(batch("submit", ".")[1]) == [
        "blocked: verdict waits for claims (1 case)",
        "under way already: 2 replies",
        "ID: 1 request to mock submitted (batch_2)",
    ]
    assert batch.sent() == 3


def test_a_case_that_is_named_twice(batch):
    path = batch.project.write("one", ai("m"))

    assert batch("submit", ".", "one.md", str(path))[0] == 0

    assert len(batch.state()["asked"]) == 1
    assert batch("submit", ".", "one.md")[1][0] == "under way already: 1 reply"


@pytest.mark.skipif(os.name != "posix", reason="no file may be named so elsewhere")
@pytest.mark.parametrize("name", ["a\\b", "a\nb", "C:x"])
def test_a_name_that_the_file_of_a_batch_does_not_take(batch, name):
    batch.project.write(name, ai("m"))
    batch.project.write("good", ai("m"))

    status, lines = batch("submit", ".")

    assert status == 1
    assert "rename it" in lines[0]
    assert len(batch.state()["asked"]) == 1


def test_what_is_remembered_is_not_asked(batch):
    from mock_server import MockServer

    batch.project.write_many(2)
    with MockServer() as live:
        batch.project.run(live, "-q", "case0000.md")

    batch("submit", ".")

    assert batch.sent() == 1


def test_one_request_for_all_who_ask_the_same(batch):
    batch.project.write("one", ai("m", "Same."), ai("n", "Same."))

    batch("submit", ".")
    assert batch.sent() == 1
    batch.server.finish()
    batch("fetch")

    assert batch.replay().ret == 0


def test_fetching_twice_changes_nothing(batch):
    batch.project.write_many(3)
    batch("submit", ".")
    batch.server.finish()
    assert batch("fetch")[0] == 0
    before, downloads = batch.recordings(), len(batch.server.calls)

    assert batch("fetch") == (0, ["no batch is under way here"])
    assert len(batch.server.calls) == downloads
    status, lines = batch("fetch", batch.state()["id"])

    assert (status, lines[1]) == (
        0,
        "remembered: 0 replies, 3 already; tokens: 300 asked, 30 answered",
    )
    assert batch.recordings() == before


def test_lines_in_any_order(batch):
    batch.project.write("one", ai("low", "LOW"), ai("high", "HIGH"))
    batch("submit", ".")
    batch.server.finish(
        reply=lambda task, body: 9 if task == "HIGH" else 1,
        lines=lambda lines: lines[::-1],
    )

    assert batch("fetch")[0] == 0
    run = batch.project.run(None, "--evalmd-mode=replay", "-q", "--update-results")
    assert "high: 1 -> 9" in run.out
    assert "low" not in run.out


def test_models_and_limits_split_files(batch, monkeypatch):
    from pytest_evalmd.batch import submitting

    for n in range(5):
        path = batch.project.write(f"case{n}", ai(f"m{n}"))
        if n == 4:
            front = "---\njudge:\n  model: other\n---\n"
            path.write_text(front + path.read_text(encoding="utf-8"), encoding="utf-8")
    defaults = submitting.Submission.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "max_requests", 2)

    assert batch("submit", ".")[0] == 0

    counts = [len(batch.server.requests(id_)) for id_ in batch.server.batches]
    models = [
        {one["body"]["model"] for one in batch.server.requests(id_)}
        for id_ in batch.server.batches
    ]
    assert counts == [2, 2, 1]
    assert models == [{"mock"}, {"mock"}, {"other"}]
    batch.server.finish()
    assert batch("fetch")[0] == 0
    assert batch.replay().ret == 0


def test_a_request_longer_than_a_file_may_be(batch, monkeypatch):
    from pytest_evalmd.batch import submitting

    batch.project.write("one", ai("long", "x" * 9000), ai("short"))
    defaults = submitting.Submission.__init__.__kwdefaults__
    monkeypatch.setitem(defaults, "max_bytes", 9000)

    status, lines = batch("submit", ".")

    limit = "longer than 9,000 bytes, a batch's limit"
    assert (status, lines[0]) == (1, f"one.md long: not submitted: {limit}")
    assert batch.sent() == 1


def test_what_a_server_does_not_take_is_left_out_next_time(batch):
    batch.project.ini("evalmd_judge_parameters =", "  temperature: 0")
    batch.project.write("one", ai("m"))
    batch("submit", ".")
    said = "Unsupported value: 'temperature' does not support 0 with this model."
    batch.server.finish(
        reply=lambda task, body: refused(400, said, param="temperature")
    )

    status, lines = batch("fetch")

    assert status == 1
    assert without_ids(lines)[1:] == [
        "one.md m: the server refused the request (HTTP 400); check the judge's "
        f'parameters and its server: "{said}"',
        "mock: temperature is not supported: it is not sent from the next submission on",
        "remembered: 0 replies",
        "ID: evalmd batch submit asks for the rest again",
    ]
    batch("submit", ".")
    (request,) = batch.server.requests("batch_2")
    assert "temperature" not in request["body"]
    batch.server.finish()
    assert batch("fetch")[0] == 0
    assert batch.replay().ret == 0  # under the same key, as a live run does it


def test_problems_of_the_cases_are_told_and_the_rest_is_submitted(batch):
    batch.project.write("bad", logic("throws", "throw 'no';", input="answer"))
    batch.project.write(
        "worse",
        logic("throws", "throw 'no';", input="answer"),
        ai("m", input="throws"),
    )
    batch.project.write("good", ai("m"))
    broken = batch.project.write("broken", ai("m"))
    broken.write_text(broken.read_text().replace("type: ai", "type: oracle"))
    (batch.project.path / "notes.md").write_text("# Notes\n")

    status, lines = batch("submit", ".")

    assert status == 1
    assert [line for line in lines if line.startswith("broken.md:")]
    assert 'worse.md:10 throws: logic threw "no"' in lines
    assert "blocked: m waits for throws (1 case)" in lines
    assert batch.sent() == 1


def test_no_judge_model(batch, monkeypatch):
    monkeypatch.delenv("EVALMD_JUDGE_MODEL")
    batch.project.write("one", ai("m"))

    status, lines = batch("submit", ".")

    assert status == 1
    assert "one.md:10 m: no judge model is set; use --judge-model NAME" in lines[0]
    assert batch.server.calls == []


def test_no_key_is_needed_for_nothing(batch, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("OPENAI_BASE_URL")
    assert batch("status") == (0, ["no batch is under way here"])
    assert batch("fetch") == (0, ["no batch is under way here"])
    assert batch("submit", ".") == (1, ["no case found", "nothing to submit"])
    batch.project.write("one", logic("m", "return 1;", input="answer"))
    assert batch("submit", ".") == (0, ["nothing to submit"])
    batch.project.write("one", ai("m"))

    status, lines = batch("submit", ".")

    assert status == 1
    assert "OPENAI_API_KEY is not set" in lines[0]
    assert batch.files() == []


def test_a_project_that_pytest_refuses(batch):
    batch.project.ini("evalmd_judge_parameters = nonsense")
    batch.project.write("one", ai("m"))

    status, lines = batch.run("submit", ".")

    assert status == 2
    assert "evalmd_judge_parameters: got 'nonsense'" in "\n".join(lines)


def test_a_case_outside_of_the_working_directory(batch, monkeypatch):
    path = batch.project.write("one", ai("m"))
    (batch.project.path / "deeper").mkdir()
    monkeypatch.chdir(batch.project.path / "deeper")

    status, lines = batch("submit", str(path))

    assert status == 1
    assert "run it in a folder that holds all cases" in lines[0]
    assert batch.sent() == 0


def test_a_key_in_a_prompt_goes_nowhere(batch):
    path = batch.project.write("one", ai("m", f"Is {KEY} a key?"))

    status, lines = batch("submit", ".")

    path.unlink()  # it is the one file that may hold it
    assert status == 1
    assert "not submitted: it holds the value of an API key" in lines[0]
    assert (batch.files(), batch.server.calls) == ([], [])


def test_the_file_holds_what_is_needed_and_no_more(batch):
    batch.project.write("one", ai("m", schema='{"type": "integer"}'))
    batch("submit", ".")

    state = batch.state()

    assert state.keys() == {
        "format", "id", "model", "submitted", "file", "batch", "fetched",
        "blocked", "refused", "asked",
    }  # fmt: skip
    assert state["asked"][0]["schema"] == {"type": "integer"}
    assert "answer of one" not in json.dumps(state)


def test_cancel(batch):
    batch.project.write_many(3)
    batch("submit", ".")

    status, (line,) = batch("cancel")
    assert status == 3
    assert "mock: cancelling: 3 requests" in line
    assert batch("fetch")[0] == 3
    batch.server.batches["batch_1"]["status"] = "in_progress"
    expired = {"error": {"code": "batch_cancelled", "message": "Cancelled"}}
    batch.server.finish(
        status="cancelled",
        reply=lambda task, body: expired if "m2" in task else 1,
    )
    calls = len(batch.server.calls)
    assert batch("cancel")[0] == 0  # it is over: nothing to cancel
    assert batch.server.calls[calls:] == ["GET /batches/batch_1"]

    status, lines = batch("fetch")
    assert status == 1
    assert lines[1] == ("case0002.md m2_0: not answered before the batch was cancelled")
    assert sum(batch.project.recorded().values()) == 2
    batch("submit", ".")
    assert len(batch.server.requests("batch_2")) == 1


def test_an_id_that_is_not_known(batch):
    for step in ("status", "fetch", "cancel"):
        status, lines = batch(step, "0123456789ab")
        assert (status, len(lines)) == (1, 1)
        assert "0123456789ab: no batch of this folder" in lines[0]
