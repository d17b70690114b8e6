"""What is said where no remembered reply fits, and of how a result came about."""

from __future__ import annotations

import dataclasses

import pytest
from judges import ai, question, remembered

from pytest_evalmd.judge.miss import DIFF_LINES, explain_miss, nearest, provenance
from pytest_evalmd.judge.model import Usage

MEASURE = ai("poteligeo_strength", "Rate it from 0 to 10. Say why.", "integer")
AGAIN = "run with --evalmd-mode=auto to ask gpt-4.1 again"


def asked(measure=MEASURE, *, model="gpt-4.1", parameters=None, **texts):
    return question(
        measure, model=model, parameters=parameters, **{"answer": "A"} | texts
    )


def reply(of=None, sample=0, **fields):
    given = {"measure_id": MEASURE.id, "response": 7} | fields
    return remembered(of or asked(), sample, **given)


def miss(now, *replies, measure=MEASURE):
    return explain_miss(
        measure.id, now, replies or [reply()], samples=measure.samples
    ).split("\n")


def test_as_the_issue_says_it():
    measure = dataclasses.replace(MEASURE, prompt="Rate it from 1 to 10. Say why.")

    assert miss(asked(measure), measure=measure) == [
        "no reply is remembered for poteligeo_strength: the prompt changed since "
        "2026-11-20 (model, answer and schema are the same); " + AGAIN,
        "-Rate it from 0 to 10.",
        "+Rate it from 1 to 10.",
    ]


OTHER = dataclasses.replace(MEASURE, output="number")
CHANGES = {
    "model": (
        asked(model="gpt-5"),
        "the model changed since 2026-11-20 (prompt, answer and schema are the same); "
        "run with --evalmd-mode=auto to ask gpt-5 again",
    ),
    "answer": (
        asked(answer="B"),
        "the answer changed since 2026-11-20 (model, prompt and schema are the same); "
        + AGAIN,
    ),
    "query, which was not seen": (
        asked(query="Q"),
        "the query changed since 2026-11-20 (model, prompt, answer and schema are the "
        "same); " + AGAIN,
    ),
    "schema": (
        asked(OTHER),
        "the schema changed since 2026-11-20 (model, prompt and answer are the same); "
        + AGAIN,
    ),
    "parameters": (
        asked(parameters={"temperature": 0}),
        "the parameters changed since 2026-11-20 (model, prompt, answer and schema are "
        "the same); " + AGAIN,
    ),
    "protocol": (
        dataclasses.replace(asked(), protocol=2),
        "the judge protocol changed since 2026-11-20 (model, prompt, answer and schema "
        "are the same); " + AGAIN,
    ),
    "two": (
        asked(model="gpt-5", answer="B"),
        "the model and answer changed since 2026-11-20 (prompt and schema are the "
        "same); run with --evalmd-mode=auto to ask gpt-5 again",
    ),
    "all but one": (
        asked(OTHER, model="gpt-5", answer="B"),
        "the model, answer and schema changed since 2026-11-20 (prompt is the same); "
        "run with --evalmd-mode=auto to ask gpt-5 again",
    ),
}


@pytest.mark.parametrize(("now", "said"), CHANGES.values(), ids=CHANGES)
def test_each_component_is_named_once(now, said):
    assert miss(now) == [f"no reply is remembered for poteligeo_strength: {said}"]


def test_everything_changed():
    other = dataclasses.replace(OTHER, prompt="Else.")
    now = dataclasses.replace(asked(other, model="b", answer="B"), protocol=2)

    assert miss(now, measure=other)[0].partition(": ")[2] == (
        "the model, judge protocol, prompt, answer and schema changed since 2026-11-20; "
        "run with --evalmd-mode=auto to ask b again"
    )


def test_an_input():
    old = reply(asked(input="x"))

    line = miss(asked(input="y"), old)[0]

    assert ": the input changed since 2026-11-20 (model, prompt, answer and" in line


def test_nothing_is_remembered():
    line = "no reply is remembered for poteligeo_strength; run with --evalmd-mode=auto "

    other = remembered(measure_id="another")
    assert explain_miss(MEASURE.id, asked(), []) == line + "to ask gpt-4.1"
    assert explain_miss(MEASURE.id, asked(), [other]) == line + "to ask gpt-4.1"
    assert explain_miss(MEASURE.id, asked(model=""), []) == line + "to ask the judge"


