"""Recordings files: text <-> replies, and whatever else a pull request may hold."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judges import ANY_TEXT, JSON, MAPPINGS, ai, question, remembered

from pytest_evalmd.case.values import MAX_DEPTH
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.question import Question
from pytest_evalmd.judge.recordings import (
    FORMAT,
    RecordingError,
    read_recordings,
    write_recordings,
)
from pytest_evalmd.judge.reply import MAX_RESPONSE_DEPTH

COUNTS = st.none() | st.integers(0, 10**9)
QUESTIONS = st.builds(
    Question,
    model=ANY_TEXT,
    protocol=st.integers(),
    prompt=ANY_TEXT,
    context=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2),
    schema=MAPPINGS,
    parameters=MAPPINGS,
)
DATES = st.dates().map(str)


@st.composite
def replies(draw):
    return remembered(
        draw(QUESTIONS),
        draw(st.integers(0, 5)),
        measure_id=draw(ANY_TEXT),
        model=draw(ANY_TEXT),
        date=draw(DATES),
        reason=draw(ANY_TEXT),
        response=draw(JSON),
        usage=draw(
            st.builds(Usage, asked=COUNTS, answered=COUNTS, cached=COUNTS),
        ),
    )


def by_key(found):
    return {reply.key: reply for reply in found}


@settings(max_examples=60)
@given(st.lists(replies(), max_size=6), ANY_TEXT, st.randoms())
def test_text_and_replies_are_the_same(found, name, chance):
    expected = by_key(found)
    text = write_recordings(name, expected.values())

    assert read_recordings(text) == expected
    again = list(expected.values())
    chance.shuffle(again)
    assert write_recordings(name, again) == text
    assert write_recordings(name, read_recordings(text).values()) == text
    text.encode()


def test_the_text():
    """What a reviewer sees: one line changes for one thing that changed."""
    asked = question(ai(prompt="Say «what».\nThen stop."), query="Q", answer="A")
    text = write_recordings(
        "case.md",
        [
            remembered(asked, 1, reason="Ünlike.", response=["a", 1]),
            remembered(asked, 0, usage=Usage(asked=7)),
        ],
    )

    expected = """{
 "format": "evalmd-recordings/1",
 "case": "case.md",
 "measures": {
  "tone": [
   {
    "model": "judge-1",
    "protocol": 1,
    "prompt": "Say «what».\\nThen stop.",
    "context": {
     "query": "4ae81572f06e1b88",
     "answer": "559aead08264d579"
    },
    "schema": {
     "output": "text"
    },
    "parameters": {},
    "replies": [
     {
      "key": "KEY 0",
      "sample": 0,
      "model": "judge-1-0613",
      "date": "2026-11-20",
      "reason": "So.",
      "response": "calm",
      "usage": {
       "asked": 7,
       "answered": null,
       "cached": null
      }
     },
     {
      "key": "KEY 1",
      "sample": 1,
      "model": "judge-1-0613",
      "date": "2026-11-20",
      "reason": "Ünlike.",
      "response": [
       "a",
       1
      ],
      "usage": {
       "asked": 100,
       "answered": 20,
       "cached": 0
      }
     }
    ]
   }
  ]
 }
}
"""
    keys = asked.key(0), asked.key(1)
    assert text == expected.replace("KEY 0", keys[0]).replace("KEY 1", keys[1])


def test_a_question_is_written_once_for_all_of_its_samples():
    asked, other = question(answer="A"), question(answer="B")
    mixed = [remembered(q, n) for n in range(4) for q in (asked, other)]
    random.Random(1).shuffle(mixed)

    groups = json.loads(write_recordings("a.md", mixed))["measures"]["tone"]

    assert [[r["sample"] for r in group["replies"]] for group in groups] == [
        *([0, 1, 2, 3], [0, 1, 2, 3])
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"logprobs": 1}, {"logprobs": True}),
        ({"t": 0}, {"t": False}),
        ({"a": [1]}, {"a": [True]}),
    ],
)
def test_questions_that_python_takes_for_equal(one, other):
    found = by_key(remembered(question(parameters=p)) for p in (one, other))

    assert len(found) == 2
    assert read_recordings(write_recordings("a.md", found.values())) == found


def test_replies_of_several_measures_in_the_order_of_their_names():
    found = [remembered(question(ai(id_, prompt=id_)), measure_id=id_) for id_ in "cab"]

    assert list(json.loads(write_recordings("a.md", found))["measures"]) == [*"abc"]


def plain(**changes):
    """Give a good file of one reply as JSON, with what stands at a path replaced."""
    document = json.loads(write_recordings("a.md", [remembered(question(answer="A"))]))
    for path, value in changes.items():
        *above, last = path.split("__")
        holder = document
        for name in above:
            holder = holder[int(name) if name.isdigit() else name]
        if value is ...:
            del holder[last]
        else:
            holder[last] = value
    return json.dumps(document)


GROUP = "measures__tone__0__"
REPLY = GROUP + "replies__0__"
PLACES = [
    *("format", "case", "measures", "measures__tone"),
    *(GROUP + n for n in ("model", "protocol", "prompt", "context", "schema")),
    *(GROUP + n for n in ("parameters", "replies")),
    *(REPLY + n for n in ("key", "sample", "model", "date", "reason", "response")),
    *(REPLY + n for n in ("usage", "usage__asked")),
]
BAD = {
    "empty": ("", "not JSON"),
    "half": (plain()[:200], "not JSON"),
    "conflict": ("<<<<<<< HEAD\n" + plain(), "not JSON"),
    "two documents": (plain() + plain(), "not JSON"),
    "yaml": ("!!python/object/apply:os.system ['true']", "not JSON"),
    "pickle": ("cos\nsystem\n(S'true'\ntR.", "not JSON"),
    "nan": (plain(**{REPLY + "response": 0}).replace("0,", "NaN,"), "not JSON"),
    "infinite": (plain().replace('"calm"', "1e999"), "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "deep mappings": ('{"a":' * 100_000, "not JSON"),
    "nested too deep": (
        plain().replace('"calm"', "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)),
        "not JSON: nested deeper",
    ),
    "huge integer": (plain().replace('"calm"', "9" * 100_000), "not JSON"),
    "a key twice": ('{"format": 1, "format": 2}', "not JSON: a key is given twice"),
    "a list": ("[]", "the file: got []; expected a mapping"),
    "a number": ("1", "the file: got 1; expected a mapping"),
    "no format": ("{}", "format: got None; expected 'evalmd-recordings/1'"),
    "another format": (
        plain(format="evalmd-recordings/2"),
        "format: got 'evalmd-recordings/2'; expected 'evalmd-recordings/1'",
    ),
    "a list for a format": (plain(format=[1] * 999), "format: got [1, 1,"),
    "no measures": (plain(measures=...), "measures: got null; expected a mapping"),
    "measures in a list": (plain(measures=[]), "measures: got []; expected a mapping"),
    "no list of groups": (plain(measures__tone={}), "tone: got {}; expected a list"),
    "a group is a text": (
        plain(measures__tone=["x"]),
        'tone: got "x"; expected a mapping',
    ),
    "no replies": (plain(**{GROUP + "replies": ...}), "replies: got null"),
    "a reply is null": (
        plain(**{GROUP + "replies": [None]}),
        "a reply: got null; expected a mapping",
    ),
    "a model that is a number": (plain(**{GROUP + "model": 1}), "model: got 1"),
    "a protocol that is true": (
        plain(**{GROUP + "protocol": True}),
        "protocol: got true; expected an integer",
    ),
    "a protocol that is 1.0": (plain(**{GROUP + "protocol": 1.0}), "protocol: got 1.0"),
    "a prompt of lists": (plain(**{GROUP + "prompt": ["a"]}), 'prompt: got ["a"]'),
    "a context of numbers": (plain(**{GROUP + "context__answer": 1}), "answer: got 1"),
    "no context": (plain(**{GROUP + "context": None}), "context: got null"),
    "a schema of lists": (plain(**{GROUP + "schema": []}), "schema: got []"),
    "parameters": (plain(**{GROUP + "parameters": "x"}), 'parameters: got "x"'),
    "a key of another question": (
        plain(**{REPLY + "key": "0" * 16}),
        "tone: the key '0000000000000000' is not that of its question; the file was "
        "changed by hand",
    ),
    "a prompt changed by hand": (plain(**{GROUP + "prompt": "x"}), "changed by hand"),
    "a sample changed by hand": (plain(**{REPLY + "sample": 1}), "changed by hand"),
    "a long key": (plain(**{REPLY + "key": "0" * 9999}), "tone: the key '000"),
    "no response": (plain(**{REPLY + "response": ...}), "tone: a reply has no 'resp"),
    "no reason": (plain(**{REPLY + "reason": None}), "reason: got null"),
    "no date": (plain(**{REPLY + "date": ...}), "date: got null"),
    "no day": (
        plain(**{REPLY + "date": "2026-11-20\n\x1b[2J"}),
        "date: got '2026-11-20\\n\\x1b[2J'; expected year-month-day",
    ),
    "a server's model that is none": (plain(**{REPLY + "model": 3}), "model: got 3"),
    "usage in a list": (plain(**{REPLY + "usage": []}), "usage: got []"),
    "tokens in words": (plain(**{REPLY + "usage__asked": "9"}), 'asked: got "9"'),
    "tokens that are true": (
        plain(**{REPLY + "usage__asked": True}),
        "asked: got true",
    ),
    "less than no tokens": (
        plain(**{REPLY + "usage__asked": -1}),
        "asked: got -1; expected a count of tokens",
    ),
    "too many tokens": (
        plain(**{REPLY + "usage__cached": 10**4200}),
        "cached: got 1000",
    ),
}


@pytest.mark.parametrize(("text", "said"), BAD.values(), ids=BAD)
def test_what_is_no_recordings_file(text, said):
    with pytest.raises(RecordingError) as caught:
        read_recordings(text)

    message = str(caught.value)
    assert message.startswith(said) or said == "changed by hand" in message
    assert len(message) < 250
    assert message.isprintable()
    message.encode()


@settings(max_examples=150)
@given(
    JSON,
    st.sampled_from(PLACES),
)
def test_any_value_anywhere_is_read_or_refused(value, path):
    text = plain(**{path: value})

    try:
        found = read_recordings(text)
    except RecordingError as error:
        str(error).encode()
    else:
        assert read_recordings(write_recordings("a.md", found.values())) == found


@given(MAPPINGS)
def test_measures_of_any_name_are_read_or_refused(mapping):
    document = {"format": FORMAT, "case": "a.md", "measures": mapping}
    try:
        read_recordings(json.dumps(document))
    except RecordingError as error:
        message = str(error)
        message.encode()
        assert message.isprintable()
        assert len(message) < 250


@given(ANY_TEXT)
def test_no_text_is_another_error(text):
    with pytest.raises(RecordingError):
        read_recordings(text)


def test_nesting_that_is_still_allowed():
    deep = "[" * (MAX_DEPTH - 10) + "]" * (MAX_DEPTH - 10)
    (reply,) = read_recordings(plain().replace('"calm"', deep)).values()

    assert json.dumps(reply.response) == deep


def test_the_deepest_response_that_is_taken_can_be_read_back():
    deep = json.loads("[" * (MAX_RESPONSE_DEPTH + 1) + "]" * (MAX_RESPONSE_DEPTH + 1))
    reply = remembered(response=deep)

    assert read_recordings(write_recordings("a.md", [reply])) == {reply.key: reply}


def test_deep_parameters_are_no_crash():
    value = {}
    for _ in range(MAX_DEPTH - 10):
        value = {"a": value}
    reply = remembered(question(parameters=value))

    assert read_recordings(write_recordings("a.md", [reply])) == {reply.key: reply}


def test_one_key_with_two_responses_is_no_choice_of_ours():
    """As a merge leaves it that took both sides."""
    document = json.loads(plain())
    group = document["measures"]["tone"][0]
    group["replies"] *= 2
    (same,) = read_recordings(json.dumps(document)).values()
    group["replies"][1] = {**group["replies"][0], "response": "angry"}

    assert same.response == "calm"
    with pytest.raises(RecordingError, match=r"tone: .* is there with two responses"):
        read_recordings(json.dumps(document))


def test_what_is_not_known_is_left_out():
    """A later version may write more."""
    text = plain(**{"more": 1, REPLY + "more": 1, GROUP + "more": 1})

    assert read_recordings(text) == read_recordings(plain())
