"""A comparison as it reads in a terminal of 80 columns; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from pytest_evalmd.case.problems import printable, shorten
from pytest_evalmd.report import words
from pytest_evalmd.verdict.changes import Difference
from pytest_evalmd.verdict.gate import Decision, p_value
from pytest_evalmd.verdict.paired import Comparison, Row
from pytest_evalmd.verdict.runs import RunHead

WIDTH = 79
_NAME = 20
_INDENT = "    "


def write_terminal(
    heads: tuple[RunHead, RunHead], comparison: Comparison, decision: Decision
) -> str:
    """Write what became of a run, the decision last."""
    lines = [
        f"base       {words.describe(heads[0], comparison.base)}",
        f"candidate  {words.describe(heads[1], comparison.candidate)}",
        *_differences(comparison.differences),
        *_rates(comparison),
        *_numbers(comparison.rows),
        "",
        f"gate: {'FAILED' if decision.failed else 'passed'}",
        *(line for reason in decision.reasons for line in _wrapped(reason)),
    ]
    return "\n".join(lines) + "\n"


def _differences(differences: Sequence[Difference]) -> Iterator[str]:
    for fate, group in groupby(differences, key=lambda found: found.fate):
        found = list(group)
        yield from ("", f"{words.TITLES[fate]} ({len(found)})")
        for one in found[: words.LISTED]:
            yield f"  {words.name_of(one)}"
            yield from _outputs(one)
            for note in words.notes_of(one):
                yield from _wrapped(note)
        if len(found) > words.LISTED:
            yield f"  … and {len(found) - words.LISTED} more (--format json lists all)"


def _outputs(found: Difference) -> Iterator[str]:
    both = [printable(text) for text in (found.base, found.candidate)]
    line = f"{_INDENT}{both[0]} -> {both[1]}"
    if all(both) and len(line) <= WIDTH:
        yield line
        return
    for sign, text in zip("-+", both, strict=True):
        if text:
            yield f"{_INDENT}{sign} {shorten(text, WIDTH - 6)}"


def _rates(comparison: Comparison) -> Iterator[str]:
    yield ""
    head = ("measure", "n", "base %", "candidate %", "broke", "healed", "p")
    yield _line(*head)
    for row in comparison.rows[: words.ROWS]:
        yield from _rate(row, row.measure)
    if len(comparison.rows) > words.ROWS:
        yield f"… and {len(comparison.rows) - words.ROWS} more measures"
    yield from _rate(comparison.total, "(all)")
    blind_spot = words.blind_spot(comparison.total)
    yield from words.LEGEND
    if blind_spot:
        yield blind_spot


def _rate(row: Row, name: str) -> Iterator[str]:
    yield _line(
        name,
        row.n,
        words.rate(row.base_passed, row.n, row.base_interval),
        words.rate(row.candidate_passed, row.n, row.candidate_interval),
        row.broke,
        row.healed,
        p_value(row.adjusted_p) if row.n else "-",
    )
    if (says := row.says()) != "no worse":
        yield f"{_INDENT}{says}"


def _line(name: str, *columns: object) -> str:
    n, base, candidate, broke, healed, p = columns
    shown = shorten(printable(name), _NAME)
    return (
        f"{shown:<{_NAME}} {n:>6}  {base:>13}  {candidate:>13} {broke:>6} {healed:>6} "
        f"{p:>6}"
    )


def _numbers(rows: Sequence[Row]) -> Iterator[str]:
    moved = [(row.measure, row.numbers) for row in rows if row.numbers]
    if moved:
        head = ("numbers", "n", "base", "candidate", "difference (95 % interval)")
        yield from ("", _number_line(*head))
    for measure, numbers in moved[: words.ROWS]:
        means = f"{numbers.base:.4g}", f"{numbers.candidate:.4g}"
        yield _number_line(measure, numbers.n, *means, words.shift(numbers))
        yield f"{_INDENT}{words.moved(numbers)}"
    if len(moved) > words.ROWS:
        yield f"… and {len(moved) - words.ROWS} more measures"


def _number_line(
    name: str, n: object, base: str, candidate: str, difference: str
) -> str:
    shown = shorten(printable(name), _NAME)
    return f"{shown:<{_NAME}} {n:>6} {base:>10} {candidate:>10}  {difference}"


def _wrapped(text: str) -> list[str]:
    shown = printable(text)
    return wrap(shown, WIDTH, initial_indent=_INDENT, subsequent_indent=_INDENT)
