"""A comparison as Markdown for a pull request; nothing in it can break out; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from pytest_evalmd.case.problems import printable, shorten
from pytest_evalmd.report import words
from pytest_evalmd.report.escaping import code_span
from pytest_evalmd.verdict.changes import Difference, Fate
from pytest_evalmd.verdict.gate import Decision, p_value
from pytest_evalmd.verdict.paired import Comparison, Row
from pytest_evalmd.verdict.runs import RunHead

SHOWN = 100
"""Characters of an output; GitHub takes 65,536 in all."""

_OPEN: frozenset[Fate] = frozenset(("broke", "fails", "error"))


def write_markdown(
    heads: tuple[RunHead, RunHead], comparison: Comparison, decision: Decision
) -> str:
    """Write what became of a run, the decision first."""
    lines = [
        f"### evalmd compare: {'failed' if decision.failed else 'passed'}",
        "",
        *(f"- {code(reason)}" for reason in decision.reasons),
        "",
        f"**base** {code(words.describe(heads[0], comparison.base))}  ",
        f"**candidate** {code(words.describe(heads[1], comparison.candidate))}",
        "",
        *_rates(comparison),
        *_numbers(comparison.rows),
        *_differences(comparison.differences),
    ]
    return "\n".join(lines) + "\n"


def code(text: str) -> str:
    """Show a text as code, where Markdown, links and mentions mean nothing."""
    return code_span(printable(text))


def cell(text: str) -> str:
    """Show a text as code in a table, whose columns a pipe would end in code too."""
    return code(shorten(text, SHOWN).replace("|", "¦"))


def _rates(comparison: Comparison) -> Iterator[str]:
    yield "| measure | n | base % | candidate % | broke | healed | p | |"
    yield "|---|--:|--:|--:|--:|--:|--:|---|"
    for row in comparison.rows[: words.ROWS]:
        yield _rate(row, cell(row.measure))
    if len(comparison.rows) > words.ROWS:
        more = len(comparison.rows) - words.ROWS
        yield f"| … and {more} more measures | | | | | | | |"
    yield _rate(comparison.total, "**all**")
    yield from ("", *words.LEGEND)
    blind_spot = words.blind_spot(comparison.total)
    yield from (blind_spot, "") if blind_spot else ("",)


def _rate(row: Row, name: str) -> str:
    columns = (
        name,
        row.n,
        words.rate(row.base_passed, row.n, row.base_interval),
        words.rate(row.candidate_passed, row.n, row.candidate_interval),
        row.broke,
        row.healed,
        p_value(row.adjusted_p).replace("<", "&lt;") if row.n else "-",
        row.says(),
    )
    return f"| {' | '.join(map(str, columns))} |"


def _numbers(rows: Sequence[Row]) -> Iterator[str]:
    moved = [(row.measure, row.numbers) for row in rows if row.numbers]
    if not moved:
        return
    yield "| numbers | n | base | candidate | difference | |"
    yield "|---|--:|--:|--:|--:|---|"
    for measure, numbers in moved[: words.ROWS]:
        means = f"{numbers.base:.4g} | {numbers.candidate:.4g}"
        found = f"{words.shift(numbers)} | {words.moved(numbers)}"
        yield f"| {cell(measure)} | {numbers.n} | {means} | {found} |"
    if len(moved) > words.ROWS:
        yield f"| … and {len(moved) - words.ROWS} more measures | | | | | |"
    yield ""


def _differences(differences: Sequence[Difference]) -> Iterator[str]:
    for fate, group in groupby(differences, key=lambda found: found.fate):
        found = list(group)
        yield f"<details{' open' if fate in _OPEN else ''}>"
        yield f"<summary>{words.TITLES[fate]} ({len(found)})</summary>"
        yield ""
        for one in found[: words.LISTED]:
            yield from _difference(one)
        if len(found) > words.LISTED:
            yield f"- … and {len(found) - words.LISTED} more"
        yield from ("", "</details>", "")


def _difference(found: Difference) -> Iterator[str]:
    outputs = [shorten(text, SHOWN) for text in (found.base, found.candidate)]
    shown = " → ".join(code(text) if text else "nothing" for text in outputs)
    yield f"- {code(words.name_of(found))}" + (f": {shown}" if any(outputs) else "")
    for note in words.notes_of(found):
        yield f"  - {code(note)}"
