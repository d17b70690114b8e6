"""What pytest's report of an item says of its measure, also across xdist."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_evalmd.item import MeasureItem
from pytest_evalmd.longrepr import MeasureFailure
from pytest_evalmd.outcome import Kind, Outcome


def complete_report(
    item: MeasureItem, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    """Say in a report what became of the measure, also across xdist."""
    if call.when == "setup" and report.skipped and item.not_measured:
        # pytest would show the line of ours that skips.
        reason = f"Skipped: {item.not_measured}"
        report.longrepr = (str(item.path), item.measure.line, reason)
    elif call.excinfo and isinstance(call.excinfo.value, MeasureFailure):
        # pytest shows errors of a setup without asking the item.
        report.longrepr = item.repr_failure(call.excinfo)  # type: ignore[assignment]
    if call.when == "call" or (call.when == "setup" and not report.passed):
        kind: Kind = "skipped" if report.skipped else "error"
        outcome = replace(
            item.outcome or Outcome(kind=kind),
            path=str(item.path),
            measure_id=item.measure.id,
            alias=item.alias,
        )
        plain = outcome.to_plain()
        options = item.measuring.options
        if not options.update_results:
            plain.pop("keys", None)  # only unused replies are told by them
        report.evalmd = plain  # type: ignore[attr-defined]
        if options.wants_results:
            from pytest_evalmd.recorder import result_of, texts_of

            error = call.excinfo.exconly() if call.excinfo else ""
            if call.excinfo and isinstance(call.excinfo.value, MeasureFailure):
                error = call.excinfo.value.failure.problem
            result = result_of(item, outcome, error.split("\n")[0])
            report.evalmd_result = result  # type: ignore[attr-defined]
            report.evalmd_case = texts_of(item)  # type: ignore[attr-defined]
