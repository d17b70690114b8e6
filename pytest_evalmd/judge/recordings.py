"""Remembered replies <-> the text of a recordings file; pure (docs/recordings.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

from pytest_evalmd.case.values import Value, ValueTextError, read_json, write_json
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.question import Question

FORMAT = "evalmd-recordings/1"

_T = TypeVar("_T")


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
        RecordingError: it is not one, or a key is not that of its question.
    """
    try:
        document = read_json(text)
    except ValueTextError as error:
        raise RecordingError(f"not JSON: {error}") from None
    top = _typed(document, dict, "the file")
    if top.get("format") != FORMAT:
        raise RecordingError(f"format: got {top.get('format')!r}; expected {FORMAT!r}")
    found: dict[str, Remembered] = {}
    for measure_id, groups in _get(top, "measures", dict).items():
        for group in _typed(groups, list, measure_id):
            for reply in _read_group(measure_id, _typed(group, dict, measure_id)):
                found[reply.key] = reply
    return found


def write_recordings(case_name: str, replies: Iterable[Remembered]) -> str:
    """Write a recordings file: the same text for the same replies, in any order."""
    measures: dict[str, Value] = {}
    for reply in sorted(replies, key=_place):
        groups = cast("list[Value]", measures.setdefault(reply.measure_id, []))
        head = write_question(reply.question)
        last = cast("dict[str, Value]", groups[-1]) if groups else {}
        if {**last, "replies": None} != {**head, "replies": None}:
            last = {**head, "replies": []}
            groups.append(last)
        cast("list[Value]", last["replies"]).append(write_reply(reply))
    top: Value = {"format": FORMAT, "case": case_name, "measures": measures}
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
            f"{measure_id}: the key {key!r} is not that of its question; the file was "
            "changed by hand"
        )
    if "response" not in reply:
        raise RecordingError(f"{measure_id}: a reply has no 'response'")
    return Remembered(
        measure_id=measure_id,
        question=question,
        sample=sample,
        key=key,
        model=_get(reply, "model", str),
        date=_get(reply, "date", str),
        reason=_get(reply, "reason", str),
        response=reply["response"],
        usage=Usage(**{name: _count(usage, name) for name in Usage.__slots__}),
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


def _place(reply: Remembered) -> tuple[str, str, int]:
    return reply.measure_id, reply.question.key(0), reply.sample


def _get(mapping: Mapping[str, Value], key: str, kind: type[_T]) -> _T:
    return _typed(mapping.get(key), kind, key)


def _typed(value: Value, kind: type[_T], name: str) -> _T:
    if isinstance(value, kind) and not (isinstance(value, bool) and kind is int):
        return value
    expected = {dict: "a mapping", list: "a list", str: "a text", int: "an integer"}
    raise RecordingError(
        f"{name}: got {write_json(value)[:60]}; expected {expected[kind]}"
    )


def _count(usage: Mapping[str, Value], name: str) -> int | None:
    return None if usage.get(name) is None else _get(usage, name, int)
