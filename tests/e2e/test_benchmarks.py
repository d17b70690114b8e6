"""The one command of the benchmarks, on little."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_the_command_fills_its_table(tmp_path):
    page = tmp_path / "performance.md"
    shutil.copy(ROOT / "docs/performance.md", page)
    command = [sys.executable, ROOT / "benchmarks/run.py", "--quick", "--write", page]

    subprocess.run([*command, "--only=a,b,c,d,e,f"], check=True, capture_output=True)

    table = re.search("benchmarks: begin -->(.*)<!--", page.read_text("utf-8"), re.S)[1]
    rows = (
        "| plugin |",
        "| script |",
        "| 1,000 |",
        "| a rewrite in 10 KB |",
        "| CPU |",
    )
    assert [row for row in rows if row not in table] == []
