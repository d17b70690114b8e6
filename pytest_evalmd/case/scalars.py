"""The values behind a key: one set of rules for markdown lists and for YAML."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from pytest_evalmd.case.problems import Problems, got, shorten
from pytest_evalmd.case.values import MAX_DEPTH, Value, ValueTextError, read_json

if TYPE_CHECKING:
    from yaml import Mark
    from yaml._yaml import Mark as CMark

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_NUMBER_STARTS = "-0123456789"
_KINDS = {
    "ScalarEvent": "text",
    "SequenceStartEvent": "list",
    "MappingStartEvent": "mapping",
    "AliasEvent": "alias",
}
_Event: TypeAlias = Any
"""A ``yaml.Event``."""
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_YAML_ONLY: dict[str, Value] = {"": None, "~": None}


class ScalarError(ValueError):
    """A value that can't be read.

    Attributes:
        line: how many lines below the start of the text it stands, from 0.
    """

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


class Entry(NamedTuple):
    """A value and where it stands."""

    value: Value
    line: int
    """In the file, from 1."""
    broken: bool = False
    """Whether the value can't be read; a problem says so."""


def read_scalar(text: str) -> Value:
    r"""Read the value behind ``key:`` in a markdown list.

    Text between an opening and a final double quote is literal, unescaped quotes
    included; only ``\"`` is an escape.

    Raises:
        ScalarError: a flow list or mapping is not YAML, or a number is too large.
    """
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1].replace('\\"', '"')
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    if text[:1] in ("[", "{"):
        try:
            return read_yaml(text)
        except ScalarError as error:
            message = f"{error} (a text that starts with {text[0]!r} needs quotes)"
            raise ScalarError(error.line, message) from None
    return _plain(text, 0)


def read_yaml(text: str) -> Value:
    """Read YAML as JSON values: ``yes``, ``on`` and ``2024-01-01`` stay text.

    Raises:
        ScalarError: not YAML; or an alias, a tag, a key given twice, deep nesting.
    """
    node = _read_node(text)
    return None if node is None else _value(node)


def read_yaml_mappings(
    text: str, first_line: int, problems: Problems
) -> Iterator[tuple[int, dict[str, Entry]]]:
    """Read a YAML list of mappings; what is wrong with one doesn't stop the others.

    Args:
        text: the YAML.
        first_line: the line of the file that it starts on, from 1.
        problems: takes what is wrong.

    Yields:
        the line of a mapping, from 1, and its entries.
    """
    try:
        node = _read_node(text)
        if node is None or node.kind != "list":
            message = "the measures are not a YAML list; expected '- id: ...' for each"
            raise ScalarError(0, message)
    except ScalarError as error:
        problems.add(first_line + error.line, str(error))
        return
    for item in node.inner:
        try:
            entries = _entries(item, first_line, problems)
        except ScalarError as error:
            problems.add(first_line + error.line, str(error))
        else:
            yield first_line + item.line, entries


def read_yaml_mapping(
    text: str, first_line: int, keys: Container[str], problems: Problems
) -> dict[str, Entry]:
    """Read some keys of a YAML mapping; others may hold anything.

    Empty text is an empty mapping.

    Raises:
        ScalarError: it is not YAML or no mapping.
    """
    node = _read_node(text)
    return {} if node is None else _entries(node, first_line, problems, keys)


def value_span(text: str, key: str) -> tuple[int, int] | None:
    """Find where a value stands in a YAML mapping.

    Returns:
        the offsets of its first character and of the one behind its last;
        ``None`` if the key is not there.

    Raises:
        ScalarError: the text is not YAML.
    """
    node = _read_node(text)
    pairs = node.pairs() if node is not None else []
    return next((value.span for name, _, value in pairs if name == key), None)


@dataclass(slots=True, kw_only=True)
class _Node:
    """A part of a YAML text."""

    kind: str
    """``text``, ``list``, ``mapping`` or ``alias``."""
    line: int
    text: str = ""
    plain: bool = False
    """Whether a text stands without quotes."""
    tag: str | None = None
    span: tuple[int, int] = (0, 0)
    """Where a text starts and ends."""
    inner: list[_Node] = field(default_factory=list)
    """The items of a list; the keys and values of a mapping, by turns."""

    def pairs(self) -> list[tuple[str, _Node, _Node]]:
        """Give a mapping's keys with the nodes of key and value.

        Raises:
            ScalarError: a key is no text, or is given twice.
        """
        found: dict[str, tuple[str, _Node, _Node]] = {}
        for key, value in zip(self.inner[::2], self.inner[1::2], strict=True):
            if key.kind != "text":
                message = "a key of a mapping is no text; put it in quotes"
                raise ScalarError(key.line, message)
            if key.text in found:
                message = f"the key {shorten(key.text)!r} is given twice; keep one"
                raise ScalarError(key.line, message)
            found[key.text] = (key.text, key, value)
        return list(found.values())


