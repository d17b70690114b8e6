"""Markdown text -> the fenced blocks of a case, with exact positions.

Fences are found by markdown-it-py's block rules, not by a scanner of our own: a fence
in an HTML comment or inside a longer fence is not a block, and a hand-written scanner is
wrong about these in one document of six (docs/architecture.md).
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from pytest_evalmd.case.model import Block
from pytest_evalmd.case.problems import Problems, nearest, shorten

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

QUERY = "query-text"
ANSWER = "answer-text"
MEASURES_MD = "measures-md"
MEASURES_YAML = "measures-yaml"
EVALUATION = "evaluation-yaml"
RESULT = "evaluation-result-text"
HUMAN = "human-result-text"
INFOS = (QUERY, ANSWER, MEASURES_MD, MEASURES_YAML, EVALUATION, RESULT, HUMAN)

_FRONTMATTER_END = re.compile(r"(?:---|\.\.\.)[ \t]*[\r\n]*")
_OPENING = re.compile(r"[ \t>]*(`{3,}|~{3,})[ \t]*([a-z-]+)[ \t]*")
_LONGER = "where a text itself holds a fence, make the fences around it longer"
_MEASURES = "measures"
_ALMOST_OURS = re.compile(r"([a-z-]+)-(?:te?xt|ya?ml|md)")
_STEMS = tuple({info.rpartition("-")[0] for info in INFOS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A markdown text and where its blocks are."""

    lines: tuple[str, ...]
    """With their line ends; a byte order mark stays on the first."""
    frontmatter: str | None
    """The YAML between the ``---`` lines; it starts on line 2."""
    frontmatter_end: int
    """The line that closes it, from 1; 0 if there is none."""
    blocks: tuple[Block, ...]
    """Those of ours."""
    unknown: tuple[Block, ...]
    """Those whose info string is almost one of ours."""
    unclosed: tuple[Block, ...]
    """Those without a closing fence, ours or not: they may have swallowed others."""
    swallowed: tuple[Block, ...]
    """Those of ours that lie in a nameless block, their texts left out: its opening
    fence was meant to close another one."""
    cut: tuple[Block, ...]
    """Those of ours that a nameless block follows in the same quote: a fence in the
    text ended them, and the next one opened that block."""
    in_frontmatter: tuple[Block, ...]
    """Those of ours that lie in the frontmatter, their texts left out."""

    @property
    def is_case(self) -> bool:
        """Whether it holds a query and measures, or did before a fence got lost."""
        if any(block.info in INFOS for block in self.unclosed):
            return True
        hidden = (*self.swallowed, *self.in_frontmatter)
        meant = (*self.blocks, *self.unknown, *hidden)
        names = [_name(info) for info in {block.info for block in meant}]
        return QUERY in names and any(name.startswith(_MEASURES) for name in names)

    def note_problems(self, problems: Problems) -> None:
        """Note each fence that is not as it was meant."""
        for block in self.unclosed:
            problems.add(block.line, _not_closed(block))
        for block in self.swallowed:
            message = f"the block {block.info!r} is inside another one, since a fence"
            problems.add(block.line, f"{message} above it ended too early; {_LONGER}")
        for block in self.cut:
            message = f"the block {block.info!r} ends on line {block.end_line}, and in"
            problems.add(
                block.line,
                f"{message} the same quote a nameless one follows; {_LONGER}",
            )
        for block in self.in_frontmatter:
            message = f"the block {block.info!r} is inside the frontmatter, which '---'"
            problems.add(
                block.line, f"{message} on line 1 begins; write that rule as '***'"
            )
        for block in self.unknown:
            message = (
                f"unknown block {shorten(repr(block.info))}{nearest(block.info, INFOS)}"
            )
            problems.add(block.line, f"{message}; expected one of {', '.join(INFOS)}")


def may_be_case(data: bytes) -> bool:
    """Tell cheaply whether a file is worth parsing."""
    if b"\0" in data:  # UTF-16, which shall be an error and no silence
        data = data.replace(b"\0", b"")
    return QUERY.encode() in data and _MEASURES.encode() in data


