"""Keeps Python's garbage collector from going through all measures again and again.

Items and reports live until the run's end, and full collections find nothing. Where only
measures run, the collector passes by what was there before the first of them, and by
what lived through a full collection; Python's end is as ever. Other tests may watch it,
and whoever set something aside knows better.
"""

from __future__ import annotations

import atexit
import gc
from typing import Any
from weakref import WeakSet

import pytest

from pytest_evalmd.options import GARBAGE

FULL = 2
"""The generation of a full collection."""
_measured: WeakSet[pytest.Session] = WeakSet()
"""Sessions of measures only."""


def set_aside(config: pytest.Config) -> None:
    """Have what is there by now passed by; ``give_back`` ends it."""
    if GARBAGE not in config.stash:
        config.stash[GARBAGE] = not gc.get_freeze_count()
    if config.stash[GARBAGE]:
        gc.freeze()


def give_back(config: pytest.Config) -> None:
    """Have the collector look at everything again."""
    if config.stash.get(GARBAGE, False):
        gc.unfreeze()
        config.stash[GARBAGE] = False
        if _set_survivors_aside in gc.callbacks:
            gc.callbacks.remove(_set_survivors_aside)


def _set_survivors_aside(phase: str, info: dict[str, Any]) -> None:
    if phase == "stop" and info["generation"] == FULL:
        gc.freeze()


def pytest_collection_finish(session: pytest.Session) -> None:
    """Set aside what was collected, unless other tests run, too."""
    from pytest_evalmd.item import MeasureItem

    if all(isinstance(item, MeasureItem) for item in session.items):
        set_aside(session.config)
        _measured.add(session)
        if session.config.stash[GARBAGE]:
            gc.callbacks.append(_set_survivors_aside)
    else:
        give_back(session.config)


@atexit.register
def _free() -> None:
    """Free items and reports by counting references, after what users do at exit.

    Python ends with several full collections, each of which would go through them.
    """
    for session in _measured:
        for item in session.items:
            vars(item.parent).clear()  # the cycles that they are in
            vars(item).clear()
        session.items.clear()
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.stats.clear()
