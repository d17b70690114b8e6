"""docs/batch.md: its commands do what it says that they do."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from subprocess import PIPE, STDOUT, run

TEXT = (Path(__file__).parents[2] / "docs/batch.md").read_text(encoding="utf-8")
SESSIONS = re.findall(r"```console\n\$ (.*?)\n(.*?)```", TEXT, re.DOTALL)
CHANGING = r"\b[0-9a-f]{12}\b|\d{4}-\d\d-\d\d \d\d:\d\d UTC| in \d+\.\d+s|\s+\[100%\]"


def plain(text):
    return re.sub(CHANGING, " …", text).split("\n")


def reply(task, body):
    return ["19:18", "21:27"] if task.startswith("List") else True


def test_the_commands_say_what_is_written(batch, monkeypatch):
    case = re.search(r"````markdown\n(.*?)````", TEXT, re.DOTALL)[1]
    (batch.project.path / "cases").mkdir()
    (batch.project.path / "cases/night_train.md").write_text(case, encoding="utf-8")
    monkeypatch.delenv("EVALMD_JUDGE_MODEL")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-p no:cacheprovider")
    monkeypatch.setenv("COLUMNS", "80")

    for command, expected in SESSIONS:
        program, *arguments = shlex.split(command)
        if arguments[1:] == ["fetch"]:
            batch.server.finish(reply=reply)
        if program == "evalmd":
            lines = batch(*arguments[1:])[1]
            said = "".join(f"{line}\n" for line in lines)
        else:
            command_line = [sys.executable, "-m", program, *arguments]
            said = run(command_line, stdout=PIPE, stderr=STDOUT, text=True).stdout
        assert plain(said) == plain(expected), command
    assert len(SESSIONS) == 6


def test_the_job_goes_on_where_it_may():
    line = re.search(r"^evalmd batch fetch && .*$", TEXT, re.MULTILINE)[0]
    for fetch, submit, expected in ((0, 0, 0), (3, 0, 0), (1, 0, 1), (0, 1, 1)):
        code = f"evalmd() {{ echo $2; test $2 = fetch && return {fetch}; return {submit}; }}"
        done = run(["sh", "-c", f"{code}\n{line}"], stdout=PIPE, text=True)
        assert done.returncode == expected
        assert ("submit" in done.stdout) == (fetch == 0)
