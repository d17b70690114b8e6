"""Texts of strangers in Markdown: shown as they are, with no effect; pure."""

from __future__ import annotations

import re

from pytest_evalmd.judge.request import visible

_BACKTICKS = re.compile("`+")
_ASCII_SIGN = re.compile(r"[!-/:-@\[-`{-~]")
_PLAIN = re.compile(
    r"""
    (?!\d+[.)])  # no list
    ["'(]?[^\W_]
    (?: [^\W_] | [^\x00-\x7f] | [.,;?!'"()/+-]
      | [ ](?![ ]|$)
      | %(?!%)  # Obsidian's comment
      | :(?=[ ]|$) | (?<=\d):(?=\d)
      | (?<=[^\W_])_(?=[^\W_])
    )*
    """,
    re.VERBOSE,
)
"""Words, in which no sign means anything: neither alone nor together."""
_LINKED = re.compile(r"\bwww\.|\bGH-\d", re.IGNORECASE)
"""What GitHub makes a link of."""
_RUN_BY_PLUGINS = re.compile(r"\s*\$?=")
"""Obsidian's Dataview runs code that begins so."""
_ZERO_WIDTH = "\u200b"


def code_span(line: str) -> str:
    """Put a line into backticks, where Markdown, links and mentions mean nothing."""
    shown = _disarmed(line) or " "
    pad = " " if "`" in (shown[0], shown[-1]) or _is_stripped(shown) else ""
    fence = "`" * (_longest_run(shown) + 1)
    return f"{fence}{pad}{shown}{pad}{fence}"


def code(text: str) -> str:
    """Show a text of any number of lines as code, also in a table."""
    return "<br>".join(map(_code_in_table, visible(text).split("\n")))


def words(text: str) -> str:
    """Show a text as words, also in a table; as code where a sign may mean more."""
    lines = visible(text).split("\n")
    return "<br>".join(
        line if _is_plain(line) else _code_in_table(line) for line in lines
    )


def fenced(text: str) -> str:
    """Show a text of any number of lines as a block that nothing in it can end."""
    shown = visible(text)
    fence = "`" * max(3, _longest_run(shown) + 1)
    return f"{fence}text\n{shown}\n{fence}"


def _is_plain(line: str) -> bool:
    known = _PLAIN.fullmatch(line) and line == line.strip()
    return bool(known) and not _LINKED.search(line)


def _code_in_table(line: str) -> str:
    """Show a line as code; a pipe would end a table's cell in backticks, too."""
    if "|" not in line:
        return code_span(line)
    signs = _ASCII_SIGN.sub(lambda sign: f"&#{ord(sign[0])};", _disarmed(line))
    return f"<code>{signs}</code>"


def _disarmed(line: str) -> str:
    return _ZERO_WIDTH + line if _RUN_BY_PLUGINS.match(line) else line


def _is_stripped(line: str) -> bool:
    """Tell whether code in backticks loses a blank at either end."""
    return line[0] == line[-1] == " " and bool(line.strip(" "))


def _longest_run(text: str) -> int:
    return max(map(len, _BACKTICKS.findall(text)), default=0)
