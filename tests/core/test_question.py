"""The key law: a key changes if, and only if, what a judge is sent changes."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import ANY_TEXT, JSON, MAPPINGS, ai, question

from pytest_evalmd.case.values import canonical
from pytest_evalmd.judge.model import Message, Reply
from pytest_evalmd.judge.question import digest, is_of, name_of, question_of
from pytest_evalmd.judge.request import (
    ENVELOPE,
    PROTOCOL,
    SYSTEM,
    ask_again,
    build_request,
)

OUTPUTS = ("list", "integer", "number", "boolean", "text", "json", "response", "any")
TEXTS = st.sampled_from(["", "A", "B", "A\nB", "A\r\nB", "A\u200b", "⟨U+200B⟩"])
RANGES = st.sampled_from([None, (0, 10), (0.0, 10.0), (0, 10.5), (1, 10)])
SCHEMAS = st.sampled_from(
    [
        None,
        {},
        {"type": "object", "minProperties": 1},
        {"minProperties": 1, "type": "object"},
        {"type": "object", "minProperties": 1.0},
        {"type": "object", "minProperties": True},
    ]
)
PARTS = {
    "prompt": TEXTS,
    "output": st.sampled_from(OUTPUTS),
    "range": RANGES,
    "schema": SCHEMAS,
    "model": st.sampled_from(["", "a", "b"]),
    "parameters": st.sampled_from(
        [{}, {"t": 0}, {"t": 0.0}, {"t": False}, {"t": 1}, {"u": 0}, {"t": None}]
    ),
    "texts": st.dictionaries(
        st.sampled_from(["query", "answer", "input"]), TEXTS, max_size=3
    ),
    "sample": st.integers(0, 2),
}
ASKED = st.fixed_dictionaries(PARTS)


def ordered(texts):
    return {n: texts[n] for n in ("query", "answer", "input") if n in texts}


def sent_and_key(prompt, output, range, schema, model, parameters, texts, sample):
    measure = ai(prompt=prompt, output=output, range=range, schema=schema)
    seen = ordered(texts)
    request = build_request(
        measure, model=model, texts=seen, parameters=parameters, sample=sample
    )
    asked = question_of(measure, model=model, texts=seen, parameters=parameters)
    plain = dataclasses.asdict(request)
    plain["messages"] = list(plain["messages"])
    return canonical(plain), asked.key(sample)


@settings(max_examples=150)
@given(ASKED, ASKED, st.sets(st.sampled_from(sorted(PARTS))))
def test_keys_are_equal_exactly_where_requests_are(one, other, shared):
    other = other | {name: one[name] for name in shared}
    (sent, key), (other_sent, other_key) = sent_and_key(**one), sent_and_key(**other)

    # What a measure puts out may be told in the same words and still read otherwise.
    alike = all(one[name] == other[name] for name in ("output", "range", "schema"))
    assert sent == other_sent or key != other_key
    assert sent != other_sent or key == other_key or not alike


@given(ANY_TEXT, ANY_TEXT, MAPPINGS, st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=3))
def test_a_key_is_hexadecimal_and_the_same_each_time(model, prompt, parameters, texts):
    def key():
        measure = ai(prompt=prompt)
        return question_of(
            measure, model=model, texts=texts, parameters=parameters
        ).key(0)

    assert key() == key()
    assert len(key()) == 16
    assert set(key()) <= set("0123456789abcdef")


@given(JSON)
def test_parameters_that_are_the_same_json_have_one_key(value):
    again = json.loads(json.dumps(value))

    assert question(parameters={"x": value}).key(0) == question(
        parameters={"x": again}
    ).key(0)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"t": 0}, {"t": 0.0}, True),
        ({"t": 1}, {"t": True}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"t": 1}, {"t": "1"}, False),
        ({"t": None}, {}, False),
        ({"a": {"b": 1}}, {"a": {"b": 1.0}}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
    ],
)
def test_how_parameters_are_told_apart(one, other, same):
    keys = {question(parameters=p).key(0) for p in (one, other)}

    assert (len(keys) == 1) == same


def test_no_part_can_pass_for_another():
    keys = [
        question(ai(prompt="ab"), model="c"),
        question(ai(prompt="b"), model="ca"),
        question(ai(prompt="ab"), model="c", query=""),
        question(ai(prompt="ab"), model="c", answer=""),
        question(ai(prompt="ab"), model="c", query="", answer=""),
        question(ai(prompt="ab"), model="c", parameters={"query": ""}),
    ]
    everything = [asked.key(sample) for asked in keys for sample in range(3)]

    assert len(set(everything)) == len(everything)


def test_what_is_no_part_of_a_key():
    """Neither what a measure is called, nor how its result is held against another."""
    plain = question(ai())
    fields = {"compare": "overlap", "threshold": 0.5, "samples": 3, "aggregate": "mode"}

    assert question(ai("renamed", **fields)).key(0) == plain.key(0)
    assert {f.name for f in dataclasses.fields(plain)} == {
        *("model", "protocol", "prompt", "context", "schema", "parameters")
    }


def test_line_endings_of_a_checkout_change_nothing():
    unix = question(ai(prompt="a\nb"), answer="c\nd")
    windows = question(ai(prompt="a\r\nb"), answer="c\r\nd")

    assert windows == unix


FULL = """\
The boundary lines of the material hold 65fff89aed2a276e.