def test_too_few_samples():
    measure = dataclasses.replace(MEASURE, samples=3)

    assert miss(asked(), measure=measure) == [
        "no reply is remembered for poteligeo_strength: 3 samples are wanted, fewer are "
        "remembered; run with --evalmd-mode=auto to ask gpt-4.1"
    ]


def test_no_reply_left_to_vote():
    assert miss(asked()) == [
        "no further reply is remembered for poteligeo_strength; run with "
        "--evalmd-mode=auto to ask gpt-4.1"
    ]


def test_the_nearest_question_then_the_newest_reply():
    far = reply(asked(model="x", answer="B"), date="2026-12-31")
    near = [
        reply(asked(answer="B"), date="2026-10-01"),
        reply(asked(answer="C"), date="2026-11-01"),
        reply(asked(answer="D"), date="2026-10-15"),
    ]

    found = nearest(MEASURE.id, asked(), [far, *near])

    assert found is near[1]
    assert nearest(MEASURE.id, asked(), [far]) is far
    assert nearest("else", asked(), [far]) is None


def prompt_diff(old, new):
    was, now = (dataclasses.replace(MEASURE, prompt=p) for p in (old, new))
    return miss(asked(now), reply(asked(was)), measure=now)[1:]


@pytest.mark.parametrize(
    ("old", "new", "shown"),
    [
        ("One. Two. Three.", "One. Four. Three.", ["-Two.", "+Four."]),
        ("One.\nTwo", "One.\nTwo\nThree", ["+Three"]),
        ("One.\n-- rule\nTwo.", "One.\nTwo.", ["--- rule"]),
        ("One.\nTwo.", "One.\n++ rule\nTwo.", ["+++ rule"]),
        ("One.\n@@ at", "One.\n@@ to", ["-@@ at", "+@@ to"]),
        ("One.\n---\nTwo.", "One.\nTwo.", ["----"]),
        ("One.  Two.", "One. Two.", ["(only white space differs)"]),
        ("A\x1b[2Jb", "Ab", ["-A⟨U+001B⟩[2Jb", "+Ab"]),
    ],
)
def test_the_diff_of_a_prompt(old, new, shown):
    assert prompt_diff(old, new) == shown


def test_a_prompt_of_a_file_that_we_did_not_write():
    old = dataclasses.replace(asked(), prompt="\x1b]0;title\x07 \ud800")
    old = dataclasses.replace(old, context={"\x1b[2J": "0"})
    text = explain_miss(MEASURE.id, asked(), [reply(old)])
    given = reply(dataclasses.replace(asked(), model="\x1b[2J"), model="")
    text += f"\n{provenance(MEASURE.id, asked(), 7, [given])}"

    text.encode()
    assert all(line.isprintable() for line in text.split("\n"))


def test_a_long_diff_is_cut():
    old = "\n".join(f"Old {n}." for n in range(50))

    shown = prompt_diff(old, "New.")

    assert shown[0] == "-Old 0."
    assert len(shown) == DIFF_LINES + 1
    assert shown[-1] == "…"


def test_a_long_sentence_is_cut():
    (old, new) = prompt_diff("x" * 5000, "y" * 5000)

    assert len(old) == len(new) < 250


def test_a_result_that_came_about_as_it_would_now():
    assert provenance(MEASURE.id, asked(), 7, [reply()]) == (
        "recorded from judge-1-0613 on 2026-11-20; it was asked the same then"
    )


def test_a_result_since_which_something_changed():
    old = reply(asked(model="gpt-4", answer="B"), response=5, model="")

    assert provenance(MEASURE.id, asked(), 5.0, [reply(), old]) == (
        "recorded from gpt-4 on 2026-11-20; the model and answer changed since then "
        "(prompt and schema are the same)"
    )


@pytest.mark.parametrize(
    "replies",
    [[], [reply(response=8)], [reply(response=True)], [reply(measure_id="other")]],
)
def test_a_result_of_which_nothing_is_known(replies):
    assert provenance(MEASURE.id, asked(), 1, replies) is None


def test_several_replies_that_gave_a_result():
    newest = reply(asked(answer="C"), date="2026-11-30", usage=Usage())
    older = reply(asked(answer="B"), date="2026-11-01")

    said = provenance(MEASURE.id, asked(), 7, [older, newest])

    assert said is not None
    assert "on 2026-11-30; the answer changed since then" in said
