"""Keeps Python's garbage collector from going through all measures again and again.

Items and reports live until the run's end, and full collections find nothing. While only
measures run, the collector passes by what was there before the first of them, and while
cases are parsed by what was there before. Other tests may watch it, whoever set something
aside knows better, and pytest's own look for garbage at the end sees everything.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import sys
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from pytest_evalmd.item import MeasureItem

_SET_ASIDE = pytest.StashKey[bool]()
_measured: weakref.WeakSet[pytest.Session] = weakref.WeakSet()
"""Sessions of measures only."""


@contextlib.contextmanager
def looking_away() -> Iterator[None]:
    """Have the collector pass by all that is there while only our own code runs.

    Afterwards what was young counts as old, so that large projects are not gone through
    time and again while they are collected.
    """
    if gc.get_freeze_count():
        yield
        return
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Set aside what was collected, unless other tests run, too."""
    if not all(isinstance(item, MeasureItem) for item in session.items):
        return
    _measured.add(session)
    if not gc.get_freeze_count():
        gc.freeze()
        session.config.stash[_SET_ASIDE] = True


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Have the collector look at everything again, before pytest looks for garbage."""
    if config.stash.get(_SET_ASIDE, False):
        gc.unfreeze()


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
