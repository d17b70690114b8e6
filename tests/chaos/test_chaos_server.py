"""Servers that lie: what can be told is an error, and no reply of theirs is recorded."""

from __future__ import annotations

import json

import pytest
from mock_server import MockServer, Response, completion
from projects import ai, asked, prompt_of


def verdict(response):
    return completion(json.dumps({"reason": "", "response": response}))


def lie(by):
    """Be wrong about the length of one case's replies, by so many bytes."""

    def behave(request, n):
        if "m1_0" not in str(request["messages"]):
            return None
        body = json.dumps(verdict(1))
        return Response(body=body, headers={"Content-Length": str(len(body) + by)})

    return behave


@pytest.mark.fault(
    "a server says a length that is too long",
    sees=("no reply within 4 s", "evalmd_timeout"),
    keeps="no part of such a reply; all others",
)
def test_a_length_that_is_too_long(project, seen):
    project.ini("evalmd_timeout = 4")
    project.write_many(4)

    with MockServer(behaviour=lie(9)) as server:
        run = project.run(server, "-q")
    seen(run.out)
    assert run.summary == {"passed": 3, "error": 1}
    assert sorted(project.recorded()) == [
        "PROMPT m0_0.",
        "PROMPT m2_0.",
        "PROMPT m3_0.",
    ]


@pytest.mark.fault(
    "a server says a length that is too short",
    sees=("the server sent no JSON",),
    keeps="no part of such a reply; what is left of it is never taken for another one's",
)
def test_a_length_that_is_too_short(project, seen):
    project.write_many(4)
    with MockServer(behaviour=lie(-5)) as server:
        run = project.run(server, "-q", "--evalmd-concurrency=1")
        seen(run.out)
        assert run.summary == {"passed": 3, "error": 1}
        assert project.recorded().keys() == asked(server).keys() - {"PROMPT m1_0."}


@pytest.mark.fault(
    "a server answers another one's request, and the reply is of another kind",
    sees=("the reply's response is", "asked twice"),
    keeps="no such reply",
)
def test_replies_that_are_swapped(project, seen):
    one = ai("one", output="integer", range="1..10")
    other = ai("other", output="list")
    project.write("case", one, other, results={"one": "7", "other": "a,b"})

    def behave(request, n):
        mine = "PROMPT one" in str(request["messages"])  # also when asked twice
        return Response(body=verdict(["a", "b"] if mine else 7))

    with MockServer(behaviour=behave) as server:
        run = project.run(server, "-q")
    seen(run.out)
    assert run.summary == {"errors": 2}
    assert project.recorded() == {}


@pytest.mark.fault(
    "a server answers another one's request, and the reply would fit",
    sees=("3 differs from the recorded 7", "2 failed"),
    keeps="the recorded results; the reply is remembered as any other, since no protocol "
    "lets it be told: only the recorded result speaks against it",
)
def test_replies_that_are_swapped_and_fit(project, seen):
    results = {"one": "7", "other": "3"}
    measures = [ai(name, output="integer", range="1..10") for name in results]
    path = project.write("case", *measures, results=results)
    before = path.read_bytes()

    def behave(request, n):
        return Response(body=verdict(3 if "PROMPT one" in prompt_of(request) else 7))

    with MockServer(behaviour=behave) as server:
        run = project.run(server, "-q")
    seen(run.out)
    assert path.read_bytes() == before


GARBAGE = {
    "cut": '{"reason": "a", "response": ',
    "bytes": "\x00\x1b[2J\ufffd" * 100,
    "nested": '{"response": ' + "[" * 10**5,
    "huge": "x" * 5 * 10**6,
    "reason": json.dumps({"reason": "r" * 5 * 10**6, "response": "no integer"}),
}


@pytest.mark.fault(
    "a judge replies with garbage, half a reply or megabytes",
    sees=(
        "the reply's JSON is broken",
        "the reply holds no JSON object with a 'response'",
        "(asked twice)",
        "5 errors",
    ),
    keeps="no such reply; the message is short whatever came",
)
def test_garbage(project, seen):
    for name in GARBAGE:
        project.write(name, ai(name))

    def behave(request, n):
        (text,) = (t for k, t in GARBAGE.items() if f"PROMPT {k}." in str(request))
        return Response(body=completion(text))

    with MockServer(behaviour=behave) as server:
        run = project.run(server, "-q")
    seen(run.out)
    assert run.seconds < 60
    assert len(run.out) < 10_000
    assert "\x1b[2J" not in run.out
    assert project.recorded() == {}
