"""A failure in the shape that pytest, its reports and xdist take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_evalmd.failure import Failure

if TYPE_CHECKING:
    from _pytest._io import TerminalWriter


class MeasureFailure(Exception):
    """A measure failed, or could not be computed."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(failure.text())


class FailureRepr:
    """What pytest shows of a failure; xdist carries these three attributes across."""

    def __init__(
        self,
        excinfo: pytest.ExceptionInfo[BaseException],
        failure: Failure,
        path: Path,
        *,
        brief: bool = False,
    ) -> None:
        self._text = failure.text()
        self._shown = failure.brief() if brief else self._text
        shown = excinfo.getrepr(style="value")
        self.sections: list[tuple[str, str, str]] = []
        self.reprtraceback = shown.reprtraceback
        for entry in self.reprtraceback.reprentries:  # what xdist shows
            entry.lines = self._shown.split("\n")
        self.reprcrash = shown.reprcrash
        if self.reprcrash is not None:
            self.reprcrash.path = str(path)
            self.reprcrash.lineno = failure.line
            self.reprcrash.message = failure.problem

    def __str__(self) -> str:
        return self._text

    def toterminal(self, tw: TerminalWriter) -> None:
        """Write the text, the diff in colour; with ``--tb=line``, a line."""
        for line in self._shown.split("\n"):
            tw.line(line, red=line[:1] == "-", green=line[:1] == "+")
