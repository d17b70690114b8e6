"""Processes that die or get in each other's way: files stay whole, replies stay paid."""

from __future__ import annotations

import os
import signal

import pytest
from mock_server import MockServer
from projects import ai, asked

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")

KILLED_AT = """
import os, signal, sys
import pytest

left = {moment}
ending = False

def deadly(event, args):
    global left
    if not ending or event not in ("open", "os.rename", "os.remove"):
        return
    if event == "open" and not args[2] & (os.O_WRONLY | os.O_RDWR):
        return
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(deadly)

@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session):
    global ending
    ending = True
"""
"""Kills the run before the given change to the disk, counted from its end on."""
DYING = """
import os, signal
import pytest

begun = []

@pytest.hookimpl(trylast=True)
def pytest_runtest_setup(item):
    begun.append(item)
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw0" and len(begun) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""Kills the first worker in its second item."""


def end_at(project, moment):
    """Kill a run that updates results at a moment of its end; True: it survived."""
    paths = [project.write(f"c{n}", ai(f"m{n}"), results={f"m{n}": "7"}) for n in "ab"]
    old = [path.read_bytes() for path in paths]
    new = [data.replace(b"\n7\n", b"\n1\n") for data in old]
    project.conftest(KILLED_AT.format(moment=moment))
    with MockServer() as server:
        run = project.run(server, "-q", "--update-results")
        for path, before, after in zip(paths, old, new, strict=True):
            assert path.read_bytes() in (before, after)
        paid = asked(server)
        kept = project.recorded() | project.spooled()
        assert kept == paid

        for unfinished in project.path.rglob(".evalmd-*.tmp"):
            os.utime(unfinished, (0, 0))  # as if the next run came a minute later
        project.conftest("")
        server.requests.clear()
        again = project.run(server, "-q", "--update-results")
        assert again.summary == {"passed": 2}
        assert server.requests == []
    assert [path.read_bytes() for path in paths] == new
    assert set(project.recorded()) == set(paid)
    assert project.leftovers() == []
    if run.ret == 0:
        return True
    assert run.ret == -signal.SIGKILL
    return False


@pytest.mark.fault(
    "kill -9 while results are written or replies folded",
    sees=(),
    keeps="each case file as it was or as it was to be; every reply: the next run asks "
    "nothing and brings all to its end",
)
@pytest.mark.parametrize("moment", [1, 5, 9])
def test_killed_at_the_end(project, moment):
    assert not end_at(project, moment)


@pytest.mark.slow
def test_killed_at_every_second_moment_of_the_end(project, tmp_path):
    survived = moment = 0
    while not survived:
        moment += 2
        project.path = tmp_path / f"moment{moment}"
        project.path.mkdir()
        project.ini()
        survived = end_at(project, moment)
    assert moment > 8


@pytest.mark.fault(
    "two runs at once rewrite the same results",
    sees=("2 passed",),
    keeps="each file whole, written by one of them; each request is asked once",
)
def test_two_runs_that_update(project, seen):
    paths = [project.write(f"c{n}", ai(f"m{n}"), results={f"m{n}": "7"}) for n in "ab"]
    new = [path.read_bytes().replace(b"\n7\n", b"\n1\n") for path in paths]
    with MockServer(latency_s=0.3) as server:
        running = [project.start(server, "-q", "--update-results") for _ in range(2)]
        runs = [one.wait() for one in running]
        assert len(asked(server)) == 2
        assert set(asked(server).values()) <= {1, 3}  # or three votes, once each
    for run in runs:
        seen(run.out)
        # The second one finds what it was to write, or a file that changed.
        refused = "the file changed since it was read; run again" in run.out
        assert run.ret == int(refused)
    assert min(run.ret for run in runs) == 0
    assert [path.read_bytes() for path in paths] == new
    assert not list(project.path.rglob("*.tmp"))
    assert len(project.recorded()) == 2


@pytest.mark.fault(
    "an xdist worker is killed",
    sees=("worker 'gw0' crashed while running",),
    keeps="every reply that came; other measures run, in a worker that takes its place",
)
def test_a_worker_that_dies(project, seen):
    project.write_many(12)
    cases = project.cases()
    project.conftest(DYING)
    with MockServer(latency_s=0.02) as server:
        run = project.run(server, "-q", "-n2", "--evalmd-concurrency=2")
        seen(run.out)
        assert run.ret == pytest.ExitCode.TESTS_FAILED
        assert run.summary == {"passed": 11, "failed": 1}
        kept = set(project.recorded()) | set(project.spooled())
        assert len(kept) >= 11
        assert project.cases() == cases

        server.requests.clear()
        assert project.run(server, "-q").summary == {"passed": 12}
        assert set(asked(server)) & kept == set()
    assert len(project.recorded()) == 12
    assert project.leftovers() == []
