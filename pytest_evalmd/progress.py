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
        self._shown = False

    def show(self) -> None:
        """Show it once."""
        self._shown = self._write(self._measuring.progress_line()) or self._shown

    def clear(self) -> None:
        """Take it away."""
        if self._shown:
            self._write("")
            self._shown = False

    def _write(self, line: str) -> bool:
        """Write behind what pytest has written; tell whether that was possible."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not self._wanted(reporter):
            return False
        room = reporter._screen_width - reporter._width_of_current_line - 1
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            shown = line[: max(0, room)]
            reporter.write(f"{_SAVE}{_CLEAR}{shown}{_RESTORE}", flush=True)
        return True

    def _wanted(self, reporter: Any) -> bool:  # noqa: ANN401 - pytest's reporter
        return (
            reporter.isatty
            and self._config.get_verbosity() >= 0
            and not os.environ.get("CI")
            and os.environ.get("TERM") != "dumb"
            and self._config.pluginmanager.has_plugin("capturemanager")
        )
