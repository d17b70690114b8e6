"""A comparison as JSON, for programs; pure (docs/runs.md)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from pytest_evalmd.case.values import write_json
from pytest_evalmd.verdict.changes import FATES, Side
from pytest_evalmd.verdict.gate import Decision
from pytest_evalmd.verdict.paired import Comparison, Row
from pytest_evalmd.verdict.runs import RunHead

FORMAT = "evalmd-comparison/1"


def write_plain(
    heads: tuple[RunHead, RunHead], comparison: Comparison, decision: Decision
) -> str:
    """Write everything that a comparison found."""
    plain: dict[str, Any] = {
        "format": FORMAT,
        "failed": decision.failed,
        "reasons": list(decision.reasons),
        "base": _side(heads[0], comparison.base),
        "candidate": _side(heads[1], comparison.candidate),
        "fates": {fate: comparison.fates.get(fate, 0) for fate in FATES},
        "all": _row(comparison.total),
        "measures": [_row(row) for row in comparison.rows],
        "differences": [asdict(found) for found in comparison.differences],
    }
    return write_json(plain, indent=1) + "\n"


def _side(head: RunHead, side: Side) -> dict[str, Any]:
    return {
        "date": head.date,
        "plugin": head.plugin,
        "outcomes": dict(sorted(side.outcomes.items())),
        "judges": sorted(side.judges),
        "answer_models": sorted(side.answerers),
    }


def _row(row: Row) -> dict[str, Any]:
    plain = asdict(row) | {"says": row.says(), "needed": row.needed}
    if row.numbers:
        plain["numbers"] |= {"moved": row.numbers.moved}
    return plain
