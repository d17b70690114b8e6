"""Keeps Python's garbage collector from going through all measures again and again.

Items and reports live until the run's end, and full collections find nothing. While only
measures run, the collector passes by what was there before the first of them, and while
they are collected by what was there before the first case. Other tests may watch it,
whoever set something aside knows better, and pytest's own look for garbage at the end
sees everything.
"""

from __future__ import annotations

import atexit
import gc
import sys
import weakref
from typing import Any

import pytest

from pytest_evalmd.item import MeasureItem

_SET_ASIDE = pytest.StashKey[int]()
"""How many objects this session set aside at first; 0 where others set aside some."""
_measured: weakref.WeakSet[pytest.Session] = weakref.WeakSet()
"""Sessions of measures only."""


def set_aside(config: pytest.Config) -> None:
    """Set aside what is there before the first case, unless somebody did already."""
    if not gc.get_freeze_count():
        gc.freeze()
        config.stash[_SET_ASIDE] = gc.get_freeze_count()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Set aside what was collected, too, unless other tests run."""
    stash = session.config.stash
    if gc.get_freeze_count() > stash.get(_SET_ASIDE, 0):
        stash[_SET_ASIDE] = 0  # of somebody else
    if not all(isinstance(item, MeasureItem) for item in session.items):
        pytest_unconfigure(session.config)
        return
    _measured.add(session)
    if stash.get(_SET_ASIDE, 0):
        gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Have the collector look at everything again, before pytest looks for garbage."""
    if config.stash.get(_SET_ASIDE, 0):
        gc.unfreeze()
        config.stash[_SET_ASIDE] = 0


@atexit.register
def _free_last() -> None:
    gc.callbacks.append(_free)


def _free(_phase: str, _info: dict[str, Any]) -> None:
    """Free items and reports by counting references, after all that runs at exit.

    Python ends with several full collections, each of which would go through them. What
    somebody else holds stays whole, but for lists of all items and of all reports.
    """
    if not sys.is_finalizing():
        return
    for session in [*_measured]:
        _measured.discard(session)
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        items, reports = session.items, getattr(reporter, "stats", None)
        if isinstance(items, list):
            _open_cycles(items)
            items.clear()
        if isinstance(reports, dict):
            reports.clear()


def _open_cycles(items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, MeasureItem):
            for node in (item, item.file):
                keywords: Any = node.keywords
                keywords.node = weakref.proxy(node)
