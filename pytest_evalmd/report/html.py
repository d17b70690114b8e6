"""A report as one HTML file that needs nothing else and asks nobody; pure.

Whatever a case says is text: templates escape, answers are rendered without HTML of
their own, and the page's policy runs no script and fetches nothing but what is here.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.request import visible
from pytest_evalmd.report.answers import LONGEST, answer_html
from pytest_evalmd.report.document import Attribution, QuestionReport, Report, State
from pytest_evalmd.report.matrix import WORST_FIRST, tables_of
from pytest_evalmd.report.summary import summary_of
from pytest_evalmd.verdict.attribution import what_changed
from pytest_evalmd.verdict.stats import Interval

if TYPE_CHECKING:
    from jinja2 import Environment

LISTED = 8
"""How many results that differ, and how many measures, are shown before all others."""
LONGEST_TEXT = 20_000
"""Characters of any text but an answer that are shown."""
BUFFERED = 500
"""Parts of a page that are put together before they are written."""

SIGNS: Mapping[State, str] = {
    "passed": "✓",
    "updated": "↻",
    "recorded": "•",
    "failed": "✗",
    "error": "!",
    "blocked": "⊘",
    "unrecorded": "?",
    "unanswered": "…",
    "skipped": "-",
}
LABELS: Mapping[State, str] = {
    "passed": "As recorded",
    "updated": "Updated",
    "recorded": "Recorded",
    "failed": "Differs",
    "error": "Error",
    "blocked": "Blocked",
    "unrecorded": "Not recorded",
    "unanswered": "Not answered",
    "skipped": "Skipped",
}
BRIEFLY: Mapping[Attribution, str] = {
    "answer": "answer changed",
    "judge": "judge drifted",
    "both": "both changed",
}


def write_html(report: Report) -> Iterator[str]:
    """Write a report, piece by piece."""
    environment = _environment()
    styles, script = (_asset(environment, f"report.{kind}") for kind in ("css", "js"))
    page = environment.get_template("report.html").stream(
        report=report,
        summary=summary_of(report),
        tables=tables_of(report.questions),
        filters=_filters(report.questions),
        styles=styles,
        script=script,
        style_hash=_hash(styles),
        script_hash=_hash(script),
    )
    page.enable_buffering(BUFFERED)
    yield from page


def percent(share: float) -> str:
    """Write a share in per cent; only all of them are 100."""
    return str(
        round(min(99, max(1, 100 * share))) if 0 < share < 1 else int(100 * share)
    )


def _filters(questions: Iterable[QuestionReport]) -> dict[str, list[str]]:
    """Give what rows can be chosen by."""
    folders, tags, models, measures = set[str](), set[str](), set[str](), {}
    for question in questions:
        parts = question.folder.split("/") if question.folder else []
        folders.update("/".join(parts[: end + 1]) for end in range(len(parts)))
        tags.update(question.tags)
        for answer in question.answers:
            models.add(answer.model)
            measures.update(dict.fromkeys(one.measure for one in answer.measures))
    return {
        "folder": sorted(folders),
        "tag": sorted(tags),
        "model": sorted(models),
        "measure": list(measures),
    }


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("pytest_evalmd.report", "assets"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "LISTED": LISTED,
        "LONGEST": LONGEST,
        "SIGNS": SIGNS,
        "LABELS": LABELS,
        "what_changed": what_changed,
        "BRIEFLY": BRIEFLY,
        "STATES": WORST_FIRST,
        "answer_html": lambda text: Markup(answer_html(text)),
        "tokens": _tokens,
        "bounds": _bounds,
        "place": _place,
    }
    environment.filters |= {"percent": percent, "short": _short, "plain": _plain}
    return environment


def _finalize(value: object) -> object:
    """Show hidden characters of every text that is not HTML already."""
    return visible(value) if type(value) is str else value


def _asset(environment: Environment, name: str) -> str:
    """Read a style or script as a browser does, whose hash is of such lines."""
    loader = environment.loader
    assert loader is not None
    return loader.get_source(environment, name)[0].replace("\r\n", "\n")


def _hash(text: str) -> str:
    """Give what a page's policy knows a style or script by."""
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _tokens(usage: Usage) -> str:
    """Say what a measure took; empty if nobody counted."""
    counts = (
        (usage.asked, "asked"),
        (usage.answered, "answered"),
        (usage.cached, "cached"),
    )
    return ", ".join(f"{count:,} {name}" for count, name in counts if count)


def _short(text: str) -> str:
    """Cut a text that nobody would read to its end."""
    cut = len(text) - LONGEST_TEXT
    return text if cut <= 0 else f"{text[:LONGEST_TEXT]}… ({cut:,} more characters)"


def _plain(number: float) -> str:
    return f"{number:.3g}"


def _bounds(interval: Interval | None, ends: tuple[float, float]) -> Interval | None:
    """Keep an interval within what can be drawn."""
    low, high = ends
    return interval and Interval(max(low, interval.low), min(high, interval.high))


def _place(number: float, ends: tuple[float, float], width: int) -> str:
    """Give where a number is drawn, in pixels of a width, with room at both ends."""
    low, high = ends
    share = (number - low) / (high - low) if high > low else 0.5
    return f"{6 + share * (width - 12):.1f}"
