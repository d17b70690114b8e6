"""``evalmd batch`` when things go wrong: nothing is paid twice, nothing gets lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import time

import pytest
from mock_batches import BatchServer, answered, refused
from mock_server import completion
from projects import KEY, ai

from pytest_evalmd.batch import provider

EXPIRED = {
    "error": {
        "code": "batch_expired",
        "message": "This request could not be executed before the window expired.",
    }
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(provider, "BACKOFF_S", (0.0, 0.0))


def soon(status, message="the mock fails"):
    """Give a fault that the SDK retries at once."""
    return status, {"retry-after-ms": "1"}, {"error": {"message": message}}


def age(batch):
    """Make the one batch old enough for its provider to list it."""
    (file,) = batch.files()
    state = json.loads(file.read_text()) | {"submitted": int(time.time()) - 1000}
    file.write_text(json.dumps(state))


def test_a_client_that_hangs_up_says_nothing_in_a_commands_output(capsys):
    """The server here is in the process whose output the tests read."""
    with BatchServer() as server:
        with socket.create_connection(server.http.server_address) as client:
            client.sendall(b"POST /v1/files HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
            reset = struct.pack("ii", 1, 0)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        assert server.http.hung_up.wait(10)
    assert capsys.readouterr() == ("", "")


# What comes back


@pytest.mark.fault(
    "a batch expires",
    sees=("not answered before the batch expired",),
    keeps="what was answered; the next submit asks for the rest only",
)
def test_an_expired_batch_keeps_what_was_answered(batch):
    batch.project.write_many(4)
    batch("submit", ".")
    batch.server.finish(
        status="expired",
        reply=lambda task, body: 1 if "m0" in task or "m1" in task else EXPIRED,
    )

    status, lines = batch("fetch")

    assert status == 1
    assert lines[1] == (
        "case0002.md m2_0, case0003.md m3_0: not answered before the batch expired"
    )
    assert sum(batch.project.recorded().values()) == 2
    batch("submit", ".")
    assert len(batch.server.requests("batch_2")) == 2
    batch.server.finish()
    assert batch("fetch")[0] == 0
    assert batch.replay().ret == 0


def test_an_expired_batch_without_any_file(batch):
    batch.project.write("one", ai("m"))
    batch("submit", ".")
    batch.server.finish(status="expired", reply=lambda task, body: None)

    assert batch("fetch")[0] == 1
    assert batch.state()["fetched"]
    assert "1 request to mock submitted" in batch("submit", ".")[1][0]


def test_a_batch_that_could_not_start(batch):
    batch.project.write("one", ai("m"))
    batch("submit", ".")
    errors = [{"code": "token_limit_exceeded", "message": "Enqueued token limit"}]
    batch.server.batches["batch_1"]["errors"] = {"data": errors}
    batch.server.finish(status="failed", reply=lambda task, body: None)

    for step in ("status", "fetch"):
        status, lines = batch(step)
        assert lines[0].endswith("; Enqueued token limit")
    assert status == 1
    assert "1 request to mock submitted" in batch("submit", ".")[1][0]


def test_replies_that_can_not_be_used(batch):
    names = ("good", "wrong", "cut", "filtered", "silent", "page", "refused", "odd")
    batch.project.write("one", *(ai(name, range="1..10") for name in names))
    batch.project.write("two", ai("lists", output="json", schema='{"type": "array"}'))

    def reply(task, body):
        name = task.removeprefix("PROMPT ").removesuffix(".")
        bodies = {
            "cut": completion("{", finish_reason="length"),
            "silent": completion(""),
            "refused": completion("", refusal="I won't"),
            "page": "<html>",
            "odd": {"error": {"message": "overloaded", "code": 503}},
        }
        if name in bodies:
            return {"response": {"status_code": 200, "body": bodies[name]}}
        if name == "filtered":
            return refused(400, "Policy", code="content_filter")
        return {"wrong": 11, "lists": 1}.get(name, 1)

    batch("submit", ".")
    batch.server.finish(reply=reply)
    status, lines = batch("fetch")

    assert status == 1
    told = "\n".join(sorted(lines[1:-2]))
    for part in (
        "one.md wrong: the reply's response is 11: 11 is greater than the maximum of 10",
        "one.md cut: the reply was cut off",
        "one.md silent: the reply is empty",
        'one.md refused: the judge refused: "I won\'t"',
        "one.md page: the server sent a web page",
        "one.md filtered: the server's content filter refused",
        "two.md lists: the reply's response is 1",
        "one.md odd: ",
    ):
        assert part in told
    assert batch.project.recorded() == {"PROMPT good.": 1}
    batch("submit", ".")
    assert len(batch.server.requests("batch_2")) == 8


def test_lines_that_are_not_ours_or_not_clear(batch):
    batch.project.write_many(3)
    batch("submit", ".")

    def change(lines):
        first, second, third = lines
        other = {**third, **answered(5)}
        foreign = {**first, "custom_id": "evalmd-ffffffffffffffff"}
        hostile = {**first, "custom_id": "\x1b[2J" + KEY}
        return [
            first,
            b"{",
            foreign,
            hostile,
            first,
            second,
            third,
            other,
            b"9" * 2**25,
        ]

    batch.server.finish(lines=change)
    status, lines = batch("fetch")

    assert status == 1
    text = "\n".join(lines)
    for part in (
        "ignored line 2: no JSON",
        "ignored line 3: custom_id: got 'evalmd-ffffffffffffffff' was not asked here",
        "ignored line 9: longer than",
        "case0002.md m2_0: answered twice, differently; ignored",
    ):
        assert part in text
    assert "\x1b" not in text
    assert sum(batch.project.recorded().values()) == 2
    batch("submit", ".")
    assert len(batch.server.requests("batch_2")) == 1


@pytest.mark.fault(
    "a batch's file comes cut off",
    sees=(
        "replies are missing",
        "fetch again",
    ),
    keeps="the replies that came; nothing is paid for again",
)
def test_a_file_that_was_cut_off_is_fetched_again(batch):
    batch.project.write_many(6)
    batch("submit", ".")
    batch.server.finish()
    whole = dict(batch.server.files)
    name = "file-batch_1-output"
    batch.server.files[name] = whole[name][: len(whole[name]) // 2]

    status, lines = batch("fetch")

    assert status == 1
    kept = sum(batch.project.recorded().values())
    assert 0 < kept < 6
    assert f"{6 - kept} of 6 replies are missing" in lines[1]
    assert "fetch again, or delete __evalmd__/batches/" in lines[-1]
    assert "under way already" in batch("submit", ".")[1][-2]  # not paid again
    batch.server.files.update(whole)
    status, lines = batch("fetch")
    assert status == 0
    assert lines[1].startswith(f"remembered: {6 - kept} replies, {kept} already")
    assert batch.replay().ret == 0


def test_a_download_that_breaks_off(batch):
    batch.project.write_many(6)
    batch("submit", ".")
    batch.server.finish()
    batch.server.faults["GET /files"] = ["cut"]

    status, lines = batch("fetch")

    assert status == 1
    assert "did not come whole" in "\n".join(lines)
    assert not batch.state()["fetched"]
    assert batch("fetch")[0] == 0
    assert batch.replay().ret == 0


def test_a_judge_that_says_the_key(batch):
    batch.project.write("one", ai("m", output="text"))
    batch("submit", ".")
    batch.server.finish(reply=lambda task, body: f"it is {KEY}")

    status, lines = batch("fetch")

    assert status == 1
    assert "one.md m: not written: it holds the value of an API key" in lines
    assert batch.project.recorded() == {}


def test_recordings_that_can_not_be_read_stay(batch):
    batch.project.write("one", ai("m"))
    batch("submit", ".")
    batch.server.finish()
    file = batch.project.path / "__evalmd__/one.json"
    file.write_text("{")

    status, lines = batch("fetch")

    assert status == 1
    assert "not JSON" in lines[1]
    assert file.read_text() == "{"
    file.unlink()
    assert batch("fetch")[0] == 0
    assert batch.replay().ret == 0


def test_a_folder_that_is_gone(batch):
    path = batch.project.write("sub/one", ai("m"))
    batch("submit", ".")
    batch.server.finish()
    text = path.read_text()
    path.unlink()
    path.parent.rmdir()

    status, lines = batch("fetch")

    assert status == 1
    assert "is gone" in lines[1]
    assert not path.parent.exists()
    path.parent.mkdir()
    path.write_text(text)
    assert batch("fetch")[0] == 0


def test_a_case_that_changed_meanwhile_keeps_its_reply(batch):
    path = batch.project.write("one", ai("m"))
    text = path.read_text()
    batch("submit", ".")
    path.write_text(text.replace("PROMPT", "OTHER"))
    batch.server.finish()

    assert batch("fetch")[0] == 0

    assert batch.replay().ret == 1
    path.write_text(text)
    assert batch.replay().ret == 0


# What the server does


@pytest.mark.fault(
    "a batch's server refuses or fails for a while",
    sees=("remembered: 1 reply",),
    keeps="everything: each call is tried again, and one batch is made",
)
def test_a_server_that_fails_for_a_while(batch):
    batch.project.write("one", ai("m"))
    for call in ("POST /files", "POST /batches", "GET /batches/", "GET /files"):
        batch.server.faults[call] = [soon(429), soon(500)]

    assert batch("submit", ".")[0] == 0
    batch.server.finish()
    status, lines = batch("fetch")
    assert status == 0
    assert lines[1].startswith("remembered: 1 reply")
    assert list(batch.server.batches) == ["batch_1"]
    assert batch.replay().ret == 0


@pytest.mark.parametrize(("status", "kept"), [(429, 0), (503, 1)])
def test_a_server_that_stays_busy(batch, status, kept):
    """What it refused is not there; what it failed at may be."""
    batch.project.write("one", ai("m"))
    batch.server.faults["POST /batches"] = [soon(status)] * 50

    assert batch("submit", ".")[0] == 1
    assert batch.server.calls.count("POST /batches") == 3
    assert len(batch.files()) == kept


@pytest.mark.parametrize("call", ["POST /files", "POST /batches"])
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ((401, {}, {"error": {"message": f"wrong {KEY}"}}), "check OPENAI_API_KEY"),
        (404, "no Batch API (HTTP 404)"),
        (400, "'the mock says 400'"),
    ],
)
def test_a_server_that_refuses(batch, call, fault, said):
    batch.project.write_many(2)
    batch.server.faults[call] = [fault]

    status, (line,) = batch("submit", ".")

    assert status == 1
    assert said in line
    assert batch.files() == []  # nothing to remember, nothing to pay
    assert batch("submit", ".")[0] == 0
    assert list(batch.server.batches) == ["batch_1"]


def test_a_server_that_sends_something_else(batch):
    batch.project.write("one", ai("m"))
    page = (200, {"Content-Type": "text/html"}, b"<html><p>Log in " + KEY.encode())
    batch.server.faults["POST /files"] = [page, (200, {}, {"id": "../x"})]

    assert "web page" in batch("submit", ".")[1][0]
    assert "gave it no id" in batch("submit", ".")[1][0]
    assert batch.files() == []


def test_a_server_that_says_the_key(batch):
    batch.project.write("one", ai("m"))
    batch.server.faults["POST /files"] = [(200, {}, {"id": KEY})]

    status, (line,) = batch("submit", ".")

    assert status == 1
    assert "it holds the value of an API key" in line
    assert batch.sent() == 0
    batch("submit", ".")
    errors = [{"message": f"bad {KEY}"}]
    batch.server.batches["batch_1"] |= {"errors": {"data": errors}, "status": KEY}
    assert batch("status")[0] == 3


def test_no_server(batch, monkeypatch):
    batch.project.write("one", ai("m"))
    batch("submit", ".")
    monkeypatch.setattr(provider, "RETRIES", 0)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")

    for step in ("status", "fetch", "cancel"):
        status, (line,) = batch(step)
        assert status == 1
        assert "can't reach the server" in line
    assert batch.files()


# A batch that may or may not be there


@pytest.mark.fault(
    "a server resets or sends nonsense where a batch is to be made",
    sees=("submitted (batch_1)",),
    keeps="one batch, whether or not the server had made it: it is looked for first",
)
@pytest.mark.parametrize("fault", ["lost", soon(500), (200, {}, {"id": "a/b"})])
def test_a_batch_whose_making_was_not_confirmed_is_looked_for(batch, fault):
    """Whether or not the server made it: there is one in the end."""
    batch.project.write("one", ai("m"))
    batch.server.faults["POST /batches"] = [fault]

    status, lines = batch("submit", ".")
    if isinstance(fault, tuple) and fault[0] == 200:
        assert status == 1
        age(batch)
        status, lines = batch("submit", ".")
    assert status == 0
    assert "submitted (batch_1)" in "".join(lines)
    assert list(batch.server.batches) == ["batch_1"]


def test_a_batch_that_can_not_be_looked_for(batch):
    batch.project.write("one", ai("m"))
    batch.server.faults["POST /batches"] = ["lost"]
    batch.server.faults["GET /batches"] = [404, 404, 404]

    status, (line,) = batch("submit", ".")
    assert status == 1
    assert "whether it was submitted is not known" in line
    age(batch)
    status, lines = batch("submit", ".")
    assert status == 1
    assert "whether it was submitted can't be told" in lines[0]
    assert lines[1:] == ["under way already: 1 reply", "nothing to submit"]
    assert batch("status")[0] == 1
    assert batch("status")[0] == 3
    assert batch.sent() == 1


def test_a_batch_far_down_the_list(batch):
    batch.project.write("one", ai("m"))
    batch.server.page = 2
    batch.server.faults["POST /batches"] = ["lost"]
    batch.server.faults["GET /batches"] = [404]
    batch("submit", ".")
    ours = batch.server.batches["batch_1"]
    for n in range(2, 7):
        batch.server.batches[f"batch_{n}"] = {
            **ours, "id": f"batch_{n}", "input_file_id": f"file-x{n}",
        }  # fmt: skip

    assert batch("status")[0] == 3
    assert batch.state()["batch"] == "batch_1"


# kill -9


def kill_at(batch, call):
    """Kill ``submit`` while the server has done a call and says nothing."""
    batch.server.faults[call] = ["stall"]
    process = batch.start("submit", ".")
    deadline = time.monotonic() + 30
    while call not in batch.server.calls:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(0.1)  # the call is noted before it is done
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("call", "step"),
    [
        ("POST /files", "submit"),
        ("POST /files", "cancel"),
        ("POST /batches", "submit"),
        ("POST /batches", "status"),
        ("POST /batches", "cancel"),
    ],
)
@pytest.mark.fault(
    "kill -9 between the steps of `evalmd batch submit`",
    sees=(),
    keeps="the batch, if the provider has made it: the next step finds it there, and no request is sent in two batches",
)
def test_killed_within_a_step(batch, call, step):
    batch.project.write_many(3)
    kill_at(batch, call)
    made = len(batch.server.batches)

    status, _ = batch(*(["submit", "."] if step == "submit" else [step]))

    if step == "status":
        assert status == (3 if made else 1)
    batch("submit", ".")
    assert len(batch.server.batches) == 1
    if step == "cancel" and made:
        assert batch.server.batches["batch_1"]["status"] == "cancelling"
        batch.server.batches["batch_1"]["status"] = "in_progress"
    batch.server.finish()
    assert batch("fetch")[0] == 0
    assert batch.sent() == 3
    assert batch.replay().ret == 0


def test_a_batch_that_was_never_made_is_submitted_again(batch):
    batch.project.write("one", ai("m"))
    kill_at(batch, "POST /batches")
    batch.server.batches.clear()  # as if it had not got there

    status, lines = batch("submit", ".")
    assert status == 1
    assert "the provider doesn't list it yet" in lines[0]
    assert batch.sent() == 0
    age(batch)
    assert batch("submit", ".")[0] == 0
    assert batch.sent() == 1
    assert len(batch.files()) == 1


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
@pytest.mark.fault(
    "kill -9 while a batch is fetched",
    sees=("remembered: 0 replies, 3 already",),
    keeps="every reply that was remembered; the next fetch goes on",
)
def test_killed_while_fetching(batch):
    """Between the recordings and the note that they are complete."""
    batch.project.write_many(3)
    batch("submit", ".")
    batch.server.finish()
    code = (
        "from pytest_evalmd.batch.folder import BatchFolder as F; import os; "
        f"F.save = lambda *a: os.kill(os.getpid(), {int(signal.SIGKILL)});"
    )
    process = batch.start("fetch", code=code)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    before = batch.recordings()

    status, lines = batch("fetch")

    assert status == 0
    assert "remembered: 0 replies, 3 already" in lines[1]
    assert batch.recordings() == before


def test_two_submissions_at_once(batch):
    batch.project.write_many(3)
    both = [batch.start("submit", ".") for _ in range(2)]
    for process in both:
        process.communicate(timeout=60)

    assert [process.returncode for process in both] == [0, 0]
    assert batch.sent() == 3


def test_a_file_that_was_changed_by_hand(batch):
    batch.project.write("one", ai("m"))
    batch("submit", ".")
    (file,) = batch.files()
    file.write_text(file.read_text().replace("one.md", "../one.md"))

    for step in ("status", "fetch", "cancel"):
        status, (line,) = batch(step)
        assert status == 1
        assert line.startswith(f"__evalmd__/batches/{file.name}: asked/0/case: ")
    assert batch("submit", ".")[0] == 1
    assert batch.sent() == 1


def test_a_folder_that_can_not_be_written(batch):
    batch.project.write("one", ai("m"))
    (batch.project.path / "__evalmd__").write_text("in the way")

    status, (line,) = batch("submit", ".")

    assert status == 1
    assert "__evalmd__" in line
    assert batch.server.calls == []
