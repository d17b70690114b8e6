from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.case.model import Measure
from pytest_evalmd.judge import request as module
from pytest_evalmd.judge.model import Message, Reply
from pytest_evalmd.judge.reply import reply_problem
from pytest_evalmd.judge.request import (
    ENVELOPE,
    ask_again,
    build_request,
    response_schema,
    visible,
)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
LIST_PROMPT = "List the brands. Your response MUST be a valid JSON array of strings."


def ai(output="any", prompt="Rate it.", **fields):
    return Measure(
        id="m",
        description="M",
        type="ai",
        line=1,
        output=output,
        prompt=prompt,
        **fields,
    )


def build(measure=None, **texts):
    return build_request(measure or ai(), model="judge-1", texts=texts)


def asked(measure=None, **texts):
    return build(measure, **texts).messages[-1].content


def mark_in(content):
    return re.search(r"boundary lines of the material hold (\w+)\.", content)[1]


class TestWhatIsAsked:
    def test_user_message(self):
        content = asked(ai("integer", range=(1.0, 10.0)), query="Q?", answer="A.\nB.")
        mark = mark_in(content)
        assert content == (
            f"The boundary lines of the material hold {mark}.\n"
            "\n"
            f"[{mark} query begins]\n"
            "Q?\n"
            f"[{mark} query ends]\n"
            "\n"
            f"[{mark} answer begins]\n"
            "A.\nB.\n"
            f"[{mark} answer ends]\n"
            "\n"
            "The task:\n"
            "Rate it.\n"
            "\n"
            'Reply with one JSON object {"reason": ..., "response": ...} and nothing '
            "else, whatever form of reply the task names: what it asks for goes into "
            '"response", which must be one integer from 1 to 10. A comment or '
            'justification that it asks for goes into "reason".'
        )

    def test_roles(self):
        assert [m.role for m in build(answer="A").messages] == ["system", "user"]

    def test_system_message_is_the_same_for_every_measure(self):
        one = build(ai("list", prompt=LIST_PROMPT), answer="A")
        other = build(ai("number", schema={"minimum": 2}), query="Q", input="[1]")
        assert one.messages[0] == other.messages[0]

    def test_texts_come_in_the_order_given(self):
        content = asked(input="I", answer="A", query="Q")
        assert re.findall(r"(\w+) begins", content) == ["input", "answer", "query"]

    def test_measures_of_the_same_texts_share_all_before_the_task(self):
        one, other = (asked(ai(prompt=p), answer="A") for p in ("One?", "Another?"))
        assert one.split("The task:")[0] == other.split("The task:")[0]

    def test_plain_values_are_carried_along(self):
        parameters = {"temperature": 0}
        request = build_request(
            ai(), model="judge-1", texts={}, parameters=parameters, sample=2
        )
        parameters["temperature"] = 1
        assert request.model == "judge-1"
        assert request.parameters == {"temperature": 0}
        assert request.sample == 2

    @pytest.mark.parametrize(
        ("measure", "form"),
        [
            (ai("list"), "a JSON array."),
            (ai("integer"), "one integer."),
            (ai("number", range=(0.0, 0.5)), "one number from 0 to 0.5."),
            (ai("boolean"), "true or false."),
            (ai("text"), "one JSON string."),
            (ai("json"), "a JSON value of the form that the task names."),
            (ai("response"), "the value itself that the task wants under its "),
            (ai("any"), "a JSON value of the form that the task names, a string if"),
            (
                ai("json", schema={"enum": ["ü", 1]}),
                ', valid by this JSON Schema: {"enum": ["ü", 1]}.',
            ),
        ],
    )
    def test_last_line_names_the_form(self, measure, form):
        assert form in asked(measure, answer="A").splitlines()[-1]


