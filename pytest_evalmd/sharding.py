"""``--evalmd-shard``: leaves the other shards' cases out, and says what is left."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from pytest_evalmd.item import MeasureItem
from pytest_evalmd.recorder import place_of
from pytest_evalmd.verdict.shard import Shard, selection_digest, split

REQUEST = 100
"""How many measures take as long as one request to a judge, about."""
WORKER_KEY = "evalmd_shard"
"""What a worker's part is sent under when it ends."""


class Sharding:
    """One shard of a run, in each of its processes."""

    def __init__(self, config: pytest.Config, shard: Shard) -> None:
        self.config, self.shard = config, shard
        self.cases: tuple[int, int] | None = None
        """How many are this shard's, of how many; ``None`` if nothing was collected."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Deselect the other shards' cases, of what is selected otherwise."""
        measures = [item for item in items if isinstance(item, MeasureItem)]
        weights: Counter[str] = Counter()
        for item in measures:
            weights[self._case(item)] += _weight(item)
        numbers = split(weights, self.shard.count)
        others = {
            item for item in measures if numbers[self._case(item)] != self.shard.number
        }
        self.cases = Counter(numbers.values())[self.shard.number], len(numbers)
        self.shard = replace(
            self.shard,
            selected=len(measures) - len(others),
            total=len(measures),
            digest=selection_digest(map(place_of, measures)),
        )
        if others:
            items[:] = [item for item in items if item not in others]
            self.config.hook.pytest_deselected(items=list(others))

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Tell the controller; a shard without a case is not green."""
        output: dict[str, Any] | None = getattr(self.config, "workeroutput", None)
        if output is not None:
            output[WORKER_KEY] = {"shard": asdict(self.shard), "cases": self.cases}
        quiet = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
        if output is None and self._is_empty and session.exitstatus in quiet:
            session.exitstatus = pytest.ExitCode.USAGE_ERROR

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Take what a worker collected; one that crashed tells nothing."""
        found: Mapping[str, Any] = getattr(node, "workeroutput", {}).get(WORKER_KEY, {})
        if found.get("cases"):
            self.shard, self.cases = Shard(**found["shard"]), tuple(found["cases"])

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say which part of the cases this was."""
        if self.cases is None:
            return
        ours, of_all = self.cases
        cases = "case" if of_all == 1 else "cases"
        line = f"shard {self.shard}: {ours} of {of_all} {cases}"
        if self._is_empty:
            expected = (
                f"expected at most {of_all} shards" if of_all else "none selected"
            )
            line += f"; nothing was checked: {expected}"
        terminalreporter.line(f"\n{line}", red=self._is_empty)

    @property
    def _is_empty(self) -> bool:
        return self.cases is not None and not self.cases[0]

    def _case(self, item: MeasureItem) -> str:
        """Name a case alike on every machine."""
        try:
            return Path(os.path.relpath(item.path, self.config.rootpath)).as_posix()
        except ValueError:  # another drive on Windows
            return item.path.as_posix()


def _weight(item: MeasureItem) -> int:
    """Guess how long an item takes, from what is the same on every machine."""
    asks = item.measure.type == "ai" and item.why_not() is None
    if asks and item.measuring.options.mode in ("auto", "live"):
        return 1 + REQUEST * item.measure.samples
    return 1
