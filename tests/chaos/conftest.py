"""Fixtures of the tests that break what a run stands on."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "e2e")]

from projects import project_in  # noqa: E402 - found by the line above


@pytest.fixture
def project(tmp_path):
    with project_in(tmp_path) as made:
        yield made


@pytest.fixture
def seen(request):
    """Hold an output against what the test's marker says that the user sees."""
    (marker,) = request.node.iter_markers("fault")
    checked = []

    def check(out):
        checked.append(out)
        for words in marker.kwargs["sees"]:
            assert words in out, out
        assert "INTERNALERROR" not in out
        assert "Traceback" not in out

    yield check
    assert checked, "what the user sees was not looked at"
