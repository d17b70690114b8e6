"""How a measure that failed reads; pure."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from pytest_evalmd.case.model import Compare, Measure
from pytest_evalmd.case.problems import shorten

LONG_LINE = 100
"""Results longer than this, in characters, are shown as a diff of their items."""
CONTEXT_LINES = 2


_PHRASES: dict[Compare, str] = {
    "exact": "{computed} differs from the recorded {recorded}",
    "unordered": "{computed} differs from the recorded {recorded} in any order",
    "subset": "{computed} is no subset of the recorded {recorded}",
    "superset": "{computed} lacks some of the recorded {recorded}",
    "overlap": "{computed} shares less than {threshold:g} with the recorded {recorded}",
    "within": "{computed} is not within {tolerance:g} of the recorded {recorded}",
    "pattern": "{computed} does not match the recorded pattern {recorded}",
    "any-of": "{computed} is none of the recorded {recorded}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a person needs to know of a measure that failed."""

    measure_id: str
    description: str
    problem: str
    """One line."""
    place: str
    """``path:line``."""
    details: tuple[str, ...] = ()
    reason: str = ""
    """The judge's."""
    next_step: str = ""

    def text(self) -> str:
        """Say it all; lines that start with ``-`` and ``+`` are a diff."""
        parts = [f"{self.measure_id}: {self.description}", "", *self.details]
        if self.reason:
            parts += ["", f"the judge's reason: {self.reason}"]
        parts += ["", f"{self.place}: {self.problem}"]
        if self.next_step:
            parts.append(self.next_step)
        return "\n".join(parts)


def problem(measure: Measure, recorded: str, computed: str) -> str:
    """Say on one line how an output fails its recorded result."""
    if not recorded.strip():
        return f"no result is recorded; computed {shorten(computed)}"
    return _PHRASES[measure.compare].format(
        computed=shorten(computed),
        recorded=shorten(recorded),
        threshold=measure.threshold,
        tolerance=measure.tolerance,
    )


def diff(recorded: str, computed: str) -> tuple[str, ...]:
    """Show what was recorded against what was computed, on as few lines as it takes."""
    if not recorded.strip():
        return ("- recorded: nothing", *f"+ computed: {computed}".split("\n"))
    if (
        max(len(recorded), len(computed)) <= LONG_LINE
        and "\n" not in recorded + computed
    ):
        return f"- recorded: {recorded}", f"+ computed: {computed}"
    from difflib import unified_diff  # only once something is long

    lines = unified_diff(
        _pieces(recorded),
        _pieces(computed),
        "recorded",
        "computed",
        lineterm="",
        n=CONTEXT_LINES,
    )
    return tuple(lines)


def accept_command(path: str, measure_id: str, mode: str) -> str:
    """Give the command that records the new result."""
    command = f"pytest {shlex.quote(f'{path}::{measure_id}')} --update-results"
    return command if mode == "auto" else f"{command} --evalmd-mode={mode}"


def _pieces(text: str) -> list[str]:
    """Split into lines, or a long line into its items."""
    if "\n" in text:
        return text.split("\n")
    return [piece.strip() for piece in text.split(",")]
