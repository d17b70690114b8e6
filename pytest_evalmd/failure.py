"""How a measure that failed reads; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pytest_evalmd.case.model import Compare, Measure
from pytest_evalmd.case.problems import SHOWN_CHARACTERS, printable, shorten

LONG_LINE = 100
"""Results longer than this, in characters, are shown as a diff of their items."""
CONTEXT_LINES = 2
SHOWN_ALIKE = 20
"""How many characters to show before the first that differs."""
DIFFED_LINES = 1000
"""difflib takes minutes for some tens of thousands."""
SHOWN_LINES = 100
SHOWN_WIDTH = 1000
SHOWN_VOTE = 60

_PHRASES: dict[Compare, str] = {
    "exact": "{computed} differs from the recorded {recorded}",
    "unordered": "{computed} differs from the recorded {recorded}, order aside",
    "subset": "{computed} is no subset of the recorded {recorded}",
    "superset": "{computed} lacks some of the recorded {recorded}",
    "overlap": "{computed} overlaps the recorded {recorded} by less than {threshold:g}",
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
    path: str
    line: int
    """Where the recorded result stands; the measure, if it could not be computed."""
    details: tuple[str, ...] = ()
    attribution: str = ""
    """Whether a new answer or the judge changed."""
    votes: str = ""
    """What asking again came to."""
    undecided: str = ""
    """Why it was not asked more often, if it should have been."""
    reason: str = ""
    """The judge's."""
    provenance: str = ""
    """How the recorded result came about."""
    next_step: str = ""

    def text(self) -> str:
        """Say it all; lines that start with ``-`` and ``+`` are a diff."""
        parts = [f"{self.measure_id}: {self.description}"]
        if self.details:
            parts += ["", *self.details]
        if self.attribution:
            parts += ["", self.attribution]
        if self.votes:
            parts += ["", self.votes]
        if self.undecided:
            parts += ["", f"not asked again: {self.undecided}"]
        if self.reason:
            parts += ["", f"the judge's reason: {self.reason}"]
        if self.provenance:
            parts += ["", self.provenance]
        parts += ["", self.brief()]
        if self.next_step:
            parts.append(self.next_step)
        return "\n".join(map(printable, "\n".join(parts).split("\n")))

    def brief(self) -> str:
        """Say it on one line."""
        return printable(f"{self.path}:{self.line}: {self.problem}")


def problem(measure: Measure, recorded: str, computed: str) -> str:
    """Say on one line how an output fails its recorded result."""
    if not recorded.strip():
        return f"no result is recorded; computed {shorten(computed)}"
    start = _start(recorded, computed) if measure.compare == "exact" else 0
    shown = [_from(start, text) for text in (recorded, computed)]
    phrase = _PHRASES[measure.compare].format(
        recorded=shown[0],
        computed=shown[1],
        threshold=measure.threshold,
        tolerance=measure.tolerance,
    )
    return f"{phrase} (white space differs)" if shown[0] == shown[1] else phrase


def _start(left: str, right: str) -> int:
    """Find where to start to show how two texts differ: 0 if that fits anyway."""
    if max(len(left), len(right)) <= SHOWN_CHARACTERS:
        return 0
    return max(0, _alike(left, right) - SHOWN_ALIKE)


def _alike(left: Sequence[str], right: Sequence[str]) -> int:
    """Count what two texts or lists have in common at their start."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(left), len(right)))


def _from(start: int, text: str) -> str:
    return shorten(f"…{text[start:]}" if start else text)


def diff(recorded: str, computed: str) -> tuple[str, ...]:
    """Show what was recorded against what was computed, on as few lines as it takes."""
    if not recorded.strip():
        first, *others = computed.split("\n")
        added = [f"+ computed: {first}", *(f"+ {line}" for line in others)]
        return ("- recorded: nothing", *_cut(added))
    short = max(len(recorded), len(computed)) <= LONG_LINE
    if short and "\n" not in recorded + computed:
        return f"- recorded: {recorded}", f"+ computed: {computed}"
    from difflib import unified_diff  # only once something is long

    left, right = _pieces(recorded), _pieces(computed)
    if max(len(left), len(right)) > DIFFED_LINES:
        start = max(0, _alike(left, right) - CONTEXT_LINES)
        left, right = (lines[start : start + DIFFED_LINES] for lines in (left, right))
        names = (f"recorded from line {start + 1}", f"computed from line {start + 1}")
    else:
        names = ("recorded", "computed")
    lines = unified_diff(left, right, *names, lineterm="", n=CONTEXT_LINES)
    return tuple(_cut(lines))


def _cut(lines: Iterable[str]) -> Iterator[str]:
    """Leave out what nobody would read in a terminal."""
    for number, line in enumerate(lines):
        if number == SHOWN_LINES:
            yield "… (more lines differ)"
            return
        yield line if len(line) <= SHOWN_WIDTH else f"{line[:SHOWN_WIDTH]}…"


def shown_votes(votes: Iterable[str]) -> str:
    """Show votes on one line."""
    return " · ".join(shorten(vote, SHOWN_VOTE) for vote in votes)


def votes_line(votes: Sequence[str], agreeing: Sequence[bool], limit: int) -> str:
    """Say what asking again came to; empty if it was asked once."""
    if len(votes) < 2:
        return ""
    shown = shown_votes(votes)
    agree = f"{sum(agreeing)} of {len(votes)} agree with the recorded result"
    return f"votes: {shown}; {agree} (best of {limit})"


def accept_command(
    target: str, mode: str, judge_model: str | None, answer_model: str = ""
) -> str:
    """Give the command that records the new result, computed as in this run."""
    words = ["pytest", target, "--update-results"]
    words += [f"--evalmd-mode={mode}"] if mode in ("off", "replay") else []
    words += [f"--judge-model={judge_model}"] if judge_model else []
    words += [f"--answer-model={answer_model}"] if answer_model else []
    return shlex.join(words)


def _pieces(text: str) -> list[str]:
    """Split into lines, or a long line into its items."""
    if "\n" in text:
        return text.split("\n")
    return [piece.strip() for piece in text.split(",")]
