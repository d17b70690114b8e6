"""pytest-xdist as the engine: what one process finds and writes, several do, too."""

from __future__ import annotations

import re
import shutil
import sys
from collections import Counter

import pytest
from measures import ai, logic

pytest.importorskip("xdist")

JUDGE = '''
import asyncio
import os
import time
from pathlib import Path
import pytest
from pytest_evalmd import Reply
from pytest_evalmd.judge.model import Usage

class Judge:
    """Answers with how long the prompt is, slowly, and notes what it was asked."""

    async def complete(self, request):
        text = request.messages[-1].content
        task = text.partition("The task:")[2].split()[0]
        with Path("asked.txt").open("a", encoding="utf-8") as log:
            log.write(task + chr(10))
        await asyncio.sleep(0.05)
        text = '{{"reason": "seen", "response": "%s"}}' % task.lower()
        return Reply(text=text, usage=Usage(asked=100, answered=10, cached=0))

@pytest.fixture(scope="session")
def llm_client():
    return Judge()

def pytest_runtest_call(item):
    {on_call}
'''
CASES = 6


@pytest.fixture
def project(pytester, write_case):
    """Write cases whose chains spread over workers; give what runs left behind."""

    def install(on_call="pass"):
        pytester.makeconftest(JUDGE.format(on_call=on_call))
        for n in range(CASES):
            chain = [
                ai(f"first{n}"),
                logic("upper", "return input.toUpperCase();", input=f"first{n}"),
                ai(f"second{n}", input="upper"),
                logic("size", "return input.length;", input=f"second{n}"),
                logic("broken", "return nothing.at;"),
            ]
            write_case(
                "".join(chain),
                {f"first{n}": f"first{n}", "upper": "OTHER", "size": ""},
                name=f"cases/c{n}.md",
            )
        return pytester.path

    return install


def asked(path):
    log = path / "asked.txt"
    return Counter(log.read_text().split()) if log.exists() else Counter()


def files(path):
    """Give all that a run writes for people to keep, durations aside."""
    kept = [
        *path.glob("cases/*.md"),
        *path.glob("cases/__evalmd__/*"),
        path / "run.json",
    ]
    return {
        str(file.relative_to(path)): re.sub(
            r'"duration_s": [\d.]+', "", file.read_text(encoding="utf-8")
        )
        for file in kept
        if file.is_file()
    }


def outcomes(result):
    """Give what the summary says of each item, once however often it ran."""
    found = (
        re.search(r"^(PASSED|FAILED|ERROR|UPDATED) (\S+::\S+)", line)
        for line in result.outlines
    )
    return sorted({match.groups() for match in found if match})


UPDATE = ("-rA", "--update-results", "--evalmd-run=run.json")
ENGINES = [
    ("-n0",),
    ("-n2", "--dist=load"),
    ("-n2", "--dist=loadscope"),
    ("-n2", "--dist=loadfile"),
    ("-n2", "--dist=loadgroup"),
    ("-n2", "--dist=worksteal"),
    ("-n2", "--dist=each"),
    ("--dist=no",),
    ("-n9", "--maxprocesses=1"),
    ("--dist=load", f"--tx=2*popen//python={sys.executable}"),
    ("-n2", "--dist=load", "--maxschedchunk=1"),
]


@pytest.fixture(scope="module")
def whole():
    """Hold what one process found and wrote, once it did."""
    return {}


@pytest.mark.parametrize("engine", ENGINES, ids=" ".join)
def test_every_engine_finds_and_writes_the_same(project, pytester, whole, engine):
    path = project()
    if not whole:
        whole["outcomes"] = outcomes(pytester.runpytest_subprocess(*UPDATE))
        whole["files"], whole["asked"] = files(path), asked(path)
        (path / "asked.txt").unlink()
        shutil.rmtree(path / "cases")
        project()

    result = pytester.runpytest_subprocess(*UPDATE, *engine)

    assert result.ret == 1
    assert outcomes(result) == whole["outcomes"]
    assert len(whole["outcomes"]) == 5 * CASES
    assert asked(path) == whole["asked"]
    assert files(path) == whole["files"]
    assert len(whole["files"]) == 2 * CASES + 1
    (cost,) = [line for line in result.outlines if line.startswith("judge: ")]
    assert cost.startswith(f"judge: {whole['asked'].total()} asked, 0 remembered; ")
