"""What ``import pytest_evalmd`` gives, and what it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pytest_evalmd
from pytest_evalmd.judge import model


@pytest.mark.parametrize("name", pytest_evalmd.__all__)
def test_a_public_name_is_there(name):
    assert getattr(pytest_evalmd, name) is getattr(model, name)


def test_there_are_no_others():
    assert list(pytest_evalmd.__all__) == sorted(pytest_evalmd.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'Verdict'"):
        pytest_evalmd.Verdict  # noqa: B018


def test_importing_it_imports_nothing_else():
    code = (
        "import sys, pytest_evalmd; print([m for m in sys.modules if 'evalmd.' in m])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert found.stdout == "[]\n"
