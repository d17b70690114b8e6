"""Remembered replies <-> the text of a recordings file; pure (docs/recordings.md)."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from itertools import groupby
from typing import TypeVar

from pytest_evalmd.case.problems import got, shorten
from pytest_evalmd.case.values import (
    Value,
    ValueTextError,
    read_json,
    same,
    write_json,
)
from pytest_evalmd.dataclass import dataclass
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.question import Question

FORMAT = "evalmd-recordings/1"
MAX_TOKENS = 10**12
"""More than this in one usage is no count."""

_T = TypeVar("_T")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class RecordingError(Exception):
    """A recordings file can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Remembered:
    """A valid reply, and what it answers."""

    measure_id: str
    question: Question
    sample: int
    key: str
    model: str
    """The model as the server named it."""
    date: str
    """Of the reply: year-month-day."""
    reason: str
    response: Value
    usage: Usage


def read_recordings(text: str) -> dict[str, Remembered]:
    """Read a recordings file.

    Returns:
        every reply by its key.

    Raises:
        RecordingError: it is not one, a key is not that of its question, or has
            several responses.
    """
    try:
        document = read_json(text)
    except ValueTextError as error:
        raise RecordingError(f"not JSON: {error}") from None
    top = _typed(document, dict, "the file")
    if top.get("format") != FORMAT:
        raise RecordingError(f"format: {got(top.get('format'))}; expected {FORMAT!r}")
    found: dict[str, Remembered] = {}
    for measure_id, groups in _get(top, "measures", dict).items():
        for group in _typed(groups, list, measure_id):
            for reply in _read_group(measure_id, _typed(group, dict, measure_id)):
                first = found.setdefault(reply.key, reply)
                if not same(first.response, reply.response):
                    raise RecordingError(
                        f"{_name(measure_id)}: the key {reply.key} is there with two "
                        "responses"
                    )
    return found


def forget_rounds(
    replies: dict[str, Remembered],
    question: Question,
    first: int,
    keep: Container[str],
) -> list[Remembered]:
    """Forget the replies to a question from a sample on.

    Args:
        replies: by key; they leave it.
        question: what they answer.
        first: the first sample of the rounds to forget.
        keep: keys of those that stay.

    Returns:
        what was forgotten.
    """
    forgotten, sample = [], first
    while (key := question.key(sample)) in replies:
        if key not in keep:
            forgotten.append(replies.pop(key))
        sample += 1
    return forgotten


def write_recordings(case_name: str, replies: Iterable[Remembered]) -> str:
    """Write a recordings file: the same text for the same replies, in any order."""
    measures: dict[str, list[Value]] = {}
    for (measure_id, _), group in groupby(
        sorted(replies, key=lambda reply: (*_group(reply), reply.sample)), _group
    ):
        first, *others = group
        written: Value = {
            **write_question(first.question),
            "replies": [write_reply(reply) for reply in (first, *others)],
        }
        measures.setdefault(measure_id, []).append(written)
    top: Value = {"format": FORMAT, "case": case_name, "measures": {**measures}}
    return write_json(top, indent=1) + "\n"


def write_question(question: Question) -> dict[str, Value]:
    """Give a question as JSON."""
    return {
        "model": question.model,
        "protocol": question.protocol,
        "prompt": question.prompt,
        "context": dict(question.context),
        "schema": dict(question.schema),
        "parameters": dict(question.parameters),
    }


def write_reply(reply: Remembered) -> dict[str, Value]:
    """Give a reply as JSON, without its question."""
    usage = reply.usage
    return {
        "key": reply.key,
        "sample": reply.sample,
        "model": reply.model,
        "date": reply.date,
        "reason": reply.reason,
        "response": reply.response,
        "usage": {
            "asked": usage.asked,
            "answered": usage.answered,
            "cached": usage.cached,
        },
    }


def read_reply_of(
    measure_id: str, question: Question, reply: Mapping[str, Value]
) -> Remembered:
    """Read what ``write_reply`` wrote.

    Raises:
        RecordingError: it is something else.
    """
    usage = _get(reply, "usage", dict)
    sample = _get(reply, "sample", int)
    key = _get(reply, "key", str)
    if key != question.key(sample):
        raise RecordingError(
            f"{_name(measure_id)}: the key {shorten(repr(key))} is not that of its "
            "question; the file was changed by hand"
        )
    if "response" not in reply:
        raise RecordingError(f"{_name(measure_id)}: a reply has no 'response'")
    date = _get(reply, "date", str)
    if not _DATE.fullmatch(date):
        raise RecordingError(f"date: {got(date)}; expected year-month-day")
    return Remembered(
        measure_id=measure_id,
        question=question,
        sample=sample,
        key=key,
        model=_get(reply, "model", str),
        date=date,
        reason=_get(reply, "reason", str),
        response=reply["response"],
        usage=Usage(
            asked=_count(usage, "asked"),
            answered=_count(usage, "answered"),
            cached=_count(usage, "cached"),
        ),
    )


def read_question(group: Mapping[str, Value]) -> Question:
    """Read what ``write_question`` wrote.

    Raises:
        RecordingError: it is something else.
    """
    context = _get(group, "context", dict)
    return Question(
        model=_get(group, "model", str),
        protocol=_get(group, "protocol", int),
        prompt=_get(group, "prompt", str),
        context={name: _get(context, name, str) for name in context},
        schema=_get(group, "schema", dict),
        parameters=_get(group, "parameters", dict),
    )


def _read_group(measure_id: str, group: Mapping[str, Value]) -> Iterable[Remembered]:
    question = read_question(group)
    for reply in _get(group, "replies", list):
        yield read_reply_of(measure_id, question, _typed(reply, dict, "a reply"))


def _group(reply: Remembered) -> tuple[str, str]:
    return reply.measure_id, reply.question.key(0)


def _get(mapping: Mapping[str, Value], key: str, kind: type[_T]) -> _T:
    value = mapping.get(key)
    # What is of the very type, as all that was not changed by hand, is found fast.
    return value if type(value) is kind else _typed(value, kind, key)


def _typed(value: Value, kind: type[_T], name: str) -> _T:
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is int):
        return value
    expected = {dict: "a mapping", list: "a list", str: "a text", int: "an integer"}
    raise _unexpected(name, value, expected[kind])


def _count(usage: Mapping[str, Value], name: str) -> int | None:
    if usage.get(name) is None:
        return None
    number = _get(usage, name, int)
    if not 0 <= number <= MAX_TOKENS:
        raise _unexpected(name, number, "a count of tokens")
    return number


def _unexpected(name: str, value: Value, expected: str) -> RecordingError:
    found = shorten(_printable(write_json(value)))
    return RecordingError(f"{_name(name)}: got {found}; expected {expected}")


def _name(name: str) -> str:
    return shorten(_printable(name))


def _printable(text: str) -> str:
    """Escape what a terminal would obey or couldn't show."""
    shown = (c if c.isprintable() else ascii(c)[1:-1] for c in text[:1000])
    return "".join(shown)
