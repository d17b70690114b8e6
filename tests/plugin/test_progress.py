"""The live line: for people at a terminal, and gone once the replies are there."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from measures import ai

pty = pytest.importorskip("pty")  # there are none on Windows

CLIENT = """
import asyncio
import pytest
from pytest_evalmd import Reply, Usage

class Slow:
    async def complete(self, request):
        await asyncio.sleep(0.6)
        text = '{"reason": "so", "response": "calm"}'
        return Reply(text=text, usage=Usage(asked=100, answered=10))

@pytest.fixture(scope="session")
def llm_client():
    return Slow()
"""


@pytest.fixture
def at_terminal(pytester, write_case, monkeypatch):
    pytester.makeconftest(CLIENT)
    write_case(ai("one") + ai("two"), {"one": "calm", "two": "calm"})
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    def run(*args):
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *args],
            cwd=pytester.path,
            stdout=theirs,
            stderr=theirs,
            stdin=theirs,
        )
        os.close(theirs)
        written = b""
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:  # nobody writes any more
                break
            if not data:
                break
            written += data
        os.close(ours)
        assert process.wait() == 0, written
        return written.decode().replace("\r\n", "\n")

    return run


def screen(text):
    """Give the lines that stay, as a terminal of any width would show them."""
    rows, saved = [[]], 0
    row, column, index = rows[0], 0, 0
    while index < len(text):
        rest = text[index:]
        step = 1
        if rest[0] == "\n":
            row, column = [], 0
            rows.append(row)
        elif rest.startswith("\x1b7"):
            saved, step = column, 2
        elif rest.startswith("\x1b8"):
            column, step = saved, 2
        elif rest.startswith("\x1b[K"):
            del row[column:]
            step = 3
        elif rest.startswith("\x1b["):
            step = rest.index("m") + 1
        else:
            row[column:] = [*row[column:], *" " * (column - len(row))]
            row[column : column + 1] = [rest[0]]
            column += 1
        index += step
    return ["".join(row).rstrip() for row in rows]


def test_it_comes_and_goes(at_terminal):
    text = at_terminal("--evalmd-concurrency=1")

    assert " [judging: 0 of 2 asked, 0 tokens]" in text
    assert " [judging: 1 of 2 asked, 110 tokens]" in text
    assert not any("judging" in line for line in screen(text))
    (line,) = [line for line in screen(text) if line.startswith("case.md")]
    assert line == "case.md .." + " " * 63 + "[100%]"  # as wide as without it


@pytest.mark.parametrize(
    "args", [("-v",), ("-s",), ("-o", "console_output_style=classic")]
)
def test_nothing_of_it_stays(at_terminal, args):
    text = at_terminal(*args)

    assert "judging: 0 of 2" in text
    assert not any("judging" in line for line in screen(text))


def test_it_is_cut_to_the_width(at_terminal, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")  # below, pytest takes 80

    text = at_terminal()

    assert " [judging: 0 of 2" in text
    assert "tokens]" not in text


@pytest.mark.parametrize("quiet", ["CI", "-q", "TERM"])
def test_never_in_logs_nor_when_asked_to_be_quiet(at_terminal, monkeypatch, quiet):
    if quiet != "-q":
        monkeypatch.setenv(quiet, "dumb")

    text = at_terminal(*(["-q"] if quiet == "-q" else []))

    assert "judging" not in text
    assert "\x1b7" not in text


def test_never_in_a_file(at_terminal, pytester):
    result = pytester.runpytest_subprocess()

    assert "judging" not in result.stdout.str()
    assert "\x1b" not in result.stdout.str()
