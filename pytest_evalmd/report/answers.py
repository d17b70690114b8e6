"""An answer's markdown -> HTML that can do nothing but be read; pure.

An answer is hostile input: no HTML of its own, no image, no address but http and https.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_evalmd.judge.request import visible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

LONGEST = 100_000
"""Characters of an answer that are shown; a model may be made to write without end."""
_SAFE = re.compile(r"https?://[^\s/]", re.IGNORECASE)
_BELOW = 3
"""An answer's headings stand below the report's own."""
_DEEPEST = 6


def answer_html(text: str) -> str:
    """Render an answer; hidden characters are shown as their code points."""
    html: str = _parser().render(visible(text[:LONGEST]))
    return html


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt  # only once a report is written

    parser = MarkdownIt("commonmark", {"html": False})
    parser.enable(["table", "strikethrough"])
    parser.validateLink = _is_safe  # type: ignore[method-assign]
    for name, rule in (
        ("link_open", _link),
        ("image", _image),
        ("heading_open", _heading),
        ("heading_close", _heading),
        ("th_open", _cell),
        ("td_open", _cell),
        ("fence", _code),
        ("code_block", _code),
    ):
        parser.add_render_rule(name, rule)
    return parser


def _is_safe(url: str) -> bool:
    return bool(_SAFE.match(url))


def _link(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, *rest: Any
) -> str:
    token = tokens[place]
    token.attrs = {
        "href": token.attrs["href"],
        "target": "_blank",
        "rel": "noopener noreferrer",
    }
    return renderer.renderToken(tokens, place, *rest[:2])


def _image(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, *rest: Any
) -> str:
    from markdown_it.common.utils import escapeHtml

    shown = renderer.renderInlineAsText(tokens[place].children or [], *rest[:2])
    return f'<span class="image">[image: {escapeHtml(shown)}]</span>'


def _heading(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, *rest: Any
) -> str:
    token = tokens[place]
    token.tag = f"h{min(_DEEPEST, int(token.tag[1:]) + _BELOW)}"
    return renderer.renderToken(tokens, place, *rest[:2])


def _cell(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, *rest: Any
) -> str:
    token = tokens[place]
    # The page's policy allows no style but its own.
    align = str(token.attrs.pop("style", "")).removeprefix("text-align:")
    token.attrs = {"class": align} if align else {}
    return renderer.renderToken(tokens, place, *rest[:2])


def _code(
    renderer: RendererHTML, tokens: Sequence[Token], place: int, *rest: Any
) -> str:
    from markdown_it.common.utils import escapeHtml

    return f"<pre><code>{escapeHtml(tokens[place].content)}</code></pre>\n"
