from __future__ import annotations

import pytest

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.values import same
from pytest_evalmd.judge.model import JudgeError, Reply, Verdict
from pytest_evalmd.judge.reply import RETRYABLE, read_reply, reply_problem


def ai(output, **fields):
    return Measure(id="m", description="M", type="ai", line=1, output=output, **fields)


SCORE = ai("integer", range=(1, 10))


def read(text, measure=SCORE, **fields):
    """Read a reply as the session does; a plain output name will do as a measure."""
    measure = ai(measure) if isinstance(measure, str) else measure
    reply = Reply(text=text, **fields)
    return read_reply(reply, measure, problem_of=reply_problem(measure))


def refused(text, measure=SCORE, **fields):
    with pytest.raises(JudgeError) as caught:
        read(text, measure, **fields)
    assert "\n" not in str(caught.value)
    return caught.value.kind, str(caught.value)


class TestEnvelopes:
    @pytest.mark.parametrize(
        "text",
        [
            '{"reason": "r", "response": 9}',
            '\n {"response": 9, "reason": "r"}\n',
            '```json\n{"reason": "r", "response": 9}\n```',
            '~~~~\n{"reason": "r",\n"response": 9}\n~~~~',
            'Sure!\n```json\n{"reason": "r", "response": 9}\n```\nAnything else?',
            'My verdict: {"reason": "r", "response": 9}. It {really} is [good].',
            'On [1, 10) and {1, 2} and [1, p. 5]: {"reason": "r", "response": 9}',
            '{"reason": "r", "response": 9,}',
            '{"reason": "r", "response": 9 , \n}',
            '{"reason": "r", "response": 9.0}',
            '{"response": 9, "comment": "r"}',
            '{"response": 9, "reason": null, "comment": "r"}',
            '{"score": 1} {"reason": "r", "response": 9} [8] {}',
            '<think>{"response": 1}</think>{"reason": "r", "response": 9}',
            'Hm {"response": 1}</think>\n{"reason": "r", "response": 9}',
            '<Thinking>a</Thinking><reasoning>b</reasoning> {"reason": "r", '
            '"response": 9}',
            '{"reason": "r", "response": 9, "more": {"response": 1}}',
        ],
    )
    def test_nine(self, text):
        verdict = read(text)
        assert verdict.value == 9
        assert type(verdict.value) is int
        assert verdict.reason == "r"

    @pytest.mark.parametrize(
        ("output", "text", "verdict"),
        [
            ("list", '{"response": ["a,]"],}', Verdict(value=["a,]"])),
            (
                "list",
                '{"reason": "\\",}", "response": [[1,],"a",],}',
                Verdict(value=[[1], "a"], reason='",}'),
            ),
            ("text", '{"response": "9"}', Verdict(value="9")),
            ("text", '{"response": "a\nb"}', Verdict(value="a\nb")),
            ("boolean", '{"response": true}', Verdict(value=True)),
            ("number", '{"response": 9.0}', Verdict(value=9.0)),
            ("json", '{"response": {"response": 1}}', Verdict(value={"response": 1})),
            ("json", '{"response": null}', Verdict(value=None)),
            ("any", '{"response": "t", "reason": 1}', Verdict(value="t")),
            (
                "response",
                '{"response": 9, "comment": "It says so."}',
                Verdict(value=9, reason="It says so."),
            ),
            (
                "response",
                '{"response": {"response": 9, "comment": "in"}}',
                Verdict(value=9, reason="in"),
            ),
            (
                "response",
                '{"reason": "out", "response": {"response": 9, "comment": "in"}}',
                Verdict(value=9, reason="out"),
            ),
            (
                "response",
                '{"response": {"response": {"response": 9}}}',
                Verdict(value={"response": 9}),
            ),
            ("response", '{"response": {"a": 1}}', Verdict(value={"a": 1})),
            (
                "text",
                '{"reason": "it says </think>", "response": "<think>"}',
                Verdict(value="<think>", reason="it says </think>"),
            ),
        ],
    )
    def test_by_output(self, output, text, verdict):
        assert read(text, output) == verdict

    def test_the_first_of_equal_ones_counts(self):
        text = '{"reason": "a", "response": 9} {"reason": "b", "response": 9.0}'
        assert read(text) == Verdict(value=9, reason="a")

    def test_a_number_that_is_no_integer_stays_invalid(self):
        assert refused('{"response": 9.5}')[0] == "invalid"


class TestBareValues:
    @pytest.mark.parametrize(
        ("output", "text", "value"),
        [
            ("list", '["Poteligeo"]', ["Poteligeo"]),
            ("list", '["Poteligeo",]', ["Poteligeo"]),
            ("list", '```json\n["a", "b"]\n```', ["a", "b"]),
            ("list", 'Here:\n```json\n["a"]\n```\nAs {asked}.', ["a"]),
            ("list", 'Brands: ["a"], that is ["a"].', ["a"]),
            ("list", "[]", []),
            ("integer", "9", 9),
            ("integer", "```\n9.0\n```", 9),
            ("number", "0.5", 0.5),
            ("boolean", "true", True),
            ("text", '"said"', "said"),
            ("json", 'I found {"a": [1]}.', {"a": [1]}),
            ("json", "[1]", [1]),
            ("response", 'It is {"rating": 9}', {"rating": 9}),
            ("any", "null", None),
            ("any", 'So: {"a": 1}', {"a": 1}),
            (
                "any",
                "  Plain text, as in [1] or {x}.\n",
                "Plain text, as in [1] or {x}.",
            ),
            ("any", "<think>...</think>Plain.", "Plain."),
            ("any", "```\nPlain.\n```", "```\nPlain.\n```"),
        ],
    )
    def test_table(self, output, text, value):
        verdict = read(text, output)
        assert same(verdict.value, value)
        assert type(verdict.value) is type(value)
        assert verdict.reason == ""

    @pytest.mark.parametrize(
        ("output", "text"),
        [
            ("integer", "I'd say 9."),
            ("integer", "[9] is my verdict"),
            ("list", 'It is {"a": ["b"]}'),
            ("json", "I found [1]"),
            ("text", "just text"),
        ],
    )
    def test_what_prose_may_not_hold(self, output, text):
        message = f"the reply holds no JSON object with a 'response'; got {text!r}"
        assert refused(text, output) == ("invalid", message)