[65fff89aed2a276e query begins]
Which one?
[65fff89aed2a276e query ends]

[65fff89aed2a276e answer begins]
Take Zuvira.
[65fff89aed2a276e answer ends]

The task:
How many brands?

Reply with one JSON object {"reason": ..., "response": ...} and nothing else, \
whatever form of reply the task names: what it asks for goes into "response", which \
must be one integer from 0 to 10. A comment or justification that it asks for goes \
into "reason"."""


def test_words_change_only_with_the_protocol():
    """If this fails, raise ``PROTOCOL``, then write the new words here."""
    request = build_request(
        ai(prompt="How many brands?", output="integer", range=(0, 10)),
        model="judge-1",
        texts={"query": "Which one?", "answer": "Take Zuvira."},
    )

    assert PROTOCOL == 1
    assert request.messages == (
        Message(role="system", content=SYSTEM),
        Message(role="user", content=FULL),
    )
    assert request.schema == ENVELOPE
    assert canonical({**ENVELOPE}) == (
        '{"additionalProperties":false,"properties":{"reason":{"type":"string"},'
        '"response":{"anyOf":[{"type":"string"},{"type":"number"},{"type":"boolean"},'
        '{"type":"null"},{"items":{"anyOf":[{"type":"string"},{"type":"number"},'
        '{"type":"boolean"},{"type":"null"}]},"type":"array"}]}},'
        '"required":["reason","response"],"type":"object"}'
    )


def test_no_word_of_any_request_changes_without_the_protocol():
    """If this fails, raise ``PROTOCOL``, then write the new digest here."""
    measures = [ai(output=output) for output in OUTPUTS]
    measures += [ai(output="number", range=(0, 0.5)), ai(schema={"type": "string"})]
    texts = {"query": "Q", "answer": "A", "input": "I\u200b"}
    first = [build_request(m, model="m", texts=texts) for m in measures]
    second = [ask_again(request, Reply(text=""), "no JSON") for request in first]
    words = [dataclasses.asdict(request) for request in [*first, *second]]
    for request in words:
        assert not request.pop("plain")

    assert (PROTOCOL, digest(json.dumps(words))) == (1, "eab8e69ffbf378f7")


def test_the_key_of_a_question_stays():
    """What was recorded by an earlier version is found by this one."""
    measure = ai(prompt="How many?", output="integer", range=(0, 10))
    asked = question(measure, query="Q", answer="A", parameters={"temperature": 0})

    assert asked.key(0) == "99171e9adb0e0700"
    assert asked.key(1) == "b21e8cbf60e7dd6b"


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        ({}, []),
        ({"model": "b"}, ["model"]),
        ({"measure": ai(prompt="B")}, ["prompt"]),
        ({"answer": "B"}, ["answer"]),
        ({"query": "B"}, ["query"]),
        ({"input": "B"}, ["input"]),
        ({"measure": ai(output="list")}, ["schema"]),
        ({"measure": ai(range=(0, 1))}, ["schema"]),
        ({"measure": ai(schema={"a": 1})}, ["schema"]),
        ({"parameters": {"t": 1}}, ["parameters"]),
        (
            {"model": "b", "measure": ai(prompt="B", output="list"), "answer": "B"},
            ["model", "prompt", "answer", "schema"],
        ),
    ],
)
def test_changes_by_name(other, changed):
    plain = {"query": "Q", "answer": "A", "measure": ai()}

    def ask(measure, **rest):
        return question(measure, **rest)

    new, old = ask(**plain | other), ask(**plain)
    assert new.changed_since(old) == changed
    assert old.changed_since(new) == changed
    assert (new.key(0) != old.key(0)) == bool(changed)


def test_a_raised_protocol_is_a_change():
    old = question()
    new = dataclasses.replace(old, protocol=old.protocol + 1)

    assert new.changed_since(old) == ["judge protocol"]
    assert new.key(0) != old.key(0)


def test_clients_are_told_apart_by_name():
    assert name_of("m", "") == "m"
    assert name_of("m", "a") == "m [a]"
    assert is_of("a", name_of("m", "a"))
    assert not is_of("b", name_of("m", "a"))
    assert not is_of("a", "m")
    assert is_of("", "m")
    assert is_of("", "m [a]")


def test_the_names_of_its_components():
    assert question(answer="A").component_names() == [
        "model",
        "prompt",
        "answer",
        "schema",
    ]
    assert question(parameters={"t": 0}).component_names()[-1] == "parameters"
