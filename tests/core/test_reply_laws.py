from __future__ import annotations

import contextlib
import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.values import MAX_DEPTH, same
from pytest_evalmd.judge.model import JudgeError, Reply
from pytest_evalmd.judge.reply import (
    MAX_RESPONSE_DEPTH,
    RETRYABLE,
    read_reply,
    reply_problem,
)

OUTPUTS = ["list", "integer", "number", "boolean", "text", "json", "response", "any"]


def read(text, output):
    measure = Measure(id="m", description="M", type="ai", line=1, output=output)
    problem_of = reply_problem(measure)
    verdict = read_reply(Reply(text=text), measure, problem_of=problem_of)
    assert problem_of(verdict.value) is None
    return verdict


MANY = 2 * 10**4
DEEPEST = MAX_RESPONSE_DEPTH + 1
"""In brackets: the innermost list holds nothing that would be a level."""


class TestHostileReplies:
    @pytest.mark.parametrize(
        "text",
        [
            "{" * MANY,
            "[" * MANY,
            '{"a":' * MANY,
            "[1 " * MANY,
            "[1,] " * MANY + '"response":',
            "[[1,] " * MANY,
            "[" + "[1,]," * MANY,
            "[" * 150 + "1," * MANY,
            '[[1,],"' + '\\"' * MANY,
            '{"' * MANY,
            "<think" * MANY,
            "</think>" * MANY,
            "```\n" * MANY,
            "{" + " " * MANY,
            "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2),
            '{"response": ' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}",
            '{"response": ' + "[" * DEEPEST + "[]" + "]" * DEEPEST + "}",
        ],
        ids=lambda text: text[:8],
    )
    def test_are_refused_at_once(self, text):
        start = time.process_time()
        for output in ("list", "json"):
            with pytest.raises(JudgeError) as caught:
                read(text, output)
            assert caught.value.kind in RETRYABLE
        assert time.process_time() - start < 5

    def test_depth_up_to_the_limit_is_fine(self):
        depth = DEEPEST
        text = '{"response": ' + "[" * depth + "]" * depth + "}"
        assert json.dumps(read(text, "list").value) == "[" * depth + "]" * depth


PIECES = st.sampled_from(
    [
        *'{}[]",:\\ \n1-é',
        "```",
        "e9",
        "NaN",
        "null",
        '"response"',
        '"reason"',
        '{"response": 1}',
        "<think>",
        "</think>",
    ]
)
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT
    | st.lists(PIECES).map("".join),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3)
    ),
    max_leaves=8,
)
WRAPPINGS = [
    "{}",
    "Sure:\n{}\nDone.",
    "```json\n{}\n```",
    "I see [1] and {{x}}.\n```\n{}\n```\n[2]",
    "<think>[] {{}}</think>\n{}",
    "{0}\n{0}",
]


class TestLaws:
    @given(ANY_TEXT | st.lists(PIECES).map("".join), st.sampled_from(OUTPUTS))
    @example('{"a":1,}' * 9 + "[", "json")
    def test_any_text_gives_a_verdict_or_a_judge_error(self, text, output):
        with contextlib.suppress(JudgeError):
            read(text, output)

    @given(JSON, ANY_TEXT, st.sampled_from(WRAPPINGS), st.booleans(), st.booleans())
    def test_what_was_wrapped_comes_back(self, value, reason, wrapping, indent, comma):
        envelope = {"reason": reason, "response": value}
        text = json.dumps(envelope, indent=2 if indent else None)
        if comma:
            text = text[:-1] + ",}"
        # Only a reply that is JSON throughout may quote a tag of thinking.
        text = wrapping.format(text.replace("</", "<\\/"))
        verdict = read(text, "json")
        assert same(verdict.value, value)
        assert verdict.reason == reason