class TestNoVerdict:
    @pytest.mark.parametrize(
        ("fields", "kind"),
        [
            ({"finish_reason": "length"}, "cut-off"),
            ({"finish_reason": "content_filter"}, "filtered"),
            ({"finish_reason": "tool_calls"}, "unusable"),
            ({"finish_reason": "function_call"}, "unusable"),
            ({"refusal": "I can't.", "finish_reason": "length"}, "refused"),
        ],
    )
    def test_endings(self, fields, kind):
        assert refused('{"response": 9}', **fields)[0] == kind
        assert kind not in RETRYABLE

    @pytest.mark.parametrize("reason", ["stop", "eos", None])
    def test_other_endings_are_fine(self, reason):
        assert read('{"response": 9}', finish_reason=reason, refusal="").value == 9

    @pytest.mark.parametrize(
        ("text", "kind", "message"),
        [
            ("", "empty", "the reply is empty"),
            (" \n", "empty", "the reply is empty"),
            ("<think>so</think> ", "empty", "the reply is empty"),
            ('<think>{"response": 9}', "cut-off", None),
            ('<think>a</think> <thinking>{"response": 9}', "cut-off", None),
            (
                '{"response": 12}',
                "invalid",
                "the reply's response is 12: 12 is greater than the maximum of 10",
            ),
            ('{"response": "9"}', "invalid", None),
            ('{"response": true}', "invalid", None),
            ('{"response": null}', "invalid", None),
            ("12", "invalid", None),
            ('{"rating": 9}', "invalid", None),
            ('[{"response": 9}]', "invalid", None),
            ('{"response": NaN}', "invalid", "the reply's JSON can't be used: NaN is "),
            ('{"response": 1e999}', "invalid", None),
            (
                '{"response": 1, "response": 5}',
                "invalid",
                "the reply's JSON can't be used: a key is given twice",
            ),
            ('{"a": 1, "a": 2, "b": {"response": 5}}', "invalid", None),
            ('{"response": 1 {"response": 5}', "invalid", None),
            ('{"response": ' + "9" * 5000 + "}", "invalid", None),
        ],
    )
    def test_table(self, text, kind, message):
        found = refused(text)
        assert found[0] == kind
        assert found[1].startswith(message or "the reply")

    def test_a_valid_quotation_does_not_replace_an_invalid_verdict(self):
        kind, _ = refused('{"response": 0}, though it says {"response": 10}')
        assert kind == "ambiguous"

    @pytest.mark.parametrize(
        "text",
        [
            'The answer says {"response": 10}, so {"reason": "r", "response": 1}',
            '{"reason": "r", "response": 1} though it says {"response": 10}',
        ],
    )
    def test_quotations_are_not_preferred(self, text):
        assert refused(text) == (
            "ambiguous",
            "the reply holds different responses: "
            + ("10 and 1" if text[0] == "T" else "1 and 10"),
        )

    def test_different_bare_lists_are_ambiguous(self):
        assert refused('["a"] or ["b"]', "list")[0] == "ambiguous"

    @pytest.mark.parametrize(
        "text",
        [
            '{"reason": "he said "{"response": 9}" at the end", "response": 1}',
            '{"reason": "he said "} {"response": 9}", "response": 1}',
            '{"reason": "he said ", "response": 9}", "response": 1}',
            '{"reason": "r" "response": 1, "more": {"response": 9}}',
            '{"reason": "r", "more": {"response": 9}, "resp',
            '[{"response": 9}, {"resp',
            '{"reason": {"response": 9,}, "resp',
            '{"response": 9',
            '{"response": 9, "reason": "unfinished',
        ],
    )
    def test_nothing_is_taken_out_of_broken_json(self, text):
        assert refused(text)[0] == "invalid"

    @pytest.mark.parametrize(
        "text", ['{"response": 1,, }', '{"response": ,}', '{"a,]{"response": 9}']
    )
    def test_only_a_trailing_comma_is_mended(self, text):
        assert refused(text)[0] == "invalid"

    @pytest.mark.parametrize("text", ["[,]", "[1,,]", "['a']", '["a"', "[1, 2"])
    def test_no_list_is_made_up(self, text):
        assert refused(text, "list")[0] == "invalid"

    def test_text_is_checked_too(self):
        with pytest.raises(JudgeError, match=r"response is \"no\": nope"):
            read_reply(Reply(text="no"), ai("any"), problem_of=lambda _: "nope")

    def test_long_values_are_shortened(self):
        assert len(refused('{"response": "' + "x" * 1000 + '"}')[1]) < 400
        assert len(refused("x" * 1000)[1]) < 200