def read_document(text: str) -> Document:
    """Find the blocks of a markdown text."""
    lines = tuple(split_lines(text))
    end = _frontmatter_end(lines)
    markdown = "\n" * end + "".join(lines[end:]) if end else text.removeprefix("\ufeff")
    # Without a line end the last fence would not count as closed.
    fences = _fences(markdown if markdown.endswith(("\r", "\n")) else f"{markdown}\n")
    others = [fence for fence in fences if fence.block.info not in INFOS]
    front = [line.rstrip("\r\n") for line in lines[1 : end - 1]]
    frontmatter = "\n".join(front) if end else None
    return Document(
        lines=lines,
        frontmatter=frontmatter,
        frontmatter_end=end,
        blocks=tuple(fence.block for fence in fences if fence.block.info in INFOS),
        unknown=tuple(one.block for one in others if _is_almost_ours(one.block.info)),
        unclosed=tuple(fence.block for fence in fences if not fence.closed),
        swallowed=tuple(
            block
            for fence in others
            if not fence.block.info
            for block in _ours_in(fence.block.text, fence.block.text_line, fence.marker)
        ),
        cut=tuple(
            one.block
            for one, following in pairwise(fences)
            if one.block.info in INFOS
            and not following.block.info
            and one.quote == following.quote != 0
        ),
        in_frontmatter=tuple(_ours_in(frontmatter or "", 2)),
    )


def split_lines(text: str) -> list[str]:
    """Split at line feeds and carriage returns only, keeping them.

    They are what CommonMark calls line endings; ``str.splitlines`` knows more.
    """
    return list(io.StringIO(text, newline=""))


def _frontmatter_end(lines: tuple[str, ...]) -> int:
    """Count the lines of the frontmatter, its ``---`` lines included."""
    if not lines or lines[0].removeprefix("\ufeff").rstrip(" \t\r\n") != "---":
        return 0
    ends = (
        n for n, line in enumerate(lines[1:], 2) if _FRONTMATTER_END.fullmatch(line)
    )
    return next(ends, 0)


class _Fence(NamedTuple):
    block: Block
    marker: str
    """The opening fence itself."""
    closed: bool
    quote: int
    """Tells quotes apart; 0 outside of any."""


def _ours_in(text: str, first_line: int, marker: str = "") -> Iterator[Block]:
    """Find the lines of a text that would open blocks of ours.

    Args:
        text: what is no markdown where it stands.
        first_line: the line of the file that it starts on.
        marker: what their fences have to start with: longer ones are quotations.
    """
    for line, fence in enumerate(text.split("\n"), first_line):
        match = _OPENING.fullmatch(fence)
        if match and match[1].startswith(marker) and match[2] in INFOS:
            yield Block(info=match[2], line=line, end_line=line, text="")


def block_tokens(source: str) -> list[Token]:
    """Read markdown by its block rules alone; the maps of tokens count lines from 0."""
    rules = _block_rules()
    tokens: list[Token] = []
    normal = source.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd")
    rules.block.parse(normal, rules, {}, tokens)
    return tokens


def _fences(source: str) -> list[_Fence]:
    found = []
    quotes = [0]
    for number, token in enumerate(block_tokens(source), 1):
        if token.type == "blockquote_open":
            quotes.append(number)
        elif token.type == "blockquote_close":
            quotes.pop()
        elif token.type == "fence" and token.map:
            first, end = token.map
            block = Block(
                info=sys.intern(token.info.strip()),  # a few words, again and again
                line=first + 1,
                end_line=end,
                text=token.content.removesuffix("\n"),
            )
            # The map counts the fences' lines; an unclosed one has one less.
            closed = token.content.count("\n") == end - first - 2
            found.append(_Fence(block, token.markup, closed, quotes[-1]))
    return found


def _is_almost_ours(info: str) -> bool:
    """Tell whether an info string that is not one of ours was meant as one."""
    name = _name(info)
    if name in INFOS or name.startswith(_MEASURES):
        return True
    match = _ALMOST_OURS.fullmatch(name)
    return bool(match and nearest(match[1], _STEMS, 0.75))


def _name(info: str) -> str:
    """Give what an info string says, written as ours are."""
    return "".join(info.split()[:1]).lower().replace("_", "-")


def _not_closed(block: Block) -> str:
    what = f"the fence of {shorten(repr(block.info))}" if block.info else "a fence"
    return (
        f"{what} is not closed before line {block.end_line + 1}; close it with the "
        f"same character, at least as long, behind the same '>' prefix; {_LONGER}"
    )


@cache
def _block_rules() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only once there is something to parse

    return MarkdownIt("commonmark")
