"""Keeps Python's garbage collector from going through all measures again and again.

Items and cases live until the run's end. Where only measures run, the collector passes
by what was there before the first of them, and by everything when the process ends: a
fifth of the time that 10,000 remembered measures take (docs/performance.md). Other tests
may watch the collector, and a program that calls pytest keeps it as it was.
"""

from __future__ import annotations

import atexit
import gc
import sys
from pathlib import Path

import pytest


def set_aside() -> None:
    """Set aside what is there by now; ``plugin`` takes it back once pytest has ended."""
    gc.freeze()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave it set aside, unless other tests run, too."""
    from pytest_evalmd.item import MeasureItem

    if not all(isinstance(item, MeasureItem) for item in session.items):
        gc.unfreeze()
        return
    set_aside()
    program = Path(sys.argv[0])
    if program.stem in ("pytest", "py.test") or program.parent.name == "pytest":
        atexit.register(gc.freeze)
