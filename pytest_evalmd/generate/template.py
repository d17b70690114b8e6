"""The text of a template -> its query and measures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

from pytest_evalmd.case.blocks import block_tokens
from pytest_evalmd.case.fields import PARAM, is_param
from pytest_evalmd.case.problems import CaseError, Problems, got, shorten
from pytest_evalmd.case.scalars import ScalarError
from pytest_evalmd.generate.placeholders import BLOCK, names_in, read_filled

HEADINGS = ("Query", "Measures")
_START = re.compile(r"\s*[*+-]\s+-{3,}\s*")
_ENTRY = re.compile(r"(\s*)[*+-]\s+([^\s:\"']+)\s*:\s*(.*)")
_TAB_WIDTH = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RawEntry:
    """A key of a measure and the text behind it."""

    key: str
    raw: str
    """As ``placeholders`` describes it."""
    line: int
    """Where the key stands in the template, from 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawMeasure:
    """A measure as a template writes it."""

    line: int
    """Where it starts, from 1."""
    entries: tuple[RawEntry, ...]

    def raw(self, key: str) -> str | None:
        """Give the text behind a key."""
        return next((one.raw for one in self.entries if one.key == key), None)

    @property
    def params(self) -> frozenset[str]:
        """The names of its own constants: in its prompt these are filled by a run."""
        own = {one.key.removeprefix(PARAM) for one in self.entries if is_param(one.key)}
        given = self.raw("params")
        value = None if given is None else read_filled(given, {})
        return frozenset(own.union(value if isinstance(value, dict) else ()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A query and measures with placeholders."""

    query: str
    query_line: int
    """Where the query starts, from 1."""
    measures: tuple[RawMeasure, ...]
    placeholders: Mapping[str, int]
    """The names used, in the order in which they appear, with the line of each."""


def is_template(text: str) -> bool:
    """Tell whether a markdown text has one of a template's headings."""
    return bool(_headings(_lines(text)))


def read_template(text: str) -> Template:
    """Read a template.

    Raises:
        CaseError: it holds errors: all of them.
    """
    problems = Problems()
    lines = _lines(text)
    start, middle = _sections(lines, problems)
    if problems.found:
        raise CaseError(problems.found)
    query_line, query = _trimmed(lines, start + 1, middle)
    measures = tuple(_read_measures(lines, middle + 1, problems))
    if not query.strip():
        problems.add(start + 1, "the query is empty; expected text below '# Query'")
    if not measures and all(one.line <= middle for one in problems.found):
        problems.add(middle + 1, "no measure; expected '* ---' below '# Measures'")
    _check(measures, problems)
    if problems.found:
        raise CaseError(problems.found)
    return Template(
        query=query,
        query_line=query_line,
        measures=measures,
        placeholders=_placeholders(query, query_line, measures),
    )


def _lines(text: str) -> list[str]:
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")


def _headings(lines: list[str]) -> list[tuple[str, int]]:
    """Find the headings of a template, with the index of the line of each."""
    return [
        (inline.content, heading.map[0])
        for heading, inline in pairwise(block_tokens("\n".join(lines)))
        if heading.type == "heading_open"
        and heading.tag == "h1"
        and heading.markup == "#"
        and heading.level == 0
        and heading.map
        and inline.content in HEADINGS
    ]


def _sections(lines: list[str], problems: Problems) -> tuple[int, int]:
    """Give the indexes of the lines of the two headings."""
    found = _headings(lines)
    at: list[int] = []
    for name in HEADINGS:
        places = [index for heading, index in found if heading == name]
        at += places[:1]
        if not places:
            problems.add(1, f"no heading '# {name}'; expected '# Query', '# Measures'")
        for index in places[1:]:
            first = places[0] + 1
            message = f"a second '# {name}', the first is on line {first}; keep one"
            problems.add(index + 1, message)
    if len(at) < len(HEADINGS):
        return 0, 0
    if at[1] < at[0]:
        problems.add(at[1] + 1, "'# Measures' is above '# Query'; put it below")
    return at[0], at[1]


def _trimmed(lines: list[str], start: int, end: int) -> tuple[int, str]:
    """Give a section without the blank lines around it, and its first line, from 1."""
    while start < end and not lines[start].strip():
        start += 1
    while end > start and not lines[end - 1].strip():
        end -= 1
    return start + 1, "\n".join(lines[start:end])


def _read_measures(
    lines: list[str], index: int, problems: Problems
) -> Iterator[RawMeasure]:
    """Read the list of measures, by the rules of ``case.measures``."""
    found: list[tuple[int, list[RawEntry]]] = []
    while index < len(lines):
        line, number = lines[index], index + 1
        index += 1
        if not line.strip():
            continue
        if _START.fullmatch(line):
            found.append((number, []))
        elif not (match := _ENTRY.fullmatch(line)):
            problems.add(number, f"{got(line.strip())}; expected '* key: value'")
        elif not found:
            problems.add(number, f"{got(line.strip())}; expected '* ---' first")
        else:
            raw = match[3].strip()
            if raw == "|":
                index, raw = _block(lines, index, _indent(match[1]))
            found[-1][1].append(RawEntry(key=match[2], raw=raw, line=number))
    return (RawMeasure(line=n, entries=tuple(entries)) for n, entries in found)


def _block(lines: list[str], index: int, indent: int) -> tuple[int, str]:
    """Take the lines that are indented deeper, their margin taken off."""
    start = index
    while index < len(lines):
        if lines[index].strip() and _indent(lines[index]) <= indent:
            break
        index += 1
    taken = lines[start:index]
    margins = [len(line) - len(line.lstrip()) for line in taken if line.strip()]
    margin = min(margins, default=0)
    return index, BLOCK + "\n".join(line[margin:] for line in taken).rstrip()


def _indent(line: str) -> int:
    wide = line.expandtabs(_TAB_WIDTH)
    return len(wide) - len(wide.lstrip())


def _check(measures: tuple[RawMeasure, ...], problems: Problems) -> None:
    for measure in measures:
        keys: set[str] = set()
        for entry in measure.entries:
            if entry.key in keys:
                problems.add(
                    entry.line,
                    f"the key {shorten(entry.key)!r} is given twice; keep one",
                )
            keys.add(entry.key)
            try:
                read_filled(entry.raw, {})
            except ScalarError as error:
                problems.add(entry.line, f"{shorten(entry.key)}: {error}")


def _placeholders(
    query: str, query_line: int, measures: tuple[RawMeasure, ...]
) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, below in names_in(query):
        found.setdefault(name, query_line + below)
    for measure in measures:
        own = measure.params
        for entry in measure.entries:
            for name, below in names_in(entry.raw):
                if not (entry.key == "prompt" and name in own):
                    found.setdefault(name, entry.line + below)
    return found
