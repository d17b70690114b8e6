"""What judging cost in all processes of a run, and where its replies are kept."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.options import MEASURING, OPTIONS
from pytest_evalmd.session import Results, relative

if TYPE_CHECKING:
    from pytest_evalmd.judge.store import Keep

Used: TypeAlias = dict[tuple[str, str], list[str]]
"""Keys of replies, by measure and by the parameter of its client."""
WORKER_KEY = "evalmd"
"""What a worker's account is sent under when it ends."""


def account(config: pytest.Config) -> dict[str, Any] | None:
    """Give what this process spent, in builtin types; ``None`` if it measured nothing."""
    if MEASURING not in config.stash:
        return None
    measuring = config.stash[MEASURING]
    judging = measuring.judging
    return {
        "cost": judging.cost.to_plain(),
        "served": judging.served(),
        "asked": judging.asked(),
        "not_remembered": sorted(set(judging.not_remembered)),
        "adaptations": measuring.askers.adaptations(),
        "folders": sorted(map(str, judging.folders())),
    }


class WorkerLedger:
    """Sends a worker's account to the controller."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Hand it over once no request is in flight any more."""
        output: dict[str, Any] = self.config.workeroutput  # type: ignore[attr-defined]
        output[WORKER_KEY] = account(self.config)


class Ledger:
    """Adds up what all processes spent, folds the spools and says so."""

    def __init__(self, config: pytest.Config, results: Results) -> None:
        self.config, self.results = config, results
        self.cost = Cost()
        self.not_remembered: list[str] = []
        self.adaptations: list[str] = []
        self.folders: set[Path] = set()
        """Where replies were asked for, maybe for items that did not get to run."""
        self.served: set[tuple[str, str]] = set()
        """Case and key of each reply that spared a request, in whatever process."""
        self._in_use: dict[str, set[str]] = {}
        """By case, the keys of all replies that something was made of."""
        self._nodes: list[Any] = []
        """Workers that have not told what they spent."""
        self.plan: str | None = None

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Take note of a worker."""
        self._nodes.append(node)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401 - xdist's
        """Take a worker's account; one that crashed sends none."""
        if node in self._nodes:
            self._nodes.remove(node)
            self._take(getattr(node, "workeroutput", {}).get(WORKER_KEY))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Fold the spools, once nothing is in flight any more."""
        for node in [*self._nodes]:  # Ctrl-C: nobody says that they are down
            self.pytest_testnodedown(node)
        self._take(account(self.config))
        self.cost.remembered = len(self.served)
        self.cost.skipped = self.results.skipped_by_judge
        options = self.config.stash[OPTIONS]
        if options.mode not in ("auto", "live") or self.config.option.collectonly:
            return
        if folders := self._used(options.update_results):
            from pytest_evalmd.judge.store import at_once

            at_once(self._fold, folders.items())
            self.not_remembered.sort()

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Say what it cost, and what could not be kept."""
        tr = terminalreporter
        if self.not_remembered:
            tr.section("replies NOT remembered")
            for line in self.not_remembered:
                tr.line(line, red=True)
        lines = [*self.adaptations, self.plan or self.cost.line()]
        for number, line in enumerate(filter(None, lines)):
            tr.line("\n" * (number == 0) + line)

    def _take(self, account: Mapping[str, Any] | None) -> None:
        if account:
            self.cost.add(account["cost"])
            self.served.update(
                (p, k) for p, ks in account["served"].items() for k in ks
            )
            for by_case in (account["served"], account["asked"]):
                for path, keys in by_case.items():
                    self._in_use.setdefault(path, set()).update(keys)
            self.not_remembered += account["not_remembered"]
            new = [a for a in account["adaptations"] if a not in self.adaptations]
            self.adaptations += new
            self.folders.update(map(Path, account["folders"]))

    def _used(self, prune: bool) -> dict[Path, dict[str, Used]]:
        """Give the folders of the cases that ran; with ``prune``, the keys in use."""
        folders: dict[Path, dict[str, Used]] = {folder: {} for folder in self.folders}
        for _, outcome in self.results.outcomes():
            path = Path(outcome.path)
            cases = folders.setdefault(path.parent, {})
            if prune and outcome.keys and outcome.path not in self.results.stale:
                used = cases.setdefault(path.name, {})
                name = (outcome.measure_id, outcome.alias)
                # What hangs on a measure may have voted on more of its replies.
                in_use = self._in_use.get(outcome.path, ())
                used.setdefault(name, []).extend((*outcome.keys, *in_use))
        return folders

    def _fold(self, folder_and_used: tuple[Path, dict[str, Used]]) -> None:
        from pytest_evalmd.judge.secrets import environment_keys
        from pytest_evalmd.judge.store import fold

        folder, used = folder_and_used
        keep = {name: _keep(keys) for name, keys in used.items()}
        for path, problem in fold(folder, keep, environment_keys()).problems:
            self.not_remembered.append(f"{relative(path, self.config)}: {problem}")


def _keep(used: Used) -> Keep:
    """Keep what is used, and whatever measures and clients have that did not run."""
    from pytest_evalmd.judge.question import is_of

    keys = {key for measure_keys in used.values() for key in measure_keys}
    return lambda reply: (
        reply.key in keys
        or not any(
            reply.measure_id == measure_id and is_of(alias, reply.question.model)
            for measure_id, alias in used
        )
    )
