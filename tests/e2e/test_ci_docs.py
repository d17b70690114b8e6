"""The commands and the workflow of docs/ci.md do what the page says."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from pytest_evalmd.cli import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.*)$", TEXT, re.MULTILINE)
(WORKFLOW,) = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture
def run(pytester):
    """Run a line of a shell; gives its exit status."""
    (pytester.path / "cases").symlink_to(ROOT / "example_cases", True)
    in_process = ("-p", "no:cacheprovider", "--evalmd-mode=replay")

    def expanded(word):
        found = pytester.path.glob(word) if "*" in word else [word]
        return sorted(map(str, found))

    def run_line(line):
        name, *words = shlex.split(line.partition(" >> ")[0])
        words = [one for word in words for one in expanded(word)]
        if name == "pytest":
            return pytester.runpytest_inprocess(*words, *in_process).ret
        assert name == "evalmd"
        return main(words)

    return run_line


def results(path):
    return json.loads(path.read_text(encoding="utf-8"))["results"]


def test_the_commands(run, pytester):
    assert run("pytest cases --evalmd-run base.json") == 0
    assert len(COMMANDS) == 5
    for command in COMMANDS:
        assert run(command) == 0, command

    merged = results(pytester.path / "run.json")
    assert len(merged) == len(results(pytester.path / "base.json")) > 10


def test_the_workflow(run, pytester):
    jobs = yaml.safe_load(WORKFLOW)["jobs"]
    shard, compare = jobs["shard"], jobs["compare"]
    assert compare["needs"] == "shard"
    assert shard["strategy"]["fail-fast"] is False
    numbers = shard["strategy"]["matrix"]["shard"]
    (upload,) = [s for s in shard["steps"] if "upload-artifact" in s.get("uses", "")]
    for number in numbers:
        filled = json.dumps(shard).replace("${{ matrix.shard }}", str(number))
        steps = json.loads(filled)["steps"]
        (command,) = [s["run"] for s in steps if s.get("run", "").startswith("pytest")]
        assert f"--evalmd-shard {number}/{len(numbers)}" in command
        assert run(command) == 0
        path = upload["with"]["path"].replace("${{ matrix.shard }}", str(number))
        assert (pytester.path / path).exists()

    assert run("pytest cases --evalmd-run base.json") == 0
    commands = [s["run"] for s in compare["steps"] if "evalmd " in s.get("run", "")]
    assert len(commands) == 2
    for command in commands:
        assert run(command) == 0
