"""An answer's markdown -> HTML that can do nothing but be read; pure.

An answer is hostile input: no HTML of its own, no image, no address but http and https.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_evalmd.judge.request import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

LONGEST = 100_000
"""Characters of an answer that are shown; a model may be made to write without end."""
_SAFE = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_BELOW = 3
"""An answer's headings stand so far below the report's own."""
_DEEPEST = 6


def answer_html(text: str) -> str:
    """Render an answer; hidden characters are shown as their code points."""
    parser = _parser()
    tokens = parser.parse(visible(text[:LONGEST]))
    _tame(tokens)
    html: str = parser.renderer.render(tokens, parser.options, {})
    return html


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only once a report is written

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    parser.validateLink = lambda url: bool(_SAFE.match(url))  # type: ignore[method-assign]
    return parser


def _tame(tokens: Iterable[Token]) -> None:
    """Take from tokens what the page's policy forbids, or what would leave the page."""
    for token in tokens:
        _tame(token.children or ())
        if token.type == "link_open":
            href = token.attrs["href"]
            rel = "noopener noreferrer"
            token.attrs = {"href": href, "target": "_blank", "rel": rel}
        elif token.type == "image":
            token.type, token.content = "text", f"[image: {token.content}]"
        elif token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(_DEEPEST, int(token.tag[1:]) + _BELOW)}"
        elif token.type in ("th_open", "td_open"):
            align = str(token.attrs.get("style", "")).removeprefix("text-align:")
            token.attrs = {"class": align} if align else {}
        elif token.type == "fence":
            token.info = ""
