"""What the end of a run says of its outcomes, beside pytest's own summary; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from pytest_evalmd.case.problems import printable
from pytest_evalmd.failure import shown_votes
from pytest_evalmd.outcome import Outcome


def sections(
    outcomes: Iterable[tuple[str, Outcome]],
) -> Iterator[tuple[str, list[str]]]:
    """Give the sections, a title and lines each; those with nothing to say are left out.

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
    by_model: dict[str, list[Outcome]] = {}
    for _, outcome in found:
        if outcome.answer:
            by_model.setdefault(outcome.answer.model, []).append(outcome)
    if by_model:
        yield "new answers", [_line(*one) for one in by_model.items()]


def _line(model: str, outcomes: list[Outcome]) -> str:
    """Count what became of a model's answers, regressions and drift apart."""
    kinds = Counter(outcome.kind for outcome in outcomes)
    changed = Counter(one.attribution for one in outcomes if one.kind == "failed")
    counts = {
        "as recorded": kinds["passed"],
        "updated": kinds["updated"],
        "moved because the answer changed": changed["answer"],
        "because the judge drifted": changed["judge"],
        "because both did": changed["both"],
        "for a reason that can't be told": changed[None],
        "not recorded": kinds["unrecorded"],
    }
    shown = [f"{count} {what}" for what, count in counts.items() if count]
    return printable(f"{model}: {', '.join(shown)}")
