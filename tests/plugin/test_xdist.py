"""pytest-xdist as the engine: what one process finds and writes, several do, too."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest
from measures import ai, logic

from pytest_evalmd.cli import main

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
CASES = 4


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


def costs(lines):
    return [line for line in lines if line.startswith("judge: ")]


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
def test_every_engine_finds_and_writes_the_same(project, run_here, whole, engine):
    path = project()
    if not whole:
        whole["outcomes"] = outcomes(run_here(*UPDATE))
        whole["files"], whole["asked"] = files(path), asked(path)
        (path / "asked.txt").unlink()
        shutil.rmtree(path / "cases")
        project()

    result = run_here(*UPDATE, *engine)

    assert result.ret == 1
    assert outcomes(result) == whole["outcomes"]
    assert len(whole["outcomes"]) == 5 * CASES
    assert asked(path) == whole["asked"]
    assert files(path) == whole["files"]
    assert len(whole["files"]) == 2 * CASES + 1
    (cost,) = costs(result.outlines)
    assert cost.startswith(f"judge: {whole['asked'].total()} asked, 0 remembered; ")


CRASH = """
    if item.nodeid == "cases/c1.md::size":
        os._exit(3)
"""


@pytest.mark.parametrize(
    "dist", ["load", pytest.param("worksteal", marks=pytest.mark.slow)]
)
def test_a_worker_that_crashes_loses_its_item_only(
    project, run_here, pytester, dist, capsys
):
    path = project()
    run_here("--update-results", "--evalmd-run=run.json")
    whole, recordings = asked(path), list(path.glob("cases/__evalmd__/*.json"))
    shutil.rmtree(path / "cases")
    (path / "asked.txt").unlink()
    (path / "run.json").rename(path / "whole.json")
    project(CRASH)

    result = run_here("-n2", f"--dist={dist}", *UPDATE)

    result.stdout.fnmatch_lines(
        ["worker 'gw?' crashed while running 'cases/c1.md::size'"]
    )
    results = json.loads((path / "run.json").read_text())["results"]
    (size,) = [
        one for one in results if one["outcome"] == "error" and one["measure"] == "size"
    ]
    assert size["problem"] == "the worker crashed while running it"
    assert len(results) == 5 * CASES
    assert main(["compare", "whole.json", "run.json"]) == 1
    out = capsys.readouterr().out
    assert "cases/c1.md::size" in out
    assert "the worker crashed while running it" in out
    assert asked(path) == whole
    assert sorted(path.glob("cases/__evalmd__/*.json")) == sorted(recordings)
    spool = path / "cases/__evalmd__/.spool"
    assert [file.name for file in spool.iterdir()] == [".gitignore"]
    # All that the next run finds to write is what crashed.
    pytester.makeconftest(JUDGE.format(on_call="pass"))
    result = run_here("--update-results", "-v")
    updated = [line.split()[0] for line in result.outlines if " UPDATED" in line]
    assert updated == ["cases/c1.md::size"]
    assert asked(path) == whole


SLOW = """
    Path("called.txt").touch()
    time.sleep(0.3)
"""


def test_what_is_remembered_counts_once(project, run_here):
    project()
    run_here("--update-results")
    (alone,) = costs(run_here().outlines)
    (together,) = costs(run_here("-n2", "--dist=load", "--maxschedchunk=1").outlines)
    assert together == alone
    assert together.startswith("judge: 0 asked, ")


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")
def test_the_cost_survives_ctrl_c(project):
    path = project(SLOW)
    command = [sys.executable, "-m", "pytest", "-n2", "--dist=load"]
    with (path / "out.txt").open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 30
        while not (path / "called.txt").exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)

    assert process.returncode == pytest.ExitCode.INTERRUPTED
    (cost,) = costs((path / "out.txt").read_text(encoding="utf-8").splitlines())
    assert cost.startswith(f"judge: {asked(path).total()} asked, 0 remembered; ")
