"""What a judge's reply says about a measure.

A reply is untrusted: it may be cut off, quote JSON out of the answer that it judges, or
be made to break its reader. Where it doesn't say one thing clearly, it says nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from pytest_evalmd.case.model import Measure, Output
from pytest_evalmd.case.values import (
    MAX_DEPTH,
    Value,
    ValueTextError,
    check_depth,
    read_json,
    same,
    write_json,
)
from pytest_evalmd.judge.model import JudgeError, Reply, Verdict
from pytest_evalmd.judge.request import response_schema

MAX_RESPONSE_DEPTH = MAX_DEPTH - 20
"""How deep a response may nest: recordings and run files hold it some levels down."""
RETRYABLE = frozenset({"invalid", "ambiguous", "empty"})
"""The kinds of error that asking once more may mend."""

ProblemOf: TypeAlias = Callable[[Value], "str | None"]
"""Says in one line why a value is not valid, or ``None`` where it is."""

_ENDINGS: Mapping[str | None, tuple[str, str]] = {
    "length": ("cut-off", "the reply was cut off at the limit of tokens"),
    "content_filter": ("filtered", "the server's content filter stopped the reply"),
    "tool_calls": ("unusable", "{} called a tool instead of replying"),
    "function_call": ("unusable", "{} called a function instead of replying"),
}
THOUGHT_START = re.compile(r"<(?:think|thinking|reasoning)>", re.IGNORECASE)
THOUGHT_END = re.compile(r"</(?:think|thinking|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"(`{3,}|~{3,})[\w+-]*\s*")

_BARE: Mapping[Output, type] = {
    "list": list,
    "json": dict,
    "response": dict,
    "any": dict,
}
"""What may stand in prose without an envelope."""

_OPENING = re.compile(r'\{(?=\s*["}])|\[(?=\s*[]\[{"\-0-9tfn])')
_LEFTOVER = re.compile(r'"response"\s*:')
_TRAILING_COMMA = re.compile(r",\s*[]}]")
_TOKEN = re.compile(
    r'"(?:[^"\\]|\\.?)*"?|(?<=[^\s,:\[{])\s*(,)(?=\s*[]}])|[]\[{}]', re.DOTALL
)
"""A string, a trailing comma or a bracket."""
_STEPS = {"[": 1, "{": 1, "]": -1, "}": -1}

# Finds where a value ends; numbers stay text, since long ones are an error in Python.
_LENIENT = json.JSONDecoder(strict=False, parse_int=str, parse_float=str)
_WINDOW = 4096


def read_reply(reply: Reply, measure: Measure, *, problem_of: ProblemOf) -> Verdict:
    """Find the one verdict in a reply.

    Args:
        reply: what the judge said.
        measure: what it was asked about.
        problem_of: why a value is not valid for the measure.

    Raises:
        JudgeError: there is none. ``refused``, ``cut-off``, ``filtered``,
            ``unusable``, or one of ``RETRYABLE``: ``empty``, ``invalid`` (no valid
            response), ``ambiguous`` (several that differ).
    """
    check_ending(reply, "the judge")
    text = _spoken(reply.text)
    return _settle(_verdicts(text, measure.output), problem_of)


def reply_problem(measure: Measure) -> ProblemOf:
    """Make the check that a value fits a measure's output and range."""
    return _checker(write_json(dict(response_schema(measure))))


@lru_cache(maxsize=64)
def _checker(schema: str) -> ProblemOf:
    from jsonschema import Draft202012Validator
    from referencing import Registry

    validator = Draft202012Validator(json.loads(schema), registry=Registry())

    def problem(value: Value) -> str | None:
        error = next(validator.iter_errors(value), None)
        return None if error is None else _shortened(error.message, 200)

    return problem


def check_ending(reply: Reply, who: str) -> None:
    """Check that a reply ends as it should; ``who`` names who said it.

    Raises:
        JudgeError: it doesn't: ``refused``, ``cut-off``, ``filtered``, ``unusable``.
    """
    if reply.refusal:
        message = f"{who} refused: {_shortened(reply.refusal, 200)!r}"
        raise JudgeError(kind="refused", message=message)
    if reply.finish_reason in _ENDINGS:
        kind, message = _ENDINGS[reply.finish_reason]
        raise JudgeError(kind, message.format(who))


def _spoken(text: str) -> str:
    """Cut off what the judge thought before it spoke."""
    text = text.strip()
    # A tag inside a reply that is JSON throughout is a quotation.
    if not _whole(text):
        text = THOUGHT_END.split(text)[-1].strip()
    if THOUGHT_START.match(text):
        message = "the reply ends within the judge's thoughts"
        raise JudgeError(kind="cut-off", message=message)
    if not text:
        raise JudgeError(kind="empty", message="the reply is empty")
    return text


def _verdicts(text: str, output: Output) -> list[Verdict]:
    """Read what a reply may be taken to say: envelopes, else bare values."""
    whole = _whole(text)
    found = whole or list(_documents(text))
    envelopes = [v for v in found if isinstance(v, dict) and "response" in v]
    if envelopes:
        return [_opened(envelope, output) for envelope in envelopes]
    bare = whole or [v for v in found if isinstance(v, _BARE.get(output, ()))]
    if bare:
        return [Verdict(value=_typed(value, output)) for value in bare]
    if output == "any":
        return [Verdict(value=text)]
    got = repr(_shortened(text, 80))
    message = f"the reply holds no JSON object with a 'response'; got {got}"
    raise JudgeError(kind="invalid", message=message)


