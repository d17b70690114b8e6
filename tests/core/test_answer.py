"""A query put to a model, and the answer taken out of its reply."""

from __future__ import annotations

import asyncio
import json

import pytest
from judges import Judge, judging, remembered

from pytest_evalmd.case.model import AnswerSettings
from pytest_evalmd.judge.answer import (
    ANSWER_PROTOCOL,
    answer_question,
    answer_request,
    read_answer,
)
from pytest_evalmd.judge.judging import AnswerAsk, NeedsJudge
from pytest_evalmd.judge.model import JudgeError, Message, Reply, Usage
from pytest_evalmd.judge.negotiation import Terms, build_body, renegotiate
from pytest_evalmd.judge.recordings import read_recordings
from pytest_evalmd.judge.spool import recordings_path
from pytest_evalmd.judge.store import fold

NONE = AnswerSettings()
BOTH = AnswerSettings(system="Be brief.", temperature=0.7)
QUERY = "Why?\u200b\n\n  <b>\t\n"


class TestRequest:
    def test_holds_the_query_and_nothing_else(self):
        request = answer_request(QUERY, "m", NONE)
        assert request.messages == (Message(role="user", content=QUERY),)
        assert build_body(request, Terms()) == {
            "model": "m",
            "messages": [{"role": "user", "content": QUERY}],
        }

    def test_holds_what_the_case_sets(self):
        assert build_body(answer_request(QUERY, "m", BOTH), Terms()) == {
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": QUERY},
            ],
            "temperature": 0.7,
        }

    def test_has_no_format_to_give_up(self):
        from pytest_evalmd.judge.fault import Fault

        fault = Fault(kind="unusable", what="x", status=400, said="json_object: no")
        assert renegotiate(answer_request(QUERY, "m", NONE), Terms(), fault) is None


class TestQuestion:
    def test_words_change_only_with_the_protocol(self):
        """If this fails, raise ``ANSWER_PROTOCOL``, then write the new key here."""
        assert ANSWER_PROTOCOL == 1
        assert answer_question("Q", "m", BOTH).key(0) == "142166fee6bad315"

    @pytest.mark.parametrize(
        ("other", "changed"),
        [
            (("Q", "m", NONE), []),
            (("Q ", "m", NONE), ["query"]),
            (("Q\u200b", "m", NONE), ["query"]),
            (("Q", "n", NONE), ["model"]),
            (("Q", "m", AnswerSettings(system="S")), ["system"]),
            (("Q", "m", AnswerSettings(temperature=0)), ["parameters"]),
        ],
    )
    def test_tells_requests_apart(self, other, changed):
        one, two = answer_question("Q", "m", NONE), answer_question(*other)
        assert two.changed_since(one) == changed
        assert (one.key(0) == two.key(0)) == (not changed)

    def test_names_what_it_has(self):
        assert answer_question("Q", "m", NONE).component_names() == ["model", "query"]
        names = ["model", "query", "system", "parameters"]
        assert answer_question("Q", "m", BOTH).component_names() == names


LONG = "ask for a shorter answer"
OTHER = "ask another model"
UNUSABLE = {
    "refused": (
        Reply(text="", refusal="I\nwill not"),
        "the model refused: 'I\\nwill not'; ",
    ),
    "cut-off": (Reply(text="So", finish_reason="length"), LONG),
    "filtered": (Reply(text="So", finish_reason="content_filter"), OTHER),
    "unusable": (Reply(text="", finish_reason="tool_calls"), "the model called a tool"),
    "empty": (Reply(text=" \n"), OTHER),
    "only thoughts: empty": (Reply(text="<think>hm</think>\n"), OTHER),
    "endless: cut-off": (Reply(text="<think>hm\nSo it is."), "within thoughts"),
    "two ends: ambiguous": (Reply(text="hm\n</think>\nx\n</think>\nSo"), OTHER),
    "an end within: ambiguous": (Reply(text="The tag </think> ends it."), OTHER),
    "thoughts and an end: ambiguous": (
        Reply(text="<think>a</think>b\n</think>\nSo"),
        OTHER,
    ),
    "NUL: unusable": (Reply(text="a\0b"), "the answer holds U+0000"),
    "CR: unusable": (Reply(text="a\rb"), "the answer holds U+000D"),
    "surrogate: unusable": (Reply(text="a\ud800b"), "the answer holds U+D800"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_no_answer(name):
    reply, said = UNUSABLE[name]
    with pytest.raises(JudgeError) as caught:
        read_answer(reply)
    assert caught.value.kind == name.rpartition(": ")[2]
    assert said in str(caught.value)
    assert ";" in str(caught.value) or "," in str(caught.value)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So.", "So."),
        (" So. \n\n", " So. \n\n"),
        ("a\r\nb\n", "a\nb\n"),
        ('{"reason": "r", "response": 7}', '{"reason": "r", "response": 7}'),
        ("<think>hm</think>\n\nSo.\n", "So.\n"),
        ("\n<THINKING>hm</thinking>So.", "So."),
        ("<think></think><reasoning>x</reasoning>So.", "So."),
        ("hm, so\n</think>\n\nSo.", "So."),
        ("hm, so</think> \nSo.", "So."),
        ("Write <think>x</think> so.", "Write <think>x</think> so."),
        (
            "<think>hm</think>Write `<think>` and </think>",
            "Write `<think>` and </think>",
        ),
        ("Never <think> too much", "Never <think> too much"),
    ],
)
def test_the_answer_of_a_reply(text, answer):
    assert read_answer(Reply(text=text)) == answer


