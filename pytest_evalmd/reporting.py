"""What pytest's report of an item says of its measure, also across xdist.

A plugin of its own, which is registered once there is a case.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

from pytest_evalmd.item import MeasureItem
from pytest_evalmd.longrepr import MeasureFailure
from pytest_evalmd.outcome import Kind, Outcome


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show failures of measures as such, and send their outcome to the controller.

    Last, so that hooks of others see the report whole.
    """
    report = yield
    if isinstance(item, MeasureItem):
        if call.excinfo:
            _show_failure(item, call, report)
        if call.when == "call" or (call.when == "setup" and not report.passed):
            _send_outcome(item, call, report)
    return report


def _show_failure(
    item: MeasureItem, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    assert call.excinfo is not None
    if call.when == "setup" and report.skipped and item.not_measured:
        # pytest would show the line of ours that skips.
        reason = f"Skipped: {item.not_measured}"
        report.longrepr = (str(item.path), item.measure.line, reason)
    elif isinstance(call.excinfo.value, MeasureFailure):
        # pytest shows errors of a setup without asking the item.
        report.longrepr = item.repr_failure(call.excinfo)  # type: ignore[assignment]


def _send_outcome(
    item: MeasureItem, call: pytest.CallInfo[None], report: pytest.TestReport
) -> None:
    kind: Kind = "skipped" if report.skipped else "error"
    outcome = item.outcome or Outcome(kind=kind)
    plain = outcome.to_plain()
    plain["path"], plain["measure_id"] = str(item.path), item.originalname
    if item.alias:
        plain["alias"] = item.alias
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
