"""Every command of docs/authoring.md, run on the files that the page shows."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sys
from pathlib import Path

import pytest

from pytest_evalmd.cli import main

sys.path.append(str(Path(__file__).parents[1]))
from mock_server import MockServer, Response, completion

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/authoring.md"
TEXT = PAGE.read_text(encoding="utf-8")
FILE = re.compile(r"^`([^`\n]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^\$ evalmd (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)
COMMANDS = [pair for part in CONSOLE.findall(TEXT) for pair in COMMAND.findall(part)]


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "example_cases", tmp_path / "example_cases")
    for name, text in FILE.findall(TEXT):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    with MockServer(behaviour=by_hand) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "sk-docs-0123456789")
        yield tmp_path


def by_hand(request, _):
    """Answer as the page's models do."""
    assert request["model"] in ("handwritten-a", "handwritten-b")
    said = "Zorvella is easy to clean, Quentrix is quiet. I'd take Quentrix."
    return Response(body=completion(said, model=request["model"]))


def test_every_command_does_what_the_page_shows(project, capsys):
    lines = [line for part in CONSOLE.findall(TEXT) for line in part.split("\n")]
    assert len(COMMANDS) == sum(line.startswith("$ ") for line in lines) > 5
    for command, shown in COMMANDS:
        words, _, target = command.partition(" > ")
        assert main(shlex.split(words)) == 0, command
        said = capsys.readouterr().out
        if target:
            assert json.loads(said)["$schema"]
        else:
            assert said == shown, command
