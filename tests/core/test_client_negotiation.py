from __future__ import annotations

import pytest

from pytest_evalmd.judge.fault import Fault, read_fault
from pytest_evalmd.judge.model import Message, Request
from pytest_evalmd.judge.negotiation import Terms, build_body, facts, renegotiate

SYSTEM, USER = Message(role="system", content="S"), Message(role="user", content="U")
ANSWER = Message(role="assistant", content="A")


def asked(*messages, schema=True, **parameters):
    return Request(
        model="m",
        messages=messages or (SYSTEM, USER),
        schema={"type": "object"} if schema else None,
        parameters=parameters,
    )


def complaint(said="", param="", status=400, kind="unusable"):
    return Fault(kind=kind, what="", status=status, said=said, param=param)


ALL = {
    "temperature": 0,
    "top_p": 1,
    "seed": 1,
    "logprobs": True,
    "top_logprobs": 2,
    "reasoning_effort": "low",
    "max_tokens": 5,
}


@pytest.mark.parametrize(
    ("said", "param", "refused"),
    [
        ("no", "temperature", "temperature"),
        ("'temperature' does not support 0 with this model", "", "temperature"),
        ("`top_p` and `temperature` cannot both be specified", "", "top_p"),
        ("extra fields: body.seed", "", "seed"),
        ("logprobs are not available", "", "logprobs"),
        ("top_logprobs needs more", "", "top_logprobs"),
        ("Reasoning_Effort is odd", "", "reasoning_effort"),
        ("Use 'max_completion_tokens', not max_tokens", "", "max_tokens"),
        ("no", "response_format.json_schema", "json_schema"),
        ("This response_format type is unavailable now", "", "json_schema"),
        ("model does not support response format `json_schema`", "", "json_schema"),
        ("failed to parse grammar", "", "json_schema"),
        ("strict mode", "", "json_schema"),
        ("Structured outputs are off", "", "json_schema"),
        ("No endpoints found that can handle the requested", "", "json_schema"),
        ("System message must be at the beginning", "", "system"),
        ("System role not supported", "", "system"),
        ("Developer instruction is not enabled", "", "system"),
        ("no", "messages[0].role", "system"),
        ("role 'tool' or 'system'", "", "system"),
        ("Only user and assistant roles are supported", "", "system"),
    ],
)
def test_what_a_complaint_is_about(said, param, refused):
    terms = renegotiate(asked(**ALL), Terms(), complaint(said, param))
    assert terms == Terms((refused,))


@pytest.mark.parametrize(
    "fault",
    [
        complaint("an internal system failure"),
        complaint("bad top_k", "top_k"),
        complaint("seed"),  # it wasn't sent
        complaint("json_schema", status=500),
        complaint("json_schema", kind="filtered"),
        complaint("max_tokens", kind="too-long"),
        complaint(""),
    ],
)
def test_other_complaints(fault):
    assert renegotiate(asked(temperature=0), Terms(), fault) is None


def test_a_filter_is_no_reason_to_leave_something_out():
    body = {"error": {"code": "content_filter", "message": "response_format"}}
    assert renegotiate(asked(), Terms(), read_fault(400, body)) is None


def test_the_ladder_of_formats():
    request, terms, forms = asked(), Terms(), []
    fault = complaint("response_format")
    while terms is not None:
        forms.append(build_body(request, terms).get("response_format", {}).get("type"))
        terms = renegotiate(request, terms, fault)
    assert forms == ["json_schema", "json_object", None]


def test_without_a_schema_the_ladder_begins_lower():
    request = asked(schema=False)
    assert build_body(request, Terms())["response_format"] == {"type": "json_object"}
    terms = renegotiate(request, Terms(), complaint("response_format"))
    assert terms == Terms(("json_object",))
    assert "response_format" not in build_body(request, terms)
    # A server may know json_schema alone.
    assert build_body(asked(), terms)["response_format"]["type"] == "json_schema"


def test_a_format_of_the_users_own_stays():
    request = asked(response_format={"type": "text"})
    assert build_body(request, Terms())["response_format"] == {"type": "text"}
    assert renegotiate(request, Terms(), complaint("response_format")) is None


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("max_tokens", "max_completion_tokens"),
        ("max_completion_tokens", "max_tokens"),
    ],
)
def test_the_limit_of_tokens_is_renamed_once(name, other):
    request = asked(**{name: 9})
    terms = renegotiate(request, Terms(), complaint(name))
    body = build_body(request, terms)
    assert body[other] == 9
    assert name not in body
    assert renegotiate(request, terms, complaint(other)) is None


def test_left_out_once():
    request = asked(temperature=0, top_k=4)
    terms = renegotiate(request, Terms(), complaint("temperature"))
    assert build_body(request, terms).keys() == {
        *("model", "messages", "response_format", "top_k")
    }
    assert renegotiate(request, terms, complaint("temperature")) is None


def test_top_logprobs_go_with_logprobs():
    body = build_body(asked(logprobs=True, top_logprobs=2), Terms(("logprobs",)))
    assert not {"logprobs", "top_logprobs"} & set(body)


@pytest.mark.parametrize(
    ("messages", "sent"),
    [
        ((SYSTEM, USER), [("user", "S\n\nU")]),
        (
            (SYSTEM, USER, ANSWER, USER),
            [("user", "S\n\nU"), ("assistant", "A"), ("user", "U")],
        ),
        ((USER,), [("user", "U")]),
        ((SYSTEM, ANSWER), [("system", "S"), ("assistant", "A")]),
    ],
)
def test_system_messages_are_merged(messages, sent):
    body = build_body(asked(*messages), Terms(("system",)))
    assert body["messages"] == [{"role": r, "content": c} for r, c in sent]


def test_system_messages_are_merged_once():
    fault = complaint("System role not supported")
    assert renegotiate(asked(), Terms(("system",)), fault) is None
    assert renegotiate(asked(USER), Terms(), fault) is None


def test_terms_add_up():
    one, two = Terms(("a", "b")), Terms(("b", "c"))
    assert one | two == Terms(("a", "b", "c"))
    assert one | Terms() is one


def test_facts():
    assert facts(Terms(("system", "seed", "max_completion_tokens"))) == (
        "system messages are not supported: the user's message holds them",
        "seed is not supported: it is not sent",
        "max_completion_tokens is not supported: max_tokens is sent",
    )
