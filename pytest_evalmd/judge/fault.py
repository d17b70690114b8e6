"""What went wrong with one try: whether it may pass, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pytest_evalmd.judge.completion import SHOWN, write_briefly
from pytest_evalmd.judge.model import JudgeError

_PASSING = frozenset({408, 409, 425, 429})
"""Statuses that may pass, besides those from 500 on."""
_QUOTA = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}
)
_FILTERED = frozenset(
    {"content_filter", "ResponsibleAIPolicyViolation", "content_policy_violation"}
)
_TOO_LONG = ("context_length_exceeded", "context length", "context window")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One try that brought no completion."""

    kind: str
    """As of a ``JudgeError``."""
    what: str
    """What happened, such as ``HTTP 429``."""
    passing: bool = False
    """Whether it may go well the next time."""
    status: int | None = None
    param: str = ""
    """Which parameter the server complains about, if it says so."""
    said: str = ""
    """The server's text; it may hold anything, even the key."""
    retry_after_s: float | None = None
    advice: str = ""
    """What to do about it, where ``kind`` and ``status`` don't tell."""


def read_fault(
    status: int | None, body: object, retry_after_s: float | None = None
) -> Fault:
    """Take an error's body, parsed where it is JSON, as a fault.

    Args:
        status: of HTTP; ``None`` for an error inside of a reply that says none.
        body: with or without OpenAI's ``error`` around it; or FastAPI's; or a text.
        retry_after_s: how long the server wants us to wait.
    """
    error = body.get("error", body) if isinstance(body, dict) else body
    said = _said(error)[:SHOWN]
    kind = _kind(status, set(_codes(error)), said)
    passing = kind == "busy"
    return Fault(
        kind=kind,
        what=f"HTTP {status}" if status else "an error in place of a completion",
        passing=passing,
        status=status,
        param=_field(error, "param"),
        said=said,
        retry_after_s=retry_after_s if passing else None,
    )


def fault_within(body: object) -> Fault | None:
    """Find an error that came with status 200, as from OpenRouter."""
    if not isinstance(body, dict):
        return None
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    for holder in (body, first):
        error = holder.get("error") if isinstance(holder, dict) else None
        if error:
            return read_fault(_inner_status(error), error)
    return None


def fault_error(fault: Fault, model: str) -> JudgeError:
    """Say what a fault that won't pass means, and what to do about it."""
    explain = _EXPLAINED.get(fault.kind, _refused)
    message = explain(fault, model)
    # What a server says about keys may quote the key.
    said = f": {fault.said!r}" if fault.said and fault.kind != "no-key" else ""
    return JudgeError(fault.kind, message + said)


def gave_up(fault: Fault, tries: int, deadline_s: float | None) -> JudgeError:
    """Say that a request was given up after a fault that might have passed.

    Args:
        fault: the last one; of another request if this one was not tried.
        tries: how often this one was.
        deadline_s: how long it was tried; ``None`` if that was not the reason.
    """
    times = {0: "not tried again", 1: "1 try"}.get(tries, f"{tries} tries")
    said = f": {fault.said!r}" if fault.said else ""
    advice = fault.advice or (_SLOW if fault.kind == "timeout" else _LATER)
    if deadline_s is not None:
        problem = f"the last problem: {fault.what}"
        message = f"no reply within {deadline_s:g} s ({times}, {problem}); {advice}"
        return JudgeError("timeout", message + said)
    problem = "can't reach the server" if fault.kind == "unreachable" else "no reply"
    return JudgeError(fault.kind, f"{problem} ({fault.what}, {times}); {advice}{said}")


def asked_to_wait(fault: Fault, wait_s: float, left_s: float) -> JudgeError:
    """Say that a server wants a longer wait than there is time."""
    said = f": {fault.said!r}" if fault.said else ""
    message = (
        f"the server asks for {wait_s:.0f} s of waiting ({fault.what}), but the "
        f"deadline is {left_s:.0f} s away; try again then{said}"
    )
    return JudgeError("busy", message)


