"""Texts of cases, and what is wrong with them, for the tests of the case core."""

from __future__ import annotations

import pytest

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.problems import CaseError

AI = ("id: m", "description: D", "type: ai", "prompt: P")
PROGRAMMATIC = ("id: m", "description: D", "type: programmatic", "input: answer")
FIRST = 8
"""The line of the first measure of ``case_text`` without frontmatter."""


def block(info, *lines):
    return "\n".join([f"```{info}", *lines, "```", ""])


def bullets(*measures):
    """Write measures, each a list of ``key: value`` lines, as measures-md."""
    return [
        line
        for measure in measures
        for line in ("* ---", *(f"  * {entry}" for entry in measure))
    ]


def case_text(*measures, front="", answer="A", tail=""):
    """Write a case; its first measure starts on line 8, its keys on line 9."""
    listed = block("measures-md", *bullets(*measures or (AI,)))
    return (
        front + block("query-text", "Q") + block("answer-text", answer) + listed + tail
    )


def yaml_text(*lines):
    """Write a case with measures-yaml, whose text starts on line 8."""
    listed = block("measures-yaml", *lines)
    return block("query-text", "Q") + block("answer-text", "A") + listed


def read(text):
    case = parse_case(text)
    assert case is not None
    return case


def measure(*lines, base=AI, front=""):
    """Read the one measure of a case, given its further keys."""
    return read(case_text((*base, *lines), front=front)).measures["m"]


def problems(text):
    """Give what is wrong with a text, as ``(line, message)``."""
    with pytest.raises(CaseError) as caught:
        parse_case(text)
    return [(problem.line, problem.message) for problem in caught.value.problems]


def problem(text):
    """Give the one thing that is wrong with a text."""
    found = problems(text)
    assert len(found) == 1, found
    return found[0]
