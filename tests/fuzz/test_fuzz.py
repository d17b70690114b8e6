"""Every reader of foreign text keeps its promise on documents made worse.

`.ci/run` also runs the long profile and, where it installs, atheris (guided.py).
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mutations import mutated
from targets import TARGETS

QUICK, LONG = 60, 1000
GUIDED = ("case", "edit", "run", "reply", "template")
SECONDS_A_TARGET = 2
HEAVY = {
    "template": 8,
    "config": 4,
    "edit": 2,
    "answer": 4,
    "case report": 4,
    "hostile report": 8,
}
"""How many times fewer examples: they parse several texts."""


def fuzz(name, examples):
    target = TARGETS[name]

    @settings(
        max_examples=max(examples // HEAVY.get(name, 1), 1),
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(mutated(target.seeds) | st.text())
    def check(text):
        target.check(text)

    return check


@pytest.mark.parametrize("name", TARGETS)
def test_a_valid_document_is_read(name):
    for seed in TARGETS[name].seeds:
        TARGETS[name].check(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_quick(name):
    fuzz(name, QUICK)()


@pytest.mark.slow
@pytest.mark.parametrize("name", TARGETS)
def test_long(name):
    fuzz(name, LONG)()


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed (no wheel for this Python or system?)",
)
@pytest.mark.parametrize("name", GUIDED)
def test_guided_by_coverage(name, tmp_path):
    command = [sys.executable, str(Path(__file__).with_name("guided.py")), name]
    done = subprocess.run(
        [
            *command,
            f"-max_total_time={SECONDS_A_TARGET}",
            f"-artifact_prefix={tmp_path}/",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done" in done.stderr  # it did run
