"""Fixtures of the tests that judge over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from projects import Project

# The mock server is shared with the other folders of tests.
sys.path.insert(0, str(Path(__file__).parents[1]))


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    made = Project(folder)
    made.ini()
    yield made
    made.end()


@pytest.fixture
def batch(project, monkeypatch):
    from batches import Batches
    from mock_batches import BatchServer

    with BatchServer() as server:
        made = Batches(project, server, monkeypatch)
        yield made
        project.assert_nothing_leaked(server, made.said)