@pytest.fixture
def case(tmp_path):
    return tmp_path / "case.md"


def ask_of(case, query="Why?", settings=NONE, model="gpt-5", **more):
    return AnswerAsk(path=case, query=query, settings=settings, model=model, **more)


def answer(judging_, ask, client=None, **more):
    async def run():
        return await asyncio.wait_for(judging_.answer(ask, client, **more), 10)

    return asyncio.run(run())


SAID = Reply(text="So.", model="gpt-5-0807", usage=Usage(asked=10, answered=2))


class TestAnswering:
    def test_asked_once_then_remembered(self, case):
        client, first = Judge(SAID), judging(parameters={"temperature": 0})
        answered = answer(first, ask_of(case), client)
        again = answer(first, ask_of(case), client)
        later = judging(run="run-2")
        remembered_ = answer(later, ask_of(case))
        assert {answered.text, again.text, remembered_.text} == {"So."}
        assert answered.key == remembered_.key == answered.question.key(0)
        (request,) = client.asked
        assert (request.parameters, request.plain) == ({}, True)
        assert (first.cost.requests, later.cost.requests) == (1, 0)
        assert (answered.cost.remembered, remembered_.cost.remembered) == (0, 1)

    def test_stands_in_the_recordings_of_the_case(self, case):
        answer(judging(), ask_of(case, settings=BOTH), Judge(SAID))
        assert fold(case.parent, {}, set()).problems == []
        text = recordings_path(case).read_text()
        (reply,) = read_recordings(text).values()
        assert (reply.measure_id, reply.response) == ("answer", "So.")
        assert reply.model == "gpt-5-0807"
        (group,) = json.loads(text)["measures"]["answer"]
        assert group["parameters"] == {"temperature": 0.7}
        assert {*group["context"]} == {"query", "system"}

    def test_nobody_to_ask(self, case):
        for mode in ("auto", "live"):
            with pytest.raises(NeedsJudge):
                answer(judging(mode), ask_of(case))

    def test_a_miss_says_what_changed(self, case):
        answer(judging(), ask_of(case), Judge(SAID))
        replay = judging("replay")
        with pytest.raises(JudgeError) as caught:
            answer(replay, ask_of(case, "Why not?"))
        assert caught.value.kind == "miss"
        said = str(caught.value)
        assert said.startswith("no reply is remembered for the answer: the query chan")
        assert said.endswith(
            "(model is the same); run with --evalmd-mode=auto to ask gpt-5 again"
        )
        with pytest.raises(JudgeError) as caught:
            answer(replay, ask_of(case, model="gpt-6"))
        assert str(caught.value) == (
            "no reply is remembered for the answer; "
            "run with --evalmd-mode=auto to ask gpt-6"
        )

    def test_an_unusable_reply_is_an_error_and_not_remembered(self, case):
        client, one = Judge(Reply(text="", refusal="No.")), judging()
        with pytest.raises(JudgeError, match=r"the model refused: 'No\."):
            answer(one, ask_of(case), client)
        assert len(client.asked) == one.cost.requests == 1
        assert not list((case.parent / "__evalmd__/.spool").glob("*.json"))

    def test_again_asks_anew(self, case):
        client, one = Judge(SAID, "Otherwise."), judging()
        answer(one, ask_of(case), client)
        assert answer(one, ask_of(case, again=True), client).text == "Otherwise."

    def test_models_and_clients_are_told_apart(self, case):
        client, one = Judge("a", "b", "c"), judging()
        asks = [ask_of(case), ask_of(case, model="gpt-6"), ask_of(case, alias="x")]
        assert [answer(one, ask, client).text for ask in asks] == ["a", "b", "c"]
        assert [request.model for request in client.asked] == [
            "gpt-5",
            "gpt-6",
            "gpt-5",
        ]

    def test_a_remembered_reply_that_is_no_text(self, case):
        asked = answer_question("Why?", "gpt-5", NONE)
        broken = remembered(asked, measure_id="answer", response=7)
        one = judging()
        one.replies(case).by_key[broken.key] = broken
        with pytest.raises(JudgeError, match="is no text; delete it"):
            answer(one, ask_of(case), Judge(SAID))
