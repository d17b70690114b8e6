"""What the end of a run says of its outcomes, beside pytest's own summary; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_evalmd.case.problems import printable
from pytest_evalmd.failure import shown_votes
from pytest_evalmd.outcome import Outcome


def sections(
    outcomes: Iterable[tuple[str, Outcome]],
) -> Iterator[tuple[str, list[str]]]:
    """Give the sections, a title and lines each; those that have nothing to say are left out.

    Args:
        outcomes: with their node ids, in order.
    """
    found = list(outcomes)
    stood = [
        printable(f"{node_id}: {shown_votes(outcome.votes)}")
        for node_id, outcome in found
        if outcome.kind == "passed" and outcome.votes
    ]
    if stood:
        yield "results that differed at first and stood by a vote", stood
