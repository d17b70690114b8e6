"""The text of a measures block -> its measures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pytest_evalmd.case.blocks import MEASURES_YAML
from pytest_evalmd.case.definition import Defaults, read_measure
from pytest_evalmd.case.model import Block, Measure
from pytest_evalmd.case.problems import Problems, got, shorten
from pytest_evalmd.case.scalars import (
    Entry,
    ScalarError,
    read_scalar,
    read_yaml_mappings,
)

_START = re.compile(r"\s*[*+-]\s+-{3,}\s*")
_ENTRY = re.compile(r"(\s*)[*+-]\s+([^\s:\"']+)\s*:\s*(.*)")
_TAB_WIDTH = 4


@dataclass(slots=True)
class _RawMeasure:
    line: int
    entries: dict[str, Entry] = field(default_factory=dict)


def read_measures(
    block: Block, defaults: Defaults, problems: Problems
) -> dict[str, Measure]:
    """Read all measures of a block, by id and in the file's order.

    What is wrong is noted in ``problems``, and what is right is read all the same.
    """
    read_raw = _read_yaml if block.info == MEASURES_YAML else _read_list
    found: dict[str, Measure] = {}
    raw_measures = read_raw(block, problems)
    if not raw_measures and not problems.found:
        problems.add(
            block.line, f"{block.info} holds no measure; expected one at least"
        )
    for raw in raw_measures:
        measure = read_measure(raw.entries, raw.line, defaults, problems)
        if measure is None:
            continue
        if measure.id in found:
            first = found[measure.id].line
            problems.add(
                raw.entries["id"].line,
                f"the id {shorten(measure.id)!r} is taken by the measure on line {first}; "
                "expected another one",
            )
        else:
            found[measure.id] = measure
    return found


def _read_yaml(block: Block, problems: Problems) -> list[_RawMeasure]:
    mappings = read_yaml_mappings(block.text, block.text_line, problems)
    return [_RawMeasure(line, entries) for line, entries in mappings]


def _read_list(block: Block, problems: Problems) -> list[_RawMeasure]:
    found: list[_RawMeasure] = []
    lines = _Lines(block)
    for line in lines:
        if not line.strip():
            continue
        if "---" in line and _START.fullmatch(line):
            found.append(_RawMeasure(lines.number))
        elif not (match := _ENTRY.fullmatch(line)):
            problems.add(lines.number, f"{got(line.strip())}; expected '* key: value'")
        elif not found:
            problems.add(lines.number, f"{got(line.strip())}; expected '* ---' first")
        else:
            _add_entry(found[-1].entries, match, lines, problems)
    return found


class _Lines:
    """Walks the lines of a block and knows where in the file it is."""

    def __init__(self, block: Block) -> None:
        self.lines = block.text.split("\n")
        self.number = block.line
        """The line of the file that was read last, from 1."""
        self.index = 0

    def __iter__(self) -> Iterator[str]:
        while self.index < len(self.lines):
            self.index += 1
            self.number += 1
            yield self.lines[self.index - 1]

    def indented(self, than: int) -> str:
        """Read the text that is indented deeper than ``than`` columns."""
        start = self.index
        while self.index < len(self.lines):
            line = self.lines[self.index]
            if line.strip() and _indent(line) <= than:
                break
            self.index += 1
        taken = self.lines[start : self.index]
        self.number += len(taken)
        margin = min((_margin(line) for line in taken if line.strip()), default=0)
        return "\n".join(line[margin:] for line in taken).rstrip()


def _add_entry(
    entries: dict[str, Entry], match: re.Match[str], lines: _Lines, problems: Problems
) -> None:
    indent, key, text = match.groups()
    line = lines.number
    if key in entries:
        problems.add(line, f"the key {shorten(key)!r} is given twice; keep one")
    if text.strip() == "|":
        block_text = lines.indented(_indent(indent))
        entries[key] = Entry(block_text, line)
        return
    try:
        entries[key] = Entry(read_scalar(text), line)
    except ScalarError as error:
        problems.add(line, f"{shorten(key)}: {error}")
        entries[key] = Entry(None, line, broken=True)


def _indent(line: str) -> int:
    wide = line.expandtabs(_TAB_WIDTH)
    return len(wide) - len(wide.lstrip())


def _margin(line: str) -> int:
    return len(line) - len(line.lstrip())
