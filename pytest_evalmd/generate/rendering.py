"""A template's measure and values -> the measure as a case holds it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pytest_evalmd.case.fields import PARAM, is_param
from pytest_evalmd.case.problems import Problems
from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.generate.placeholders import (
    BLOCK,
    UnwritableError,
    fill,
    fill_raw,
    names_in,
    read_filled,
    read_raw,
    write_raw,
)
from pytest_evalmd.generate.template import RawEntry, RawMeasure

PARAMS = "params"
_LEFT_TO_RUN = re.compile(r"\{\{([^{}]*)\}\}")
_NOT_IN_KEY = re.compile(r"[\s:\"']+")


def render(
    measure: RawMeasure, values: Mapping[str, str], problems: Problems
) -> RawMeasure:
    """Fill a measure's placeholders; its constants come first.

    A constant that a line can't hold is written into a ``params`` mapping; another
    value like that is a problem.
    """
    rendering = _Rendering({}, {})
    entries = []
    own = measure.params
    for entry in measure.entries:
        try:
            if entry.key == "prompt":
                raw = rendering.prompt(entry.raw, values, own)
            else:
                raw = fill_raw(entry.raw, values)
        except UnwritableError as error:
            if is_param(entry.key):
                name = entry.key.removeprefix(PARAM)
                rendering.spilled[name] = read_filled(entry.raw, values)
            else:
                problems.add(entry.line, f"{entry.key} can't be written: {error}")
        else:
            entries.append(replace(entry, raw=raw))
    try:
        entries = rendering.with_params(entries, measure.line)
    except UnwritableError as error:
        problems.add(measure.line, f"params can't be written: {error}")
    entries.sort(key=lambda one: not (one.key == PARAMS or is_param(one.key)))
    return replace(measure, entries=tuple(entries))


@dataclass(slots=True)
class _Rendering:
    added: dict[str, str]
    """Constants that a prompt needs: raw values by name."""
    spilled: dict[str, Value]
    """Constants that need JSON to be written."""

    def prompt(self, raw: str, values: Mapping[str, str], own: frozenset[str]) -> str:
        """Fill a prompt; the measure's own constants are left to the run.

        Where a value would be misread in a prompt, since it holds braces, say, the
        values become constants of the measure.
        """
        wanted = {name: text for name, text in values.items() if name not in own}
        try:
            filled = fill_raw(raw, wanted)
        except UnwritableError:
            return self._by_params(raw, wanted, own)
        left = [
            name.strip()
            for name in _LEFT_TO_RUN.findall(str(read_filled(raw, {})))
            if name.strip() not in wanted
        ]
        found = [name.strip() for name in _LEFT_TO_RUN.findall(str(read_raw(filled)))]
        return filled if found == left else self._by_params(raw, wanted, own)

    def _by_params(
        self, raw: str, wanted: Mapping[str, str], own: frozenset[str]
    ) -> str:
        names: dict[str, str] = {}
        for name, _ in names_in(raw):
            if name in wanted and name not in names:
                key = _NOT_IN_KEY.sub("_", name)
                while key in own or key in names.values():
                    key += "_"
                names[name] = key
                self._add(key, wanted[name])
        return fill(raw, {name: f"{{{{{key}}}}}" for name, key in names.items()})

    def _add(self, key: str, text: str) -> None:
        try:
            self.added[key] = write_raw(text)
        except UnwritableError:
            self.spilled[key] = text

    def with_params(self, entries: list[RawEntry], line: int) -> list[RawEntry]:
        """Add the constants that a measure needs beside its own."""
        added = [
            RawEntry(key=PARAM + name, raw=raw, line=line)
            for name, raw in self.added.items()
        ]
        if not self.spilled:
            return added + entries
        given = next((one for one in entries if one.key == PARAMS), None)
        value = read_raw(given.raw) if given else {}
        if not isinstance(value, dict):
            return added + entries  # an error that reading the case back tells
        raw = write_raw({**value, **self.spilled})
        first = RawEntry(key=PARAMS, raw=raw, line=line)
        return [first, *added, *(one for one in entries if one is not given)]


def text_of(measure: RawMeasure, key: str) -> str | None:
    """Give the text behind a key of a rendered measure, if it has one."""
    raw = measure.raw(key)
    value = None if raw is None else read_raw(raw)
    return value if isinstance(value, str) else None


def rename(measure: RawMeasure, new_id: str, ids: Mapping[str, str]) -> RawMeasure:
    """Give a rendered measure its id, and its inputs theirs.

    JavaScript that gets several inputs finds them by the names that it was written
    with: its first statement gives them back.
    """
    raw_input = measure.raw("input")
    inputs = None if raw_input is None else read_raw(raw_input)
    changes: dict[str, str] = {}
    if new_id != text_of(measure, "id"):
        changes["id"] = new_id
    if isinstance(inputs, str) and ids.get(inputs, inputs) != inputs:
        changes["input"] = ids[inputs]
    elif isinstance(inputs, list):
        named = {str(one): ids.get(str(one), str(one)) for one in inputs}
        if any(old != new for old, new in named.items()):
            changes["input"] = f"[{', '.join(named[str(one)] for one in inputs)}]"
            logic = measure.raw("logic")
            if logic is not None:
                changes["logic"] = _with_names(logic, named)
    entries = (
        replace(one, raw=changes.get(one.key, one.raw)) for one in measure.entries
    )
    return replace(measure, entries=tuple(entries))


def _with_names(logic: str, named: Mapping[str, str]) -> str:
    given = ", ".join(
        f"{write_json(old)}: input[{write_json(new)}]" for old, new in named.items()
    )
    statement = f"input = {{{given}}};"
    if logic.startswith(BLOCK):
        return f"{BLOCK}{statement}\n{logic.removeprefix(BLOCK)}"
    return write_raw(f"{statement} {read_raw(logic)}")
