"""``evalmd check`` on files."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from case_texts import block, case_text

from pytest_evalmd.cli import main

LISTED = ("id: l", "description: L", "type: ai", "prompt: P", "output: list")
MEASURED = block("evaluation-yaml", "- id: m", "  type: ai")
GOOD = case_text(tail=MEASURED + block("evaluation-result-text", "x"))


@pytest.fixture
def check(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments, status=0, **texts):
        for name, text in texts.items():
            Path(f"{name}.md").write_text(text, encoding="utf-8")
        assert main(["check", *(arguments or (".",))]) == status
        said = capsys.readouterr()
        return said.out.splitlines(), said.err

    return run


def test_nothing_is_wrong(check):
    assert check(a=GOOD, notes="# Notes\n") == (
        ["1 case: 0 errors, 0 not answered yet, 0 missing results"],
        "",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="devices are POSIX's")
def test_a_link_to_a_device_is_not_read(check, tmp_path):
    (tmp_path / "zero.md").symlink_to("/dev/zero")
    (tmp_path / "folder.md").mkdir()

    lines, _ = check(a=GOOD, status=1)

    assert lines[0] == "zero.md:1: error: can't be read: it is no file"
    assert lines[1].startswith("2 cases: 1 error")


def test_everything_is_listed(check):
    empty = block("evaluation-yaml", "- id: l", "  type: ai") + block(
        "evaluation-result-text", ""
    )
    lines, err = check(
        a=case_text(answer=""),
        b=case_text(LISTED, ("id: m", *LISTED[1:2], *LISTED[2:]), tail=empty),
    )

    assert lines == [
        "a.md:4: warning: the answer is empty: not answered yet",
        "b.md:26: warning: no result is recorded for 'l', unless it is an empty list",
        "b.md:14: warning: no result is recorded for 'm'",
        "2 cases: 0 errors, 1 not answered yet, 2 missing results",
    ]
    assert err == ""


def test_errors_fail(check):
    broken = case_text(("id: m", "descripton: D", "type: oracle"))

    lines, _ = check(a=GOOD, b=broken, status=1)

    assert len(lines) == 5
    assert lines[0].startswith("b.md:8: error: missing key")
    assert lines[-1] == "2 cases: 4 errors, 0 not answered yet, 0 missing results"


def test_json_is_for_editors(check):
    assert check("--format", "json", ".", a=GOOD) == (["[]"], "")
    lines, _ = check(
        "--format",
        "json",
        ".",
        "gone.md",
        status=1,
        b=case_text(answer="").replace("type: ai", "type: 😀"),
        c=case_text(answer=""),
    )

    found = json.loads("\n".join(lines))
    assert [(one["path"], one["line"], one["severity"]) for one in found] == [
        ("b.md", 11, "error"),
        ("c.md", 4, "warning"),
        ("gone.md", 1, "error"),
    ]
    assert {*found[0]} == {"path", "line", "severity", "message"}
    assert found[0]["message"].startswith("type: got '😀'; expected one of")
    assert found[2]["message"] == "can't be read: No such file or directory"


def test_no_case(check):
    assert check(notes="# Notes", status=1) == ([], "no case found\n")
    assert check("--format", "json", ".", status=1) == (["[]"], "no case found\n")


def test_a_terminal_that_lacks_a_character(check, monkeypatch):
    Path("a.md").write_text(
        case_text().replace("type: ai", "type: 😀"), encoding="utf-8"
    )
    out = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, "stdout", out)

    assert main(["check", "a.md"]) == 1

    out.flush()
    assert b"\\U0001f600" in out.buffer.getvalue()
