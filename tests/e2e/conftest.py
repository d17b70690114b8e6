"""Fixtures of the tests that judge over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from projects import project_in

# The mock server is shared with the other folders of tests.
sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def project(tmp_path):
    with project_in(tmp_path) as made:
        yield made


@pytest.fixture
def batch(project, monkeypatch):
    from batches import Batches
    from mock_batches import BatchServer

    with BatchServer() as server:
        made = Batches(project, server, monkeypatch)
        yield made
        project.assert_nothing_leaked(server, made.said)
