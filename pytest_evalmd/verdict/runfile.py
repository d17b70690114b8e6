"""Run files read strictly, a result at a time; pure (docs/runs.md)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar, cast, get_args

from pytest_evalmd.case.model import MeasureType
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, ValueTextError, check_depth
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.outcome import Attribution, Kind
from pytest_evalmd.verdict.jsonstream import JsonStream, RunFileError
from pytest_evalmd.verdict.runs import (
    FORMAT,
    Mode,
    Run,
    RunCase,
    RunHead,
    RunOptions,
    RunResult,
)

_KINDS = frozenset(get_args(Kind))
_TYPES = frozenset(get_args(MeasureType))
_MODES = frozenset(get_args(Mode))
_REQUIRED = ("case", "measure", "type", "outcome")

_T = TypeVar("_T")
_Number = TypeVar("_Number", int, float)
_Reader: TypeAlias = Callable[[Value, str], Any]
"""Checks a value, and gives it as a field; the name is for the message."""


def read_run(pieces: Iterable[str]) -> tuple[RunHead, Iterator[RunResult]]:
    """Read a run file, of which only a result at a time is held, and no case.

    Args:
        pieces: the text, cut anywhere.

    Returns:
        the head and the results in the file's order. Walking them raises what this does;
        the file is known to be whole once they are walked to the end.

    Raises:
        RunFileError: it is not a run file.
    """
    return _read_run(pieces, lambda _: None)


def read_whole_run(pieces: Iterable[str]) -> Run:
    """Read a run file with its cases into memory.

    Args:
        pieces: the text, cut anywhere.

    Raises:
        RunFileError: it is not a run file.
    """
    cases: list[RunCase] = []
    head, results = _read_run(pieces, cases.append)
    return Run(head=head, results=tuple(results), cases=cases)  # in this order


def _read_run(
    pieces: Iterable[str], take: Callable[[RunCase], None]
) -> tuple[RunHead, Iterator[RunResult]]:
    stream = JsonStream(pieces)
    members = stream.members()
    head: dict[str, Value] = {}
    for key in members:
        if key == "results":
            return _read_head(head), _read_lists(stream, members, take)
        if key == "cases":
            raise RunFileError("'cases' stands before 'results'; expected behind them")
        if key in head:
            raise RunFileError(f"{_shown(key)} is given twice")
        head[key] = stream.value()
    raise RunFileError("there are no 'results'")


def _read_head(head: dict[str, Value]) -> RunHead:
    if head.get("format") != FORMAT:
        got = f"got {_shown(head['format'])}" if "format" in head else "missing"
        raise RunFileError(f"format: {got}; expected {FORMAT!r}, before the results")
    return RunHead(**_read(head, _HEAD, required=_HEAD))


def _read_lists(
    stream: JsonStream, members: Iterator[str], take: Callable[[RunCase], None]
) -> Iterator[RunResult]:
    """Give the results, then hand on the cases behind them."""
    yield from _read_results(stream)
    read = ["results"]
    for key in members:
        if key in read:
            raise RunFileError(f"{_shown(key)} is given twice")
        if key == "cases":
            read.append(key)
            _read_cases(stream, take)
        else:
            stream.value()
    stream.end()


def _read_results(stream: JsonStream) -> Iterator[RunResult]:
    places: set[tuple[str, str, str]] = set()
    for number, value in enumerate(stream.elements()):
        try:
            result = _read_result(value)
        except RunFileError as error:
            raise RunFileError(f"results[{number}]: {error}") from None
        if result.place in places:
            raise RunFileError(f"results[{number}]: the same item a second time")
        places.add(result.place)
        yield result


def _read_cases(stream: JsonStream, take: Callable[[RunCase], None]) -> None:
    names: set[str] = set()
    for number, value in enumerate(stream.elements()):
        try:
            found = _typed(value, dict, "a case")
            case = RunCase(**_read(found, _CASE, required=("case", "query")))
        except RunFileError as error:
            raise RunFileError(f"cases[{number}]: {error}") from None
        if case.case in names:
            raise RunFileError(f"cases[{number}]: the same case a second time")
        names.add(case.case)
        take(case)


def _read_result(value: Value) -> RunResult:
    found = _read(_typed(value, dict, "a result"), _RESULT, required=_REQUIRED)
    if ("output" in found) != ("output_text" in found):
        raise RunFileError("there is 'output' without 'output_text', or the reverse")
    return RunResult(**found)


def _read(
    found: Mapping[str, Value], readers: Mapping[str, _Reader], required: Iterable[str]
) -> dict[str, Any]:
    """Read what is known of a mapping; what later versions add is left out."""
    for name in required:
        if name not in found:
            raise RunFileError(f"there is no {name!r}")
    return {
        name: reader(value, name)
        for name, value in found.items()
        if (reader := readers.get(name)) is not None
    }


def _text(value: Value, name: str) -> str:
    # Most of a file are texts: one call less for each halves the time.
    return value if type(value) is str else _typed(value, str, name)


def _texts(value: Value, name: str) -> tuple[str, ...]:
    return tuple([_text(text, name) for text in _typed(value, list, name)])


def _texts_by_name(value: Value, name: str) -> dict[str, str]:
    found = _typed(value, dict, name)
    return {key: _text(text, name) for key, text in found.items()}


def _count(value: Value, name: str) -> int:
    return _not_negative(_typed(value, int, name), name)


def _line(value: Value, name: str) -> int:
    if number := _count(value, name):
        return number
    raise RunFileError(f"{name}: got 0; expected 1 or more")


def _seconds(value: Value, name: str) -> float:
    return _not_negative(
        value if type(value) is int else _typed(value, float, name), name
    )


def _flag(value: Value, name: str) -> bool:
    return _typed(value, bool, name)


def _json(value: Value, name: str) -> Value:
    try:
        check_depth(value)
    except ValueTextError as error:
        raise RunFileError(f"{name}: {error}") from None
    return value


def _usage(value: Value, name: str) -> Usage:
    return Usage(**_read(_typed(value, dict, name), _USAGE, required=()))


def _options(value: Value, name: str) -> RunOptions:
    return RunOptions(**_read(_typed(value, dict, name), _OPTIONS, required=("mode",)))


def _one_of(known: Collection[str]) -> _Reader:
    def read(value: Value, name: str) -> str:
        if _typed(value, str, name) in known:
            return cast("str", value)
        expected = ", ".join(known)
        raise RunFileError(f"{name}: got {_shown(value)}; expected one of {expected}")

    return read


_HEAD: Mapping[str, _Reader] = {"plugin": _text, "date": _text, "options": _options}
_OPTIONS: Mapping[str, _Reader] = {
    "mode": _one_of(get_args(Mode)),
    "judge_model": _text,
    "answer_models": _texts,
    "confirm": _count,
    "update_results": _flag,
}
_RESULT: Mapping[str, _Reader] = {
    "case": _text,
    "measure": _text,
    "variant": _text,
    "description": _text,
    "line": _line,
    "type": _one_of(get_args(MeasureType)),
    "outcome": _one_of(get_args(Kind)),
    "answer_model": _text,
    "judge_model": _text,
    "output": _json,
    "output_text": _text,
    "today_text": _text,
    "attribution": _one_of(get_args(Attribution)),
    "votes": _texts,
    "recorded_text": _text,
    "human_text": _text,
    "reason": _text,
    "provenance": _text,
    "problem": _text,
    "tags": _texts,
    "keys": _texts,
    "usage": _usage,
    "duration_s": _seconds,
}
_CASE: Mapping[str, _Reader] = {
    "case": _text,
    "query": _text,
    "answer": _text,
    "model": _text,
    "tags": _texts,
    "measures": _texts,
    "answers": _texts_by_name,
}
_USAGE: Mapping[str, _Reader] = {"asked": _count, "answered": _count, "cached": _count}


def _typed(value: Value, kind: type[_T], name: str) -> _T:
    if type(value) is kind:  # so that true is no integer
        return value
    expected = _NAMES[kind]
    raise RunFileError(f"{name}: got {_shown(value)}; expected {expected}")


_NAMES: dict[object, str] = {
    dict: "a mapping",
    list: "a list",
    str: "a text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
}


def _not_negative(number: _Number, name: str) -> _Number:
    if number >= 0:
        return number
    raise RunFileError(f"{name}: got {_shown(number)}; expected 0 or more")


def _shown(value: Value) -> str:
    if isinstance(value, dict | list):
        return _NAMES[type(value)]
    return shorten(ascii(value[:100] if isinstance(value, str) else value))
