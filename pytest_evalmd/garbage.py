"""Keeps Python's garbage collector from going through all measures again and again.

Items and cases live until the run's end, and full collections find nothing. Where only
measures run, the collector passes by what was there before the first of them; other
tests may watch it, and whoever set something aside knows better.
"""

from __future__ import annotations

import gc

import pytest

from pytest_evalmd.options import GARBAGE


def pytest_collection_finish(session: pytest.Session) -> None:
    """Set aside what is there by now; ``plugin`` takes it back once pytest has ended."""
    from pytest_evalmd.item import MeasureItem

    only_measures = all(isinstance(item, MeasureItem) for item in session.items)
    if only_measures and not gc.get_freeze_count():
        gc.freeze()
        session.config.stash[GARBAGE] = True
