from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.judge.fault import (
    Fault,
    asked_to_wait,
    fault_error,
    fault_within,
    gave_up,
    read_fault,
    read_retry_after,
)

AZURE = {
    "message": "filtered",
    "code": None,
    "innererror": {"code": "ResponsibleAIPolicyViolation"},
}


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, None, "unusable"),
        (401, {"error": {"code": "content_filter"}}, "no-key"),
        (403, "no", "no-key"),
        (402, "pay", "no-quota"),
        (429, {"code": "insufficient_quota"}, "no-quota"),
        (429, {"error": {"type": "insufficient_quota"}}, "no-quota"),
        (429, {"error": {"code": 429}}, "busy"),
        (400, {"error": {"code": "content_filter"}}, "filtered"),
        (400, {"error": AZURE}, "filtered"),
        (400, "Azure OpenAI's content management policy", "filtered"),
        (400, {"message": "maximum context length is 4096"}, "too-long"),
        (422, {"code": "context_length_exceeded"}, "too-long"),
        (500, "context length", "busy"),
        (413, "", "too-long"),
        (404, "", "no-model"),
        (408, "", "busy"),
        (501, "", "busy"),
        (418, "", "unusable"),
    ],
)
def test_kinds(status, body, kind):
    fault = read_fault(status, body, 3.0)
    assert fault.kind == kind
    assert fault.passing == (kind == "busy")
    assert fault.retry_after_s == (3.0 if kind == "busy" else None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, ""),
        (7, ""),
        (" text ", "text"),
        ({"error": "text"}, "text"),
        ({"error": {"message": "text"}}, "text"),
        ({"message": " ", "detail": "text"}, "text"),
        ({"odd": 1}, '{"odd": 1}'),
        ({}, ""),
        (
            {"detail": [{"loc": ["body", 0], "msg": "odd", "input": "x"}, "y", {}]},
            "body.0: odd; 'y'; : ",
        ),
    ],
)
def test_what_a_server_said(body, said):
    assert read_fault(400, body).said == said


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"error": {"code": 502, "message": "m"}}, 502),
        ({"error": {"status": "429"}}, 429),
        ({"error": {"code": "200"}}, None),
        ({"error": {"code": "rate"}}, None),
        ({"error": "text"}, None),
        ({"choices": [{"error": {"code": 503}}]}, 503),
    ],
)
def test_errors_in_place_of_a_completion(body, status):
    fault = fault_within(body)
    assert fault is not None
    assert fault.status == status


@pytest.mark.parametrize(
    "body", [None, [], {}, {"error": None}, {"choices": [{}]}, {"choices": [None]}]
)
def test_no_error(body):
    assert fault_within(body) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "message", "code", "detail", "loc", "msg"]), inner
        )
    ),
    max_leaves=12,
)


@given(st.none() | st.integers(300, 599), JSON)
def test_any_error_can_be_said(status, body):
    fault = read_fault(status, body)
    error = fault_error(fault, "m")
    assert error.kind == fault.kind
    assert "\n" not in str(error)


def test_what_a_server_says_about_keys_is_not_repeated():
    fault = read_fault(401, {"message": "wrong key abc"})
    assert "abc" not in str(fault_error(fault, "m"))


DEAD = Fault(kind="unreachable", what="connection refused", advice="check that it runs")
BUSY = Fault(kind="busy", what="HTTP 503", said="full")
SLOW = Fault(kind="timeout", what="no reply within 9 s")


@pytest.mark.parametrize(
    ("fault", "tries", "deadline_s", "kind", "message"),
    [
        (
            DEAD,
            3,
            None,
            "unreachable",
            "can't reach the server (connection refused, 3 tries); check that it runs",
        ),
        (
            BUSY,
            0,
            None,
            "busy",
            "no reply (HTTP 503, not tried again); try again later, or ask another "
            "judge model: 'full'",
        ),
        (
            SLOW,
            1,
            12.0,
            "timeout",
            "no reply within 12 s (1 try, the last problem: no reply within 9 s); the "
            "model is slow or its server overloaded; raise evalmd_timeout",
        ),
    ],
)
def test_giving_up(fault, tries, deadline_s, kind, message):
    error = gave_up(fault, tries, deadline_s)
    assert (error.kind, str(error)) == (kind, message)


def test_a_long_wait():
    assert str(asked_to_wait(BUSY, 3600.4, 120.0)) == (
        "the server asks for 3600 s of waiting (HTTP 503), but the deadline is 120 s "
        "away; try again then: 'full'"
    )


DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
DATE_S = 1445412480


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": "-1"}, 0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after-ms": "x", "retry-after": "9"}, 9),
        ({"retry-after": DATE}, 60),
        ({"retry-after": DATE, "date": "Wed, 21 Oct 2015 07:27:50 GMT"}, 10),
        ({"retry-after": DATE, "date": "today"}, 60),
        ({"retry-after": "Mon, 99 Foo 2015 99:99:99 GMT"}, None),
    ],
)
def test_retry_after(headers, wait_s):
    assert read_retry_after(headers.get, DATE_S - 60) == wait_s
