"""How a measure reads in a Markdown report; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.report.document import MeasureReport, State
from pytest_evalmd.report.escaping import code, fenced, words

IN_CELL = 400
"""Characters of a result that stand in a table; a longer one stands below it."""
LINES_IN_CELL = 10
_BEGINNING = 60

STATES: Mapping[State, str] = {
    "passed": "✅ passed",
    "updated": "✅ updated",
    "failed": "❌ failed",
    "unrecorded": "❔ not recorded",
    "error": "⚠️ error",
    "blocked": "⚠️ blocked",
    "recorded": "recorded",
    "skipped": "skipped",
    "unanswered": "not answered",
}
NOT_PASSED: frozenset[State] = frozenset(("failed", "unrecorded", "error", "blocked"))


def table(measures: Iterable[MeasureReport]) -> Iterator[str]:
    """Give a table of measures and results; what does not fit into it stands below."""
    rows, notes, long = [], [], []
    for measure in measures:
        name = name_of(measure)
        rows.append(row([name, result(measure), STATES[measure.state]]))
        if said := _notes(measure):
            notes.append(f"- **{name}** {'; '.join(said)}")
        for label, text in _texts(measure):
            if not _fits(text):
                long += [
                    "",
                    f"{name}{f', {label}' if label else ''}:",
                    "",
                    fenced(text),
                ]
    if rows:
        yield from ("", row(["measure", "result", "outcome"]), "|---|---|---|", *rows)
    if notes:
        yield from ("", *notes)
    yield from long


def row(cells: Iterable[str]) -> str:
    """Put cells into a row of a table."""
    return f"| {' | '.join(cells)} |"


def name_of(measure: MeasureReport) -> str:
    """Name a measure as people do."""
    name = words(measure.description or measure.measure)
    if measure.variant in ("", measure.model):
        return name
    return f"{name} {code(measure.variant)}"


def result(measure: MeasureReport) -> str:
    """Say what came out, and what else was, would be or should be."""
    shown = [words(measure.problem)] if measure.problem else []
    shown += [
        f"{label}: {_beginning(text)}" if label else _beginning(text)
        for label, text in _texts(measure)
    ]
    return "<br>".join(shown) or "-"


def _texts(measure: MeasureReport) -> Iterator[tuple[str, str]]:
    """Give the results there are, each with what it is; the first of all needs no word."""
    computed, recorded = measure.computed_text, measure.recorded_text
    if computed is not None:
        yield "", computed
    if recorded and recorded != computed:
        was_run = computed is not None or measure.problem
        yield "recorded" if was_run else "", recorded
    if measure.today_text is not None:
        yield "the recorded answer, judged today", measure.today_text
    if measure.human_text:
        yield "a person says", measure.human_text


def _fits(text: str) -> bool:
    return len(text) <= IN_CELL and text.count("\n") < LINES_IN_CELL


def _beginning(text: str) -> str:
    return code(text) if _fits(text) else f"{code(shorten(text, _BEGINNING))} (below)"


def _notes(measure: MeasureReport) -> list[str]:
    notes = []
    if measure.why:
        notes.append(measure.why)
    if measure.votes:
        votes = ", ".join(code(shorten(vote, _BEGINNING)) for vote in measure.votes)
        notes.append(f"asked {len(measure.votes)} times: {votes}")
    if measure.reason:
        judge = f" ({words(measure.judge_model)})" if measure.judge_model else ""
        notes.append(f"the judge's reason{judge}: {words(measure.reason)}")
    if measure.provenance:
        notes.append(words(measure.provenance))
    return notes
