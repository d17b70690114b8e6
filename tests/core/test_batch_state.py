"""What was submitted, as a file that survives everything."""

from __future__ import annotations

import json

import pytest
from judges import ai, question

from pytest_evalmd.batch.remote import Remote, read_id, read_page, read_remote
from pytest_evalmd.batch.state import (
    Asked,
    Batch,
    BatchFileError,
    counted,
    may_name,
    read_batch,
    write_batch,
)
from pytest_evalmd.judge.model import JudgeError

SCHEMA = {"type": "array", "items": {"type": "string"}}
MEASURES = (
    ai(),
    ai("rating", "Rate.", "number", range=(1.0, 10.0)),
    ai("list", "List.", "json", schema=SCHEMA),
)


def asked(measure=MEASURES[0], case="cases/a.md", samples=(0, 2)):
    found = question(measure, parameters={"temperature": 0}, answer="A")
    return Asked(case=case, measure=measure, question=found, samples=samples)


def batch(**fields):
    given = {
        "id": "0123456789ab",
        "model": "judge-1",
        "submitted_s": 1_795_000_000,
        "asked": tuple(map(asked, MEASURES)),
    }
    return Batch(**given | fields)


def test_there_and_back():
    for one in (
        batch(),
        batch(file="file-1", batch="batch_1", fetched=True, blocked=3),
    ):
        text = write_batch(one)
        found = read_batch(text)

        assert write_batch(found) == text
        assert found.places().keys() == one.places().keys()
        for before, after in zip(one.asked, found.asked, strict=True):
            assert before.question.key(0) == after.question.key(0)
            assert before.measure.range == after.measure.range
            assert before.measure.schema == after.measure.schema
            assert before.measure.output == after.measure.output


def test_one_line_answers_all_who_ask_the_same():
    first, other = asked(), asked(ai("same"), "b.md", samples=(0,))

    places = batch(asked=(first, other)).places()

    line = f"evalmd-{first.question.key(0)}"
    assert list(places) == [line, f"evalmd-{first.question.key(2)}"]
    assert [one.place for one, _ in places[line]] == ["cases/a.md tone", "b.md same"]


def changed(**fields):
    return json.dumps(json.loads(write_batch(batch())) | fields)


def with_asked(**fields):
    (first, *_) = json.loads(write_batch(batch()))["asked"]
    return changed(asked=[first | fields])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        changed(format="evalmd-batch/2"),
        changed(id="../../x"),
        changed(id="0123456789ab\n"),
        changed(batch="../files/x"),
        changed(batch=".."),
        changed(file="a/b"),
        changed(asked=[]),
        changed(submitted="now"),
        changed(submitted=10**400),
        with_asked(samples=[]),
        with_asked(samples=[True]),
        with_asked(schema={"type": "string"}),
        with_asked(question={}),
        with_asked(question={"schema": {"output": []}}),
        with_asked(question={"schema": {"output": "text"}}),
        with_asked(question={"schema": {"output": "number", "range": [1]}}),
        *(
            with_asked(case=case)
            for case in (
                "/etc/a.md",
                "../a.md",
                "a/../../b.md",
                "./a.md",
                "C:/a.md",
                "a\\b.md",
                "a.txt",
                "a\0.md",
                "a.md\n",
                "a\x1b[2J.md",
            )
        ),
    ],
)
def test_a_file_that_was_tampered_with(text):
    with pytest.raises(BatchFileError) as caught:
        read_batch(text)
    assert len(str(caught.value)) < 400
    assert "\n" not in str(caught.value)


def test_names_of_cases():
    for case in ("a.md", "..a/b..md", "sub/é b.md", "ab:c.md"):
        assert may_name(case)
        assert read_batch(with_asked(case=case)).asked[0].case == case
    assert not may_name("a:b.md")


def test_counted():
    assert [counted(n, "reply", "replies") for n in (0, 1, 2)] == [
        "0 replies",
        "1 reply",
        "2 replies",
    ]


def test_a_batch_of_a_provider():
    body = {
        "id": "batch_1",
        "status": "failed",
        "input_file_id": "file-1",
        "output_file_id": "../x",
        "error_file_id": None,
        "request_counts": {"total": 5, "completed": -1, "failed": "2"},
        "errors": {"data": [{"line": 3, "message": "Bad\nline"}, {"code": "c"}, {}, 1]},
    }

    assert read_remote(body) == Remote(
        id="batch_1",
        status="failed",
        input_file="file-1",
        total=5,
        errors=("line 3: Bad line", "c", "no reason is given"),
    )
    assert read_remote(body).ended
    assert not read_remote({"id": "b", "status": "odd", "errors": []}).ended
    assert read_page({"data": [body]}) == [read_remote(body)]


def test_many_errors_are_cut():
    errors = {"data": [{"code": "c"}] * 12}

    found = read_remote({"id": "b", "status": "failed", "errors": errors})

    assert found.errors[-2:] == ("c", "… and 2 more")


@pytest.mark.parametrize(
    "body", [None, "x", [], {}, {"id": "b"}, {"id": 1, "status": "x"}, {"id": "b/c"}]
)
def test_what_is_no_batch(body):
    with pytest.raises(JudgeError, match="no batch"):
        read_remote(body)
    with pytest.raises(JudgeError, match="no list"):
        read_page(body)
    assert read_id({"id": ""}) is None
