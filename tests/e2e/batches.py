"""``evalmd batch`` in a project, against a mock of files and batches."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT, Popen

from mock_batches import BatchServer
from projects import KEY, Project

from pytest_evalmd.cli import main

COMMAND = "import sys; from pytest_evalmd.cli import main; sys.exit(main())"


class Batches:
    """Runs the commands, in this process or in one of its own."""

    def __init__(self, project: Project, server: BatchServer, monkeypatch) -> None:
        self.project, self.server = project, server
        self.variables = {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.base_url,
            "EVALMD_JUDGE_MODEL": "mock",
        }
        for name, value in self.variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(project.path)
        self.said = ""

    def __call__(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command here; gives its status and all that it said."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            status = main(["batch", *arguments])
        self.said += out.getvalue()
        return status, out.getvalue().splitlines()

    def start(self, *arguments: str, code: str = "") -> Popen[str]:
        """Start a command in a process of its own."""
        kept = {n: os.environ[n] for n in ("PATH", "HOME") if n in os.environ}
        return Popen(
            [sys.executable, "-W", "error", "-c", code + COMMAND, "batch", *arguments],
            cwd=self.project.path,
            env=kept | self.variables,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """Run a command in a process of its own."""
        process = self.start(*arguments)
        out, _ = process.communicate(timeout=60)
        self.said += out
        return process.returncode, out.splitlines()

    def files(self) -> list[Path]:
        return sorted(self.project.path.glob("__evalmd__/batches/*.json"))

    def state(self) -> dict:
        """Give the one batch's file."""
        (file,) = self.files()
        return json.loads(file.read_text(encoding="utf-8"))

    def recordings(self) -> dict[str, bytes]:
        found = self.project.path.rglob("__evalmd__/*.json")
        return {str(file): file.read_bytes() for file in found}

    def sent(self) -> int:
        """Count the requests that would be paid."""
        return sum(len(self.server.requests(id_)) for id_ in self.server.batches)

    def replay(self):
        """Run the cases on what is remembered; nobody could be asked."""
        return self.project.run(None, "--evalmd-mode=replay", "-q")
