"""The text of a config -> its name and the values of its placeholders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_evalmd.case.blocks import read_document
from pytest_evalmd.case.problems import CaseError, Problem, Problems, got, shorten
from pytest_evalmd.case.scalars import Entry, ScalarError, read_yaml_mapping
from pytest_evalmd.generate.names import name_problem

if TYPE_CHECKING:
    from yaml import Node

NAME, PLACEHOLDERS = "name", "placeholders"
_EXPECTED = "a list of texts and numbers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What the placeholders of templates stand for."""

    name: str
    """Good as the name of a folder."""
    line: int
    """Where the name stands, from 1."""
    values: Mapping[str, tuple[str, ...]]
    """The values of each placeholder, one at least, as they are written."""


def is_config(text: str, *, markdown: bool) -> bool:
    """Tell whether a text may be one: markdown without frontmatter is not."""
    return not markdown or read_document(text).frontmatter is not None


def read_config(text: str, *, markdown: bool) -> Config:
    """Read a config.

    Args:
        text: the file.
        markdown: whether it has to have frontmatter; YAML may have it, or be it.

    Raises:
        CaseError: it holds errors: all of them.
    """
    problems = Problems()
    source, first_line = _yaml(text, markdown, problems)
    try:
        entries = read_yaml_mapping(source, first_line, _Wanted(), problems)
    except ScalarError as error:
        problems.add(first_line + error.line, str(error))
        entries = {}
    if problems.found:
        raise CaseError(problems.found)
    nodes = _nodes(source, first_line)
    name, line = _name(entries, nodes, first_line, problems)
    values = _values(entries, nodes, first_line, problems)
    if problems.found:
        raise CaseError(problems.found)
    return Config(name=name, line=line, values=values)


class _Wanted:
    """Holds the keys that are ours."""

    def __contains__(self, key: object) -> bool:
        return key in (NAME, PLACEHOLDERS) or str(key).endswith("_name")


def _yaml(text: str, markdown: bool, problems: Problems) -> tuple[str, int]:
    """Give the YAML of a config and the line that it starts on."""
    frontmatter = read_document(text).frontmatter
    if frontmatter is not None:
        return frontmatter, 2
    if markdown:
        message = "no frontmatter; expected '---', 'name: ...', 'placeholders:', '---'"
        problems.add(1, message)
        return "", 1
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return text, 1


def _nodes(source: str, first_line: int) -> dict[str, Node]:
    """Give the values of a mapping as YAML nodes: these know how they are written.

    Raises:
        CaseError: an alias that nobody asked for leads nowhere.
    """
    import yaml  # only once there is something to parse

    # Its depth is bounded: it was read before.
    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
    try:
        node: Any = yaml.compose(source, loader)
    except yaml.YAMLError as error:
        message = f"not YAML: {shorten(str(error), 200)}"
        raise CaseError([Problem(line=first_line, message=message)]) from None
    return {key.value: value for key, value in node.value} if node else {}


def _name(
    entries: Mapping[str, Entry],
    nodes: Mapping[str, Node],
    first_line: int,
    problems: Problems,
) -> tuple[str, int]:
    keys = [key for key in entries if key == NAME]
    keys = keys or [key for key in entries if key != PLACEHOLDERS]
    if len(keys) != 1:
        message = f"got {shorten(' and '.join(keys))}" if keys else "no name"
        problems.add(
            entries[keys[1]].line if keys else first_line,
            f"{message}; expected 'name:' or a single key that ends in '_name'",
        )
        return "", first_line
    entry, node = entries[keys[0]], nodes[keys[0]]
    name = str(node.value).strip()
    if entry.value is None or isinstance(entry.value, list | dict):
        problems.add(entry.line, f"{keys[0]}: {got(entry.value)}; expected a text")
    elif problem := name_problem(name):
        problems.add(entry.line, f"{keys[0]}: {problem}")
    return name, entry.line


def _values(
    entries: Mapping[str, Entry],
    nodes: Mapping[str, Node],
    first_line: int,
    problems: Problems,
) -> dict[str, tuple[str, ...]]:
    entry = entries.get(PLACEHOLDERS)
    if entry is None:
        message = f"missing key {PLACEHOLDERS!r}; expected a mapping of names to lists"
        problems.add(first_line, message)
        return {}
    if not isinstance(entry.value, dict):
        message = f"{PLACEHOLDERS}: {got(entry.value)}; expected a mapping of names"
        problems.add(entry.line, f"{message} to lists of values")
        return {}
    found = {}
    written = {key.value: (key, node) for key, node in nodes[PLACEHOLDERS].value}
    for name, value in entry.value.items():
        key, node = written[name]
        line = first_line + key.start_mark.line
        if not isinstance(value, list) or not value:
            problems.add(line, f"{name}: {got(value)}; expected {_EXPECTED}")
            continue
        found[name.strip()] = tuple(inner.value for inner in node.value)
        for wrong in _wrong(value):
            problems.add(
                line, f"{name}: {got(wrong)} in the list; expected {_EXPECTED}"
            )
    return found


def _wrong(values: list[Any]) -> Iterator[object]:
    return (one for one in values if one is None or isinstance(one, list | dict))
