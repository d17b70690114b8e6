"""A live line while the run waits for a judge; only for people at a terminal."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_evalmd.measuring import Measuring

# Keep the cursor where pytest will print its next dot.
_SAVE, _RESTORE, _CLEAR = "\x1b7", "\x1b8", "\x1b[K"


class Progress:
    """Shows behind pytest's dots how far judging is."""

    def __init__(self, config: pytest.Config, measuring: Measuring) -> None:
        self._config, self._measuring = config, measuring

    def show(self) -> None:
        """Show it once."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not self._wanted(reporter):
            return
        room = reporter._screen_width - reporter._width_of_current_line - 1
        line = self._measuring.progress_line()[: max(0, room)]
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            reporter.write(f"{_SAVE}{_CLEAR}{line}{_RESTORE}", flush=True)

    def _wanted(self, reporter: Any) -> bool:  # noqa: ANN401 - pytest's reporter
        return (
            reporter.isatty
            and self._config.get_verbosity() >= 0
            and not os.environ.get("CI")
            and self._config.pluginmanager.has_plugin("capturemanager")
        )
