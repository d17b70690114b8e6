"""Ctrl-C and worse: the run ends at once and every file stays whole."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from measures import ai, logic

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")

SLOW = """
import asyncio
import pytest
from pytest_evalmd import Reply

class Judge:
    async def complete(self, request):
        open("asked.txt", "a").close()
        await asyncio.sleep({seconds})
        return Reply(text='{{"response": "calm"}}')

@pytest.fixture(scope="session")
def llm_client():
    return Judge()
"""
MEASURES = logic("first", "return 'new';") + ai("slow")
RESULTS = {"first": "old", "slow": "calm"}


@pytest.fixture
def start(pytester):
    """Start pytest in a process group of its own; end what is left of it."""
    started = []

    def start_pytest(*args):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *args]
        with (pytester.path / "out.txt").open("wb") as out:
            process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        started.append(process)
        wait_for(pytester.path / "asked.txt")
        return process

    yield start_pytest
    for process in started:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def wait_for(path: Path, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never came"
        time.sleep(0.02)


def sandboxes() -> set[int]:
    """Give the ids of the processes that run JavaScript for a test of ours."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes()
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if b"logic/worker.py" in command and where == Path.cwd():
            found.add(int(entry.name))
    return found


def wait_for_text(path: Path, text: str, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while text not in (found := path.read_text(encoding="utf-8")):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("args", "seconds"), [([], 60), (["-n2"], 2)], ids=["plain", "-n2"]
)
@pytest.mark.fault(
    "Ctrl-C while results are updated",
    sees=("first: old -> new",),
    keeps="the results that were computed are written; the others stay",
)
def test_ctrl_c(pytester, write_case, start, args, seconds):
    pytester.makeconftest(SLOW.format(seconds=seconds))
    path = write_case(MEASURES, RESULTS)
    before = path.read_text()

    process = start("--update-results", "-v", *args)
    if args:  # the fast measure is another worker's
        time.sleep(0.5)
    since = time.monotonic()
    os.killpg(process.pid, signal.SIGINT)
    wait_for_text(path, "> new")
    if not args:  # a second time, not to wait for the reply either
        time.sleep(0.5)  # till it is waited for: what was written is listed before
        os.killpg(process.pid, signal.SIGINT)
    code = process.wait(40)

    out = (pytester.path / "out.txt").read_text()
    assert time.monotonic() - since < 30, out  # of 60, however slow the machine is
    assert code == pytest.ExitCode.INTERRUPTED, out
    assert path.read_text() == before.replace("> old", "> new"), out
    assert "INTERNALERROR" not in out
    assert "Traceback" not in out
    assert "first: old -> new" in out
    assert not list(pytester.path.glob(".evalmd-*"))
    if Path("/proc").exists():
        assert sandboxes() == set()


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks into /proc")
def test_kill_leaves_files_and_no_process(pytester, write_case, start):
    pytester.makeconftest(SLOW.format(seconds=60))
    path = write_case(MEASURES, RESULTS)
    before = path.read_bytes()

    process = start("--update-results")
    assert len(sandboxes()) == 1
    process.kill()
    process.wait(10)

    deadline = time.monotonic() + 10
    while sandboxes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sandboxes() == set()
    assert path.read_bytes() == before
    assert not list(pytester.path.glob(".evalmd-*"))