def _settle(verdicts: Sequence[Verdict], problem_of: ProblemOf) -> Verdict:
    """Take the one verdict.

    Of two that differ none is taken, even if one is not valid: that one may be the
    judge's, and the other quoted from the answer.
    """
    settled = verdicts[0]
    for other in verdicts:
        if not same(settled.value, other.value):
            message = (
                "the reply holds different responses: "
                f"{_shown(settled.value)} and {_shown(other.value)}"
            )
            raise JudgeError(kind="ambiguous", message=message)
    problem = _depth_problem(settled.value) or problem_of(settled.value)
    if problem is not None:
        message = f"the reply's response is {_shown(settled.value)}: {problem}"
        raise JudgeError(kind="invalid", message=message)
    return settled


def _depth_problem(value: Value) -> str | None:
    try:
        check_depth(value, MAX_RESPONSE_DEPTH)
    except ValueTextError as error:
        return str(error)
    return None


def _opened(envelope: dict[str, Value], output: Output) -> Verdict:
    value, reason = envelope["response"], _reason(envelope)
    # A prompt that asks for a 'response' key itself may get an envelope of its own.
    if output == "response" and isinstance(value, dict) and "response" in value:
        reason = reason or _reason(value)
        value = value["response"]
    return Verdict(value=_typed(value, output), reason=reason)


def _reason(envelope: dict[str, Value]) -> str:
    for key in ("reason", "comment"):
        text = envelope.get(key)
        if isinstance(text, str):
            return text
    return ""


def _typed(value: Value, output: Output) -> Value:
    if output == "integer" and isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _whole(text: str) -> list[Value]:
    """Read a text that is one JSON value, fenced or not; none is an empty list."""
    try:
        return [read_json(_unfenced(text))]
    except ValueTextError:
        return []


def _unfenced(text: str) -> str:
    first, _, rest = text.partition("\n")
    body, _, last = rest.rpartition("\n")
    fence = _FENCE.fullmatch(first)
    return body if fence and last.strip() == fence[1] else text


def _documents(text: str) -> Iterator[Value]:
    """Read the outermost JSON objects and arrays in prose, in order.

    The time that it takes is linear in the text: a span is looked at once, whether it
    is JSON or not.

    Raises:
        JudgeError: one of them is broken. Nothing in or after it can be trusted: its
            inside may be a quotation that lost its escapes.
    """
    at = 0
    while opening := _OPENING.search(text, at):
        _check_prose(text[at : opening.start()])
        source, at = _source(text, opening.start())
        if source:
            yield _strict(source)
        if at > _WINDOW:
            # Each decoding error counts the lines before it.
            text, at = text[at:], 0
    _check_prose(text[at:])


def _check_prose(text: str) -> None:
    # A quotation that lost its escapes can end the envelope early; this is its rest.
    if _LEFTOVER.search(text):
        message = "the reply's JSON is broken: a 'response' stands outside of it"
        raise JudgeError(kind="invalid", message=message)


def _source(text: str, start: int) -> tuple[str, int]:
    """Find the JSON text at ``start``, empty where it is prose, and where it ends."""
    try:
        end = _LENIENT.raw_decode(text, start)[1]
    except RecursionError:
        message = "the reply's JSON is nested too deeply"
        raise JudgeError(kind="invalid", message=message) from None
    except json.JSONDecodeError as error:
        if _broke_at_trailing_comma(text, start, error.pos):
            source = _without_trailing_commas(text, start)
            return source, start + len(source)
        if '"' in text[start : error.pos + 1]:
            message = f"the reply's JSON is broken: {error.msg}"
            raise JudgeError(kind="invalid", message=message) from None
        return "", error.pos
    return text[start:end], end


def _broke_at_trailing_comma(text: str, start: int, position: int) -> bool:
    # Newer Pythons report the position of the comma, older ones that of the bracket.
    comma = text.rfind(",", start, position + 1)
    return comma > 0 and bool(_TRAILING_COMMA.match(text, comma))


def _without_trailing_commas(text: str, start: int) -> str:
    """Blank them out in the JSON text at ``start``, which keeps its length."""
    kept, depth, at = [], 0, start
    for token in _TOKEN.finditer(text, start):
        if token[1]:
            kept += [text[at : token.start(1)], " "]
            at = token.end()
        depth += _STEPS.get(token[0], 0)
        if depth == 0:
            return "".join([*kept, text[at : token.end()]])
    message = "the reply's JSON is broken: it never ends"
    raise JudgeError(kind="invalid", message=message)


def _strict(source: str) -> Value:
    try:
        return read_json(source)
    except ValueTextError as error:
        message = f"the reply's JSON can't be used: {error}"
        raise JudgeError(kind="invalid", message=message) from None


def _shown(value: Value) -> str:
    return _shortened(write_json(value), 80)


def _shortened(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"