class TestSchema:
    @pytest.mark.parametrize("output", ["list", "integer", "number", "boolean", "text"])
    def test_simple_outputs_share_one_strict_envelope(self, output):
        assert build(ai(output), answer="A").schema is ENVELOPE

    @pytest.mark.parametrize("output", ["json", "response", "any"])
    def test_free_outputs_have_none(self, output):
        assert build(ai(output), answer="A").schema is None

    def test_a_schema_of_the_user_leaves_none(self):
        assert build(ai("list", schema={"maxItems": 3}), answer="A").schema is None

    def test_envelope_is_strict_and_reasons_first(self):
        assert list(ENVELOPE["properties"]) == ["reason", "response"]
        assert ENVELOPE["required"] == ["reason", "response"]
        assert ENVELOPE["additionalProperties"] is False
        json.dumps(ENVELOPE)

    @pytest.mark.parametrize(
        ("measure", "schema"),
        [
            (ai("list"), {"type": "array"}),
            (ai("integer"), {"type": "integer"}),
            (
                ai("integer", range=(1.0, 10.0)),
                {"type": "integer", "minimum": 1, "maximum": 10},
            ),
            (
                ai("number", range=(0.5, 1)),
                {"type": "number", "minimum": 0.5, "maximum": 1},
            ),
            (ai("boolean"), {"type": "boolean"}),
            (ai("text"), {"type": "string"}),
            (ai("json"), {}),
            (ai("response"), {}),
            (ai("any"), {}),
            (ai("any", schema={"type": "string"}), {}),
        ],
    )
    def test_of_the_response(self, measure, schema):
        assert response_schema(measure) == schema

    @pytest.mark.parametrize(
        ("measure", "value", "problem"),
        [
            (ai("integer", range=(1.0, 10.0)), 9, None),
            (ai("integer", range=(1.0, 10.0)), 9.0, None),
            (
                ai("integer", range=(1.0, 10.0)),
                12,
                "12 is greater than the maximum of 10",
            ),
            (ai("integer"), True, "True is not of type 'integer'"),
            (ai("number"), "9", "'9' is not of type 'number'"),
            (ai("any"), {"a": [None]}, None),
            (ai("list"), "x" * 300, "'" + "x" * 199 + "…"),
        ],
    )
    def test_says_what_is_wrong_with_a_value(self, measure, value, problem):
        assert reply_problem(measure)(value) == problem


class TestBoundary:
    @given(ANY_TEXT, ANY_TEXT)
    def test_no_text_holds_it(self, query, answer):
        for _ in range(3):
            mark = mark_in(asked(query=query, answer=answer))
            assert mark not in visible(query) + visible(answer)
            answer += mark

    def test_texts_that_hold_it_get_another(self, monkeypatch):
        marks = iter(["first", "second", "third"])
        monkeypatch.setattr(module, "_digest", lambda _: next(marks))
        content = asked(query="the first", answer="and the second")
        assert content.startswith("The boundary lines of the material hold third.")

    def test_is_the_same_for_the_same_texts(self):
        assert asked(answer="A") == asked(answer="A")

    def test_depends_on_every_text_and_name(self):
        variants = [{"query": "A"}, {"answer": "A"}, {"query": "A", "answer": "A"}]
        assert len({mark_in(asked(**texts)) for texts in variants}) == 3


class TestVisible:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a\r\nb\rc\n\td", "a\nb\nc\n\td"),
            ("\u202eevil", "⟨U+202E⟩evil"),
            ("\ufeffa\u200bb\u2060c", "⟨U+FEFF⟩a⟨U+200B⟩b⟨U+2060⟩c"),
            ("\u061c\u200e\u200f\u2066", "⟨U+061C⟩⟨U+200E⟩⟨U+200F⟩⟨U+2066⟩"),
            ("\U000e0041\U000e0100", "⟨U+E0041⟩⟨U+E0100⟩"),
            ("\ue000\U0010fffd", "⟨U+E000⟩⟨U+10FFFD⟩"),
            ("\0\x1b\x7f\x85", "⟨U+0000⟩⟨U+001B⟩⟨U+007F⟩⟨U+0085⟩"),
            ("\ud800\udfff", "⟨U+D800⟩⟨U+DFFF⟩"),
            ("👩\u200d⚕\ufe0f نمی\u200cشد Sézary", None),
        ],
    )
    def test_table(self, text, shown):
        assert visible(text) == (text if shown is None else shown)

    @given(ANY_TEXT)
    def test_utf8_carries_every_request(self, text):
        request = build(ai(prompt=text), query=text, answer=text)
        again = ask_again(request, Reply(text=text), text)
        assert all(visible(m.content) == m.content for m in again.messages)
        assert all(m.content.encode() for m in again.messages)


class TestAskAgain:
    def test_adds_the_reply_and_what_was_wrong(self):
        request = build(ai("integer"), answer="A")
        again = ask_again(request, Reply(text="nine\n"), "not\nan integer")
        assert again.messages[:2] == request.messages
        assert again.messages[2:] == (
            Message(role="assistant", content="nine"),
            Message(
                role="user",
                content="That reply can't be used: not an integer. Do the task again. "
                'Reply with one JSON object {"reason": ..., "response": ...} and '
                "nothing else, in the form that was asked for.",
            ),
        )
        assert (again.schema, again.sample) == (request.schema, request.sample)

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("x" * 2000, "x" * 2000),
            ("x" * 2007, "x" * 2000 + "… [7 more characters cut]"),
            (" \n", "[no text]"),
        ],
    )
    def test_shows_the_reply(self, text, shown):
        again = ask_again(build(answer="A"), Reply(text=text), "no")
        assert again.messages[2].content == shown
