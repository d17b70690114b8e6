"""Lines of a batch's files: what is sent, and what is made of what comes back."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.batch import lines
from pytest_evalmd.batch.lines import Harvest, read_lines, split, write_line
from pytest_evalmd.judge.fault import Fault
from pytest_evalmd.judge.model import JudgeError

sys.path.append(str(Path(__file__).parents[1]))
from mock_server import completion

OTHER = {"error": {"message": "No", "code": "odd"}}


def line(custom_id="a", text="said", **fields):
    response = {"status_code": 200, "body": completion(text)}
    return json.dumps({"custom_id": custom_id, "response": response, **fields}).encode()


def harvest(*files, known=("a", "b")):
    found = Harvest(known)
    for file in files:
        found.take(file)
    return found


def test_a_request_is_one_line_whatever_it_holds():
    body = {"model": "m", "messages": [{"role": "user", "content": "1\n2 €\ud800"}]}

    written = write_line("evalmd-1", body)

    assert written.count(b"\n") == 1
    assert b"\\n2 " in written
    assert "€".encode() in written
    assert json.loads(written)["url"] == "/v1/chat/completions"
    assert json.loads(written)["custom_id"] == "evalmd-1"


@given(st.lists(st.integers(1, 20)), st.integers(1, 5), st.integers(20, 60))
def test_files_keep_to_their_limits(sizes, max_requests, max_bytes):
    asked = [(str(n), b"x" * size) for n, size in enumerate(sizes)]

    parts = list(split(asked, max_requests=max_requests, max_bytes=max_bytes))

    assert [item for part in parts for item in part.items()] == asked
    for part, following in zip(parts, [*parts[1:], {}], strict=False):
        size = sum(map(len, part.values()))
        assert 0 < len(part) <= max_requests
        assert size <= max_bytes
        if following:  # none is closed before it has to be
            first = next(iter(following.values()))
            assert len(part) == max_requests or size + len(first) > max_bytes


def test_replies_are_matched_by_custom_id():
    found = harvest([line("b", "second"), line("a", "first")])

    assert {id_: reply.text for id_, reply in found.replies.items()} == {
        "a": "first",
        "b": "second",
    }
    assert (found.answered, found.ignored) == (2, [])


def test_lines_that_are_no_reply_are_ignored():
    strange = [b"{", b"[]", b"3", b'{"custom_id": 7}', line("zz\x1b[0m"), None]
    strange += [b"\xff\xfe", b"[" * 100_000]

    found = harvest([*strange, line("a")])

    assert list(found.replies) == ["a"]
    assert found.ignored == [
        "line 1: no JSON; the file may have been cut off",
        "line 2: no custom_id",
        "line 3: no custom_id",
        "line 4: no custom_id",
        r"line 5: custom_id: got 'zz\x1b[0m' was not asked here",
        "line 6: longer than 16,777,216 bytes",
        "line 7: no JSON; the file may have been cut off",
        "line 8: no JSON; the file may have been cut off",
    ]


def test_only_the_first_ignored_lines_are_kept():
    found = harvest([b"{"] * 1000)

    assert (len(found.ignored), found.ignored_count) == (lines.MAX_IGNORED, 1000)


def test_the_same_line_twice_is_one_reply():
    found = harvest([line(), line()])

    assert (list(found.replies), found.contradicted) == (["a"], set())


def test_two_different_replies_are_none():
    found = harvest([line(), line(text="other"), line(), line("b", error=OTHER)])

    assert (found.replies, found.contradicted) == ({}, {"a"})
    assert found.answered == 2


@pytest.mark.parametrize("order", [1, -1])
def test_a_reply_stands_above_an_error(order):
    found = harvest(*([[line()], [line(error=OTHER)]][::order]))

    assert list(found.replies) == ["a"]
    assert found.faults == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"error": {"code": "batch_expired"}}, "not answered before the batch expired"),
        (
            {"error": {"code": "batch_cancelled", "message": "M"}},
            "not answered before the batch was cancelled",
        ),
        ({"error": {"code": "x", "message": "M"}}, "M"),
        ({"error": "text"}, "text"),
        ({"error": {"code": []}}, '{"code": []}'),
        ({"response": None}, "the line holds neither a response nor an error"),
        ({"response": {"status_code": 400, "body": {"message": "bad"}}}, "bad"),
        ({"response": {"status_code": "x", "body": None}}, ""),
        ({"response": {"status_code": 200, "body": OTHER}}, "No"),
        (
            {"response": {"status_code": 200, "body": {"choices": []}}},
            "the server sent a completion with choices []; ask another model",
        ),
    ],
)
def test_what_comes_in_place_of_a_reply(fields, expected):
    (outcome,) = harvest([line(**fields)]).faults.values()

    assert (outcome.said if isinstance(outcome, Fault) else str(outcome)) == expected


def test_a_response_without_status_is_one():
    body = {"custom_id": "a", "response": {"body": completion("said")}}

    assert harvest([json.dumps(body).encode()]).replies["a"].text == "said"


def test_kinds_of_errors():
    found = harvest([line(response=None), line("b", error=OTHER)])

    assert isinstance(found.faults["a"], JudgeError)
    assert isinstance(found.faults["b"], Fault)


def test_lines_of_a_file(monkeypatch):
    monkeypatch.setattr(lines, "MAX_LINE", 5)

    data = b"12345\n\n  \nabcd\n" + b"x" * 17 + b"\nab\n123456"

    assert list(read_lines(io.BytesIO(data))) == [
        None,
        b"abcd\n",
        None,
        b"ab\n",
        None,
    ]
