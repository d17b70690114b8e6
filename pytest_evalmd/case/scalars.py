"""The values behind a key: one set of rules for markdown lists and for YAML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

from pytest_evalmd.case.problems import got, shorten
from pytest_evalmd.case.values import MAX_DEPTH, Value, ValueTextError, read_json

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_YAML_ONLY: dict[str, Value] = {"": None, "~": None}

_Node: TypeAlias = Any
"""A ``yaml.Node``: its subclasses differ in a class attribute that stubs don't know."""


class ScalarError(ValueError):
    """A value that can't be read.

    Attributes:
        line: how many lines below the start of the text it stands, from 0.
    """

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value and where it stands."""

    value: Value
    line: int
    """In lines from the start of the text, from 0."""


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
        return read_yaml(text)
    return _plain(text, 0)


def read_yaml(text: str) -> Value:
    """Read YAML as JSON values: ``yes``, ``on`` and ``2024-01-01`` stay text.

    Raises:
        ScalarError: not YAML; or an alias, a tag, a key given twice, deep nesting.
    """
    node = _compose(text)
    return None if node is None else _Reader().value(node)


def read_yaml_mappings(text: str) -> Iterator[tuple[int, dict[str, Entry]]]:
    """Read a YAML list of mappings, one mapping at a time.

    Yields:
        the line of a mapping, from 0, and its entries.

    Raises:
        ScalarError: as ``read_yaml``, or it is no list of mappings.
    """
    node, reader = _compose(text), _Reader()
    if node is None or node.id != "sequence":
        message = "the measures are not a YAML list; expected '- id: ...' for each"
        raise ScalarError(0, message)
    for item in node.value:
        yield item.start_mark.line, read_entries(item, reader)


def read_yaml_mapping(text: str) -> dict[str, Entry]:
    """Read one YAML mapping, such as a frontmatter; empty text is an empty mapping.

    Raises:
        ScalarError: as ``read_yaml``, or it is no mapping.
    """
    node = _compose(text)
    return {} if node is None else read_entries(node, _Reader())


def read_entries(node: _Node, reader: _Reader) -> dict[str, Entry]:
    """Read a mapping's values with their lines."""
    line = node.start_mark.line
    if node.id != "mapping":
        message = (
            f"{got(reader.value(node))}; expected a YAML mapping of keys to values"
        )
        raise ScalarError(line, message)
    pairs = [(reader.key(key), key.start_mark.line, value) for key, value in node.value]
    _check_unique([(key, line) for key, line, _ in pairs])
    return {key: Entry(value=reader.value(v), line=line) for key, line, v in pairs}


class _Reader:
    """Turns YAML nodes into values, each node once: aliases could explode."""

    def __init__(self) -> None:
        self.seen: set[int] = set()

    def value(self, node: _Node, depth: int = 0) -> Value:
        line = node.start_mark.line
        if id(node) in self.seen:
            raise ScalarError(
                line, "YAML aliases (*name) are not supported; write it out"
            )
        self.seen.add(id(node))
        if depth > MAX_DEPTH:
            raise ScalarError(line, f"nested deeper than {MAX_DEPTH} levels")
        if node.id == "scalar":
            return node.value if node.style else _plain(node.value, line, _YAML_ONLY)
        if node.id == "sequence":
            return [self.value(item, depth + 1) for item in node.value]
        keys = [(self.key(key), key.start_mark.line) for key, _ in node.value]
        _check_unique(keys)
        values = [self.value(value, depth + 1) for _, value in node.value]
        return {key: value for (key, _), value in zip(keys, values, strict=True)}

    def key(self, node: _Node) -> str:
        if node.id != "scalar":
            raise ScalarError(node.start_mark.line, "a key must be a plain text")
        return str(node.value)


def _check_unique(keys: list[tuple[str, int]]) -> None:
    seen: set[str] = set()
    for key, line in keys:
        if key in seen:
            raise ScalarError(line, f"the key {key!r} is given twice; keep one")
        seen.add(key)


def _plain(text: str, line: int, extra: dict[str, Value] | None = None) -> Value:
    if text in _WORDS:
        return _WORDS[text]
    if extra and text in extra:
        return extra[text]
    if not _NUMBER.fullmatch(text):
        return text
    try:
        return read_json(text)
    except ValueTextError:
        message = (
            f"the number {shorten(text)} is too large; put it in quotes to keep it"
        )
        raise ScalarError(line, message) from None


def _compose(text: str) -> _Node | None:
    import yaml  # only once a case needs it

    try:
        node = yaml.compose(text, Loader=_loader())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise ScalarError(
            mark.line if mark else 0, f"not YAML: {error.problem}"
        ) from None
    except yaml.YAMLError as error:
        raise ScalarError(0, f"not YAML: {shorten(str(error))}") from None
    except (RecursionError, UnicodeEncodeError):
        raise ScalarError(0, "not YAML that can be read") from None
    return node


@cache
def _loader() -> Any:  # noqa: ANN401 - a loader class, with or without libyaml
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
