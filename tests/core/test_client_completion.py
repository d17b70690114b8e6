from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.judge.completion import parse_body, read_completion, write_briefly
from pytest_evalmd.judge.fault import fault_within
from pytest_evalmd.judge.model import JudgeError, Usage


def body(content="{}", finish_reason="stop", **message):
    said = {"content": content, **message}
    return {"choices": [{"message": said, "finish_reason": finish_reason}]}


def refused(given):
    with pytest.raises(JudgeError) as caught:
        read_completion(given)
    return caught.value.kind, str(caught.value)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("yes", "yes"),
        (None, ""),
        (5, ""),
        ([{"type": "text", "text": "a"}, {"text": "b"}, "c", {"text": 1}, 7], "abc"),
    ],
)
def test_text(content, text):
    assert read_completion(body(content)).text == text


def test_a_bare_reply():
    reply = read_completion(body("x", finish_reason=None))
    assert (reply.model, reply.finish_reason, reply.refusal) == ("", None, None)
    assert reply.usage == Usage()


@pytest.mark.parametrize("reason", ["eos", "content_filter", "error", "stop"])
def test_finish_reasons_are_passed_on(reason):
    assert read_completion(body("x", finish_reason=reason)).finish_reason == reason


def test_refusal():
    assert read_completion(body(None, refusal="No.")).refusal == "No."


@pytest.mark.parametrize(
    ("usage", "counted"),
    [
        (None, Usage()),
        ([1], Usage()),
        ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(asked=3, answered=0)),
        ({"prompt_tokens": -1, "completion_tokens": True}, Usage()),
        ({"prompt_tokens": 2.5, "prompt_tokens_details": None}, Usage()),
        ({"prompt_tokens_details": {"cached_tokens": 8}}, Usage(cached=8)),
        # Recordings with such a count could not be read any more.
        ({"prompt_tokens": 10**12 + 1, "completion_tokens": 1}, Usage(answered=1)),
    ],
)
def test_usage(usage, counted):
    assert read_completion({**body(), "usage": usage}).usage == counted


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (None, "no completion; got null"),
        ([1], "no completion; got [1]"),
        ("hello", "no JSON"),
        ("<html>Sign in", "a web page"),
        ({}, "no choices"),
        ({"choices": []}, "choices []"),
        ({"choices": {"a": 1}}, 'choices {"a": 1}'),
        ({"choices": ["x"]}, "choice without a message"),
        ({"choices": [{"message": []}]}, "choice without a message"),
    ],
)
def test_unusable(given, words):
    kind, message = refused(given)
    assert kind == "unusable"
    assert words in message


@pytest.mark.parametrize("key", ["reasoning", "reasoning_content"])
def test_only_thoughts(key):
    kind, message = refused(body("  ", **{key: "Hm."}))
    assert kind == "empty"
    assert message.startswith(
        "the model only thought: reasoning without content, finish_reason 'stop'; "
        "raise its token limit"
    )


def test_thoughts_beside_a_text_do_not_matter():
    assert read_completion(body("{}", reasoning="Hm.")).text == "{}"


def test_thoughts_that_used_the_tokens_up():
    details = {"completion_tokens_details": {"reasoning_tokens": 500}}
    kind, message = refused({**body("", finish_reason="length"), "usage": details})
    assert kind == "cut-off"
    assert "up (500 of them on reasoning) before it said anything" in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty body"),
        (" \n", "empty body"),
        ("<!DOCTYPE html><p>Log in", "a web page"),
        ("data: {}", "take 'stream' out"),
        ('{"choices": [', "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("9" * 5_000, "no JSON"),
    ],
    ids=range(7),
)
def test_bodies_that_are_no_json(text, words):
    with pytest.raises(JudgeError) as caught:
        parse_body(text)
    assert words in str(caught.value)


def test_write_briefly():
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    assert write_briefly(nested) == "a list"
    assert write_briefly({1, 2}) == "a set"
    assert len(write_briefly(["x" * 9000])) == 2000


NAMES = st.sampled_from(
    ["choices", "message", "content", "error", "usage", "code", "finish_reason", "text"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5)
    ),
    max_leaves=15,
)
CHOICES = st.fixed_dictionaries(
    {"choices": st.lists(st.fixed_dictionaries({"message": JSON}) | JSON, max_size=2)},
    optional={"usage": JSON, "error": JSON, "model": JSON},
)


@given(JSON | CHOICES)
def test_any_json_is_a_reply_or_a_judge_error(given):
    kind = kind_of(json.dumps(given))
    assert kind in {"reply", "fault", "unusable", "empty", "cut-off"}


def kind_of(text):
    try:
        parsed = parse_body(text)
        if fault_within(parsed):
            return "fault"
        read_completion(parsed)
    except JudgeError as error:
        return error.kind
    return "reply"
