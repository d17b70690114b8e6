"""Markdown text -> the fenced blocks of a case, with exact positions.

Fences are found by markdown-it-py's block rules, not by a scanner of our own: a fence in
an HTML comment or inside a longer fence is not a block, and a hand-written scanner is
wrong about these in one document of six (docs/architecture.md).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from pytest_evalmd.case.model import Block
from pytest_evalmd.case.problems import Problems, nearest

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

QUERY = "query-text"
ANSWER = "answer-text"
MEASURES_MD = "measures-md"
MEASURES_YAML = "measures-yaml"
EVALUATION = "evaluation-yaml"
RESULT = "evaluation-result-text"
HUMAN = "human-result-text"
INFOS = (QUERY, ANSWER, MEASURES_MD, MEASURES_YAML, EVALUATION, RESULT, HUMAN)

# What CommonMark calls a line ending; str.splitlines knows more and would miscount.
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+")
_FRONTMATTER_END = re.compile(r"(?:---|\.\.\.)[ \t]*")
_ALMOST_OURS = re.compile(r"[a-z_-]+[-_](?:text|yaml|md)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A markdown text and where its blocks are."""

    lines: tuple[str, ...]
    """With their line ends; a byte order mark stays on the first."""
    frontmatter: str | None
    """The YAML between the ``---`` lines; it starts on line 2."""
    blocks: tuple[Block, ...]
    unclosed: bool
    """Whether a block of ours is not closed: it may have swallowed the others."""

    @property
    def is_case(self) -> bool:
        """Whether it holds a query and measures, or did before a fence got lost."""
        infos = {block.info for block in self.blocks}
        return self.unclosed or (
            QUERY in infos and bool({MEASURES_MD, MEASURES_YAML} & infos)
        )


def may_be_case(data: bytes) -> bool:
    """Tell cheaply whether a file is worth parsing."""
    return b"query-text" in data and b"measures-" in data


def read_document(text: str, problems: Problems) -> Document:
    """Find the blocks of a markdown text.

    A problem is noted for each fence that is not closed and for each info string that
    is almost one of ours.
    """
    lines = tuple(split_lines(text))
    bare = [line.rstrip("\r\n").removeprefix("\ufeff") for line in lines[:1]]
    bare += [line.rstrip("\r\n") for line in lines[1:]]
    end = _frontmatter_end(bare)
    frontmatter = "\n".join(bare[1 : end - 1]) if end else None
    source = "\n" * end + "\n".join(bare[end:]) + "\n"
    blocks, unclosed = _blocks(source, problems)
    return Document(
        lines=lines, frontmatter=frontmatter, blocks=tuple(blocks), unclosed=unclosed
    )


def split_lines(text: str) -> list[str]:
    """Split at line feeds and carriage returns only, keeping them."""
    return _LINE.findall(text)


def _frontmatter_end(lines: list[str]) -> int:
    """Count the lines of the frontmatter, its ``---`` lines included."""
    if not lines or lines[0].rstrip(" \t") != "---":
        return 0
    ends = (
        n for n, line in enumerate(lines[1:], 2) if _FRONTMATTER_END.fullmatch(line)
    )
    return next(ends, 0)


def _blocks(source: str, problems: Problems) -> tuple[list[Block], bool]:
    found: list[Block] = []
    unclosed = False
    for token in _block_rules().parse(source):
        if token.type != "fence" or token.map is None:
            continue
        first, end = token.map
        info = token.info.strip()
        # The map counts the fences' lines; without a closing fence there is one less.
        if token.content.count("\n") != end - first - 2:
            problems.add(first + 1, _not_closed(info, end))
            unclosed = unclosed or info in INFOS
        if info in INFOS:
            text = token.content.removesuffix("\n")
            found.append(Block(info=info, line=first + 1, end_line=end, text=text))
        elif _ALMOST_OURS.fullmatch(info) and (hint := nearest(info, INFOS)):
            problems.add(first + 1, f"unknown block {info!r}{hint}")
    return found, unclosed


def _not_closed(info: str, end: int) -> str:
    what = f"the fence of {info!r}" if info else "a fence"
    return (
        f"{what} is not closed before line {end + 1}; close it with the same character, "
        "at least as long, behind the same '>' prefix (where the text itself holds a "
        "fence, make the outer fences longer)"
    )


@cache
def _block_rules() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only once there is something to parse

    parser = MarkdownIt("commonmark")
    parser.core.ruler.enableOnly(["normalize", "block"])
    return parser
