"""A live line while the run waits for a judge; only for people at a terminal."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

import pytest

from pytest_evalmd.judge.scheduler import GRACE_S

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
        self._shown = self._write(self._line()) or self._shown

    def clear(self) -> None:
        """Take it away."""
        if self._shown:
            self._write("")
            self._shown = False

    def say_waiting(self) -> None:
        """Say why a run that stops early doesn't end at once."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            with self._uncaptured():
                reporter.ensure_newline()
                reporter.write_line(
                    f"waiting up to {GRACE_S:g} s for replies that were asked for "
                    "(Ctrl-C gives them up)"
                )

    def _uncaptured(self) -> contextlib.AbstractContextManager[None]:
        capture: Any = self._config.pluginmanager.get_plugin("capturemanager")
        if capture is None:  # -p no:capture
            return contextlib.nullcontext()
        disabled: contextlib.AbstractContextManager[None]
        disabled = capture.global_and_fixture_disabled()
        return disabled

    def _line(self) -> str:
        """Say how far judging is."""
        measuring = self._measuring
        cost, waiting_s = measuring.judging.cost, measuring.askers.waiting_s()
        line = f" [judging: {cost.requests} of {measuring.tasks.wanted} asked"
        if waiting_s > 0:
            line += f", rate limit: {waiting_s:.0f} s"
        return f"{line}, {cost.tokens_asked + cost.tokens_answered:,} tokens]"

    def _write(self, line: str) -> bool:
        """Write behind what pytest has written; tell whether that was possible."""
        reporter: Any = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not self._wanted(reporter):
            return False
        room = reporter._screen_width - reporter._width_of_current_line - 1
        with self._uncaptured():
            shown = line[: max(0, room)]
            # Not by way of the reporter: it would count this into its line's width.
            file = reporter._tw._file
            file.write(f"{_SAVE}{_CLEAR}{shown}{_RESTORE}")
            file.flush()
        return True

    def _wanted(self, reporter: Any) -> bool:  # noqa: ANN401 - pytest's reporter
        return (
            reporter.isatty
            and self._config.get_verbosity() >= 0
            and not os.environ.get("CI")
            and os.environ.get("TERM") != "dumb"
        )