def read_retry_after(get: Callable[[str], str | None], now_s: float) -> float | None:
    """Read how long a server wants us to wait, in seconds.

    Args:
        get: gives a header by its name in lower case.
        now_s: since the epoch; used if the server gives a date but not its own.
    """
    for name, a_second in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            wait_s = float(get(name) or "") / a_second
        except ValueError:
            continue
        if math.isfinite(wait_s):
            return max(0.0, wait_s)
    until = _epoch_s(get("retry-after"))
    if until is None:
        return None
    # Its clock may differ from ours.
    server_now_s = _epoch_s(get("date"))
    return max(0.0, until - (now_s if server_now_s is None else server_now_s))


_SLOW = "the model is slow or its server overloaded; raise evalmd_timeout"
_LATER = "try again later, or ask another judge model"


def _refused(fault: Fault, model: str) -> str:
    advice = fault.advice or "check the judge's parameters and its server"
    return f"the server refused the request ({fault.what}); {advice}"


_EXPLAINED: dict[str, Callable[[Fault, str], str]] = {
    "no-quota": lambda fault, model: (
        f"the account's quota is used up ({fault.what}); add credit or set another key"
    ),
    "filtered": lambda fault, model: (
        f"the server's content filter refused the request ({fault.what}); change the "
        "case or ask another judge model"
    ),
    "too-long": lambda fault, model: (
        f"the request is longer than {model} takes ({fault.what}); give the measure "
        "less context or ask another judge model"
    ),
    "no-key": lambda fault, model: (
        f"the server refused the key ({fault.what}); check OPENAI_API_KEY, and that it "
        "belongs to the server of OPENAI_BASE_URL"
    ),
    "no-model": lambda fault, model: (
        f"the server knows no model {model!r} or no such path ({fault.what}); check "
        "the judge model's name and OPENAI_BASE_URL (most end in /v1)"
    ),
    "unreachable": lambda fault, model: (
        f"can't reach the server ({fault.what}); {fault.advice}"
    ),
}


def _kind(status: int | None, codes: set[str], said: str) -> str:
    if codes & _QUOTA or status == 402:
        return "no-quota"
    if status in (401, 403):
        return "no-key"
    if codes & _FILTERED or "content management policy" in said:
        return "filtered"
    if status == 413 or _is_too_long(status, codes, said):
        return "too-long"
    if status == 404:
        return "no-model"
    if status and (status in _PASSING or status >= 500):
        return "busy"
    return "unusable"


def _is_too_long(status: int | None, codes: set[str], said: str) -> bool:
    lower = said.lower()
    named = any(name in lower or name in codes for name in _TOO_LONG)
    return named and status in (None, 400, 422)


def _said(error: object) -> str:
    if isinstance(error, str):
        return error.strip()
    if not isinstance(error, dict):
        return ""
    for name in ("message", "detail", "error", "msg"):
        value = error.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()
        if isinstance(value, list):
            return "; ".join(_detail(one) for one in value[:5])
    return write_briefly(error) if error else ""


def _detail(detail: object) -> str:
    """Read one of FastAPI's details, leaving out the input that it echoes."""
    if not isinstance(detail, dict):
        return write_briefly(detail)[:200]
    place = detail.get("loc")
    path = ".".join(map(str, place)) if isinstance(place, list) else ""
    return f"{path}: {detail.get('msg', '')}"


def _codes(error: object) -> Iterator[str]:
    for name in ("code", "type"):
        yield _field(error, name)
    if isinstance(error, dict):
        for name in ("innererror", "inner_error"):
            yield _field(error.get(name), "code")


def _field(error: object, name: str) -> str:
    """Take a field; servers send numbers for codes."""
    value = error.get(name) if isinstance(error, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _inner_status(error: object) -> int | None:
    for name in ("code", "status"):
        text = _field(error, name)
        if text.isdecimal() and len(text) == 3 and int(text) >= 400:
            return int(text)
    return None


def _epoch_s(date: str | None) -> float | None:
    from email.utils import parsedate_to_datetime  # takes 7 ms, and few servers need it

    try:
        return parsedate_to_datetime(date).timestamp() if date else None
    except (ValueError, TypeError, OverflowError):
        return None
