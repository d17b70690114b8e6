"""The walk to a published report in docs/authoring.md, as a shell would do it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/authoring.md").read_text(encoding="utf-8")
SECTION = PAGE.split("## Publish a report\n")[1].split("\n## ")[0]
COMMANDS = re.findall(r"^```sh\n(.*?)\n```$", SECTION, re.MULTILINE | re.DOTALL)


def test_every_command_writes_what_it_says(tmp_path, monkeypatch):
    pytest.importorskip("pytest_evalmd.report.html", reason="no HTML reports here")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "example_cases", tmp_path / "example_cases", ignore=ignored)
    monkeypatch.chdir(tmp_path)
    assert len(COMMANDS) == 2
    for command in COMMANDS:
        name, *words = shlex.split(command)
        start = (
            ["-m", "pytest", "-p", "no:cacheprovider"]
            if name == "pytest"
            else [
                "-c",
                "import sys; from pytest_evalmd.cli import main; sys.exit(main())",
            ]
        )
        done = subprocess.run(
            [sys.executable, *start, *words], capture_output=True, encoding="utf-8"
        )
        assert done.returncode == 0, done.stdout + done.stderr
    written = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert written == {"run.json", "report.html", "models.html"}
    for name in ("report.html", "models.html"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert "Under which heading does Zorvella first appear?" in page
