"""Documents made worse: a valid one, and a few changes that people and machines make."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from hypothesis import strategies as st

SNIPPETS = (
    *("```", "````", "~~~", "```query-text", "```measures-md", "```measures-yaml"),
    *(
        "```evaluation-yaml",
        "```evaluation-result-text",
        "```answer-text",
        "---",
        "...",
    ),
    *("***", "* ---", "- id: a", "  * id: named", "  * input: [count]", "  * type: ai"),
    *(
        "  * logic: |",
        "  * range: 5..1",
        "  * samples: 1e999",
        "tags: [a, *b]",
        "# Query",
    ),
    *(
        "  * schema: {$ref: '#'}",
        "  * params.x: &a [*a]",
        "# Measures",
        "placeholders:",
    ),
    *("> ", ">", "> > ", "    ", "\t", "1. ", "- ", "<!--", "-->", "<pre>", "\\", "|"),
    *(
        "{{",
        "}}",
        "{{a}}",
        "{{ }}",
        '"',
        "'",
        '\\"',
        "[",
        "]",
        "{",
        "}",
        ",",
        ":",
        "::",
    ),
    *("!!python/object:os.system", "*a", "&a", "<<: *a", "%YAML 1.2", "? a", "- - - -"),
    *(
        "null",
        "true",
        "NaN",
        "Infinity",
        "-Infinity",
        "-0",
        "1e400",
        "9" * 5000,
        "0x10",
    ),
    *("\0", "\ufeff", "\u2028", "\x85", "\r", "\r\n", "\x1b[2J", "\u202e", "\ud800"),
    *(
        "\u200b",
        "é",
        "e\u0301",
        "日本語",
        "🧪",
        "\ufffe",
        "\x7f",
        "\x0b",
        "\x0c",
        "\xa0",
    ),
    *('{"response": 1}', '"response":', "<think>", "</think>", "[" * 300, "{" * 300),
    *(
        '{"a":' * 250,
        "]" * 300,
        "> " * 150,
        "- " * 150,
        "`" * 500,
        "{{" * 200,
        "(" * 99,
    ),
    *(
        "evalmd-run/1",
        "evalmd-recordings/1",
        '"key"',
        '"results":',
        "\\ud83d",
        "\\u0000",
    ),
)
"""What hurts in one format or another."""

_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")
_NEW_NUMBERS = (
    "1e999",
    "-1",
    "0",
    "9" * 30,
    "1e-400",
    "NaN",
    "1.",
    "true",
    '"1"',
    "00",
)
_EOLS = ("\r\n", "\r", "\n\n", "\u2028", " \n", "\n> ", "\n\t")

Mutation = Callable[[str, int, int], str]


def _lines(change: Callable[[list[str], int, int], object]) -> Mutation:
    """Make a mutation of one that changes a list of lines in place."""

    def mutate(text: str, a: int, b: int) -> str:
        lines = text.split("\n")
        change(lines, a % len(lines), b)
        return "\n".join(lines)

    return mutate


def _at(text: str, a: int) -> int:
    return a % (len(text) + 1)


def _insert(text: str, a: int, b: int) -> str:
    at = _at(text, a)
    return text[:at] + SNIPPETS[b % len(SNIPPETS)] + text[at:]


def _cut(text: str, a: int, b: int) -> str:
    at = _at(text, a)
    return text[:at] + text[at + b % 40 :]


def _twice(text: str, a: int, b: int) -> str:
    at = _at(text, a)
    part = text[at : at + b % 60]
    return text[:at] + part * 3 + text[at:]


def _swap_words(text: str, a: int, b: int) -> str:
    words = list(_WORD.finditer(text))
    if not words:
        return text
    one, other = words[a % len(words)], words[b % len(words)]
    return text[: one.start()] + other[0] + text[one.end() :]


def _number(text: str, a: int, b: int) -> str:
    numbers = list(_NUMBER.finditer(text))
    if not numbers:
        return text
    one = numbers[a % len(numbers)]
    return text[: one.start()] + _NEW_NUMBERS[b % len(_NEW_NUMBERS)] + text[one.end() :]


MUTATIONS: Sequence[Mutation] = (
    _insert,
    _insert,
    _cut,
    _twice,
    _swap_words,
    _number,
    lambda text, a, b: text[: _at(text, a)],
    lambda text, a, b: text[_at(text, a) :],
    lambda text, a, b: text.replace("\n", _EOLS[b % len(_EOLS)]),
    lambda text, a, b: text.replace("> ", ("", ">", "> > ", "   ", "\t")[b % 5]),
    lambda text, a, b: text.replace("```", ("~~~", "````", "``", "`` `")[b % 4]),
    _lines(lambda lines, a, b: lines.pop(a)),
    _lines(lambda lines, a, b: lines.insert(b % len(lines), lines[a])),
    _lines(lambda lines, a, b: lines.insert(a, SNIPPETS[b % len(SNIPPETS)])),
    _lines(lambda lines, a, b: lines.__setitem__(a, SNIPPETS[b % len(SNIPPETS)])),
    _lines(lambda lines, a, b: lines.__setitem__(a, " " * (b % 9) + lines[a])),
    _lines(lambda lines, a, b: lines.__setitem__(a, lines[a].lstrip("> *-"))),
    _lines(lambda lines, a, b: lines.__setitem__(slice(a, a + b % 9), [])),
    _lines(lambda lines, a, b: lines.reverse() if b % 9 == 0 else lines.sort()),
)

PLACES = st.integers(0, 2**16)


@st.composite
def mutated(draw: st.DrawFn, seeds: Sequence[str]) -> str:
    """Draw a seed with up to five changes, or with another one's end."""
    text = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 5))):
        mutation = draw(st.sampled_from(MUTATIONS))
        text = mutation(text, draw(PLACES), draw(PLACES))
    if draw(st.booleans()):
        other = draw(st.sampled_from(seeds))
        text = text[: _at(text, draw(PLACES))] + other[_at(other, draw(PLACES)) :]
    return text