def _entries(
    node: _Node,
    first_line: int,
    problems: Problems,
    keys: Container[str] | None = None,
) -> dict[str, Entry]:
    """Read a mapping's values with their lines."""
    if node.kind != "mapping":
        message = f"{got(_value(node))}; expected a YAML mapping of keys to values"
        raise ScalarError(node.line, message)
    entries = {}
    for name, key, value in node.pairs():
        if keys is not None and name not in keys:
            continue
        line = first_line + key.line
        try:
            entries[name] = Entry(value=_value(value), line=line)
        except ScalarError as error:
            problems.add(first_line + error.line, f"{shorten(name)}: {error}")
            entries[name] = Entry(value=None, line=line, broken=True)
    return entries


def _value(node: _Node) -> Value:
    """Turn a node into a value; an alias could make it explode."""
    if node.kind == "alias":
        message = "YAML aliases (*name) are not supported; write it out"
        raise ScalarError(node.line, message)
    if node.tag is not None:
        message = (
            f"YAML tags are not supported, got {shorten(node.tag)!r}; leave it out"
        )
        raise ScalarError(node.line, message)
    if node.kind == "text":
        return _plain(node.text, node.line, _YAML_ONLY) if node.plain else node.text
    if node.kind == "list":
        return [_value(item) for item in node.inner]
    return {name: _value(value) for name, _, value in node.pairs()}


def _plain(text: str, line: int, extra: dict[str, Value] | None = None) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if extra and text in extra:
        return extra[text]
    if text[:1] not in _NUMBER_STARTS or not _NUMBER.fullmatch(text):
        return text
    try:
        return read_json(text)
    except ValueTextError:
        message = (
            f"the number {shorten(text)} is too large; put it in quotes to keep it"
        )
        raise ScalarError(line, message) from None


def _read_node(text: str) -> _Node | None:
    """Read a YAML text, or ``None`` if it is empty.

    libyaml's own tree builder overflows the stack of the process on deep nesting; its
    events don't nest. Events and errors are told by the names of their classes: a test
    of a plugin may have imported yaml anew, and libyaml still uses the old ones.
    """
    import yaml  # only once a case needs it

    # YAML breaks lines at U+2028 too; a file's lines are counted without.
    breaks = [found.start() for found in re.finditer("\n", text)]
    top = _Node(kind="list", line=0)
    try:
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _build(top, yaml.parse(text, Loader=loader), breaks)
    except Exception as error:
        names = {kind.__name__ for kind in type(error).__mro__}
        if names.isdisjoint(("YAMLError", "UnicodeEncodeError")):
            raise
        message = f"not YAML: {getattr(error, 'problem', None) or shorten(str(error))}"
        mark = getattr(error, "problem_mark", None)
        raise ScalarError(_line(mark, breaks), message) from None
    if len(top.inner) > 1:
        message = "a second YAML document starts here; expected one, without '---'"
        raise ScalarError(top.inner[1].line, message)
    return top.inner[0] if top.inner else None


def _build(top: _Node, events: Iterable[_Event], breaks: list[int]) -> None:
    path = [top]
    for event in events:
        kind = type(event).__name__
        if kind in ("SequenceEndEvent", "MappingEndEvent"):
            path.pop()
        if kind not in _KINDS:
            continue
        node = _node(event, _KINDS[kind], _line(event.start_mark, breaks))
        path[-1].inner.append(node)
        if node.kind in ("list", "mapping"):
            path.append(node)
        if len(path) > MAX_DEPTH:
            raise ScalarError(node.line, f"nested deeper than {MAX_DEPTH} levels")


def _node(event: _Event, kind: str, line: int) -> _Node:
    if kind == "text":
        plain, tag = not event.style, event.tag
        return _Node(
            kind=kind,
            line=line,
            text=event.value,
            plain=plain,
            tag=tag,
            span=(event.start_mark.index, event.end_mark.index),
        )
    return _Node(kind=kind, line=line, tag=getattr(event, "tag", None))


def _line(mark: Mark | CMark | None, breaks: list[int]) -> int:
    return bisect_left(breaks, mark.index) if mark else 0
