"""Measures whose worker died: they have no outcome, and are errors of the run."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_evalmd.case.model import Case
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.verdict.runs import RunResult

CRASH = "???"
"""When xdist's report of a crash says that it happened."""


def crashed_result(rootpath: Path, report: pytest.TestReport) -> RunResult | None:
    """Give the result of a measure whose worker died while it ran.

    A run file without it would pass a comparison. All that the controller knows is the
    node id, so the case is read again.

    Returns:
        an error; ``None`` of any other report.
    """
    name, _, item = report.nodeid.partition("::")
    if report.when != CRASH or not name.endswith(".md"):
        return None
    case = _read(rootpath / name)
    item = item.partition("@")[0]  # what --dist=loadgroup adds
    measure_id, _, variant = item.partition("[")
    if case is None or measure_id not in case.measures:
        return None
    return RunResult(
        case=name,
        measure=measure_id,
        variant=variant.removesuffix("]"),
        type=case.measures[measure_id].type,
        outcome="error",
        recorded_text=case.result_text(measure_id),
        problem="the worker crashed while running it",
        tags=case.tags,
    )


def _read(path: Path) -> Case | None:
    try:
        return parse_case(decode(path.read_bytes()))
    except (OSError, CaseError):
        return None
