"""A frontmatter's ``model`` set in a case's text, not one byte else changed; pure."""

from __future__ import annotations

import json
import re

from pytest_evalmd.case.blocks import split_lines
from pytest_evalmd.case.scalars import ScalarError, read_yaml, value_span

_BOM = "\ufeff"
_PLAIN = re.compile(r"[A-Za-z0-9](?:[\w./@+:-]*[\w+-])?", re.ASCII)


def with_model(text: str, end: int, model: str) -> str:
    """Set the model: in place of the old value, in a new line, or in a new frontmatter.

    Args:
        text: the case file.
        end: the line that closes its frontmatter, from 1; 0 if there is none.
        model: the new value.
    """
    lines = split_lines(text)
    eol = lines[0][len(lines[0].rstrip("\r\n")) :]
    if not end:
        mark = _BOM if text.startswith(_BOM) else ""
        front = f"---{eol}model: {_scalar(model)}{eol}---{eol}"
        return mark + front + text.removeprefix(mark)
    front = "".join(lines[1 : end - 1])
    return "".join([lines[0], _set(front, model, eol), *lines[end - 1 :]])


def _set(front: str, model: str, eol: str) -> str:
    span = value_span(front, "model")
    if span is None:
        return f"{front}model: {_scalar(model)}{eol}"
    start, end = span
    end = start + len(front[start:end].rstrip())
    gap = " " if front[start - 1] == ":" else ""
    return front[:start] + gap + _scalar(model) + front[end:]


def _scalar(text: str) -> str:
    """Write a text as YAML, in quotes where it needs them."""
    try:
        if _PLAIN.fullmatch(text) and read_yaml(text) == text:
            return text
    except ScalarError:
        pass  # a number too large to be one
    return json.dumps(text, ensure_ascii=False)
