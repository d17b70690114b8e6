"""Runs that end early: what was paid is on disk, and nothing else is asked."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from mock_server import MockServer
from projects import asked

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's here")

THREADS = """
import threading
def pytest_unconfigure():
    pass
import atexit
def tell():
    print("THREADS", [t.name for t in threading.enumerate() if "evalmd" in t.name])
atexit.register(tell)
"""
FIRST_FAILS = (
    "import pytest\n"
    "def pytest_runtest_call(item):\n"
    "    if 'case0000' in item.nodeid:\n"
    "        raise AssertionError('on purpose')\n"
)


INTERRUPTED = (
    "from pathlib import Path\n"
    "def pytest_keyboard_interrupt():\n"
    "    Path('interrupted').touch()\n"
)


def wait_for_requests(server, count):
    deadline = time.monotonic() + 30
    while len(server.requests) < count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def wait_for_file(path):
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("option", ["-x", "--maxfail=1"])
def test_a_failure_that_ends_the_run(project, option):
    """Requests in flight come back and are remembered; no more are sent."""
    project.conftest(THREADS + FIRST_FAILS)
    project.write_many(60)
    with MockServer(latency_s=0.4) as server:
        run = project.run(server, "-q", option, "--evalmd-concurrency=4")

        assert run.ret == pytest.ExitCode.TESTS_FAILED
        assert len(server.requests) <= 12
        assert project.recorded() == asked(server)
        assert run.line("judge: ").startswith(f"judge: {len(server.requests)} asked")
        assert run.line("THREADS") == "THREADS []"
        assert "Warning" not in run.out
        assert run.seconds < 20
        assert project.leftovers() == []


@pytest.mark.fault(
    "Ctrl-C",
    sees=("KeyboardInterrupt",),
    keeps="every reply in flight: it is waited for, for up to 10 s; nothing else is asked",
)
def test_ctrl_c_waits_for_what_is_in_flight(project):
    project.conftest(THREADS)
    project.write_many(60)
    with MockServer(latency_s=1.5) as server:
        running = project.start(server, "-q", "--evalmd-concurrency=6")
        wait_for_requests(server, 6)
        since = time.monotonic()
        running.signal(signal.SIGINT)
        run = running.wait()
        took_s = time.monotonic() - since

        assert run.ret == pytest.ExitCode.INTERRUPTED
        assert len(server.requests) == 6
        assert project.recorded() == asked(server)
        assert took_s < 8
        assert "KeyboardInterrupt" in run.out
        assert "Warning" not in run.out
        assert run.line("THREADS") == "THREADS []"
        assert project.leftovers() == []


def test_a_second_ctrl_c_ends_at_once(project):
    project.conftest(INTERRUPTED)
    project.write_many(10)
    with MockServer(latency_s=30) as server:
        running = project.start(server, "-q", "--evalmd-concurrency=6")
        wait_for_requests(server, 6)
        running.signal(signal.SIGINT)
        wait_for_file(project.path / "interrupted")  # else both may become one
        time.sleep(0.5)
        since = time.monotonic()
        running.signal(signal.SIGINT)
        run = running.wait()

        assert time.monotonic() - since < 8  # of the 10 s that it would wait
        assert run.ret == pytest.ExitCode.INTERRUPTED
        assert len(server.requests) == 6
        assert "INTERNALERROR" not in run.out


def test_ctrl_c_with_workers(project):
    project.write_many(40)
    with MockServer(latency_s=0.5) as server:
        running = project.start(server, "-q", "-n2", "--evalmd-concurrency=4")
        wait_for_requests(server, 4)
        os.killpg(running.process.pid, signal.SIGINT)
        run = running.wait()

        assert run.ret == pytest.ExitCode.INTERRUPTED
        assert len(server.requests) < 40
        # What came back is somewhere: folded, or for the next run to find.
        kept = project.recorded() + project.spooled()
        assert set(kept) <= set(asked(server))
        before = len(server.requests)
        assert project.run(server, "-q").summary == {"passed": 40}
        assert len(server.requests) - before == 40 - len(kept)


def killed_runs(project, moments, *args):
    """Kill runs after so many seconds each; what was read must be on disk."""
    project.write_many(40)
    cases, kept = project.cases(), set()
    # Whoever reads a reply has asked for the next one only once it was written.
    with MockServer(latency_s=0.02) as server:
        for moment_s in moments:
            if len(kept) == 40:
                break  # a quick machine: there is nothing left to ask for
            project.conftest(f"# {moment_s}\n")
            server.requests.clear()
            running = project.start(server, "-q", "--evalmd-concurrency=4", *args)
            wait_for_requests(server, 1)
            time.sleep(moment_s)
            running.kill_all()

            time.sleep(0.1)
            kept = set(project.recorded()) | set(project.spooled())
            sent = asked(server)
            assert set(sent.values()) <= {1}
            # All but those that were in flight, one a slot.
            assert len(set(sent) - kept) <= 4, (sent, kept)
            assert project.cases() == cases
            yield kept

        for unfinished in project.path.rglob(".evalmd-*.tmp"):
            os.utime(unfinished, (0, 0))  # as if the next run came a minute later
        server.requests.clear()
        run = project.run(server, "-q", "--evalmd-concurrency=4", *args)
        assert run.summary == {"passed": 40}
        assert set(asked(server)) & kept == set()
        assert len(server.requests) == 40 - len(kept)
        assert set(project.recorded().values()) == {1}
        assert len(project.recorded()) == 40
        assert project.leftovers() == []
        assert project.cases() == cases


@pytest.mark.fault(
    "kill -9 while replies come",
    sees=(),
    keeps="every reply that was read, in the spool: the next run asks for the others only",
)
def test_kills(project):
    seen = [len(kept) for kept in killed_runs(project, [0.01, 0.02, 0.03, 0.04, 0.05])]
    assert seen == sorted(seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "rounds"), [((), 10), (("-n2",), 2)], ids=["plain", "-n2"]
)
def test_kills_at_50_random_moments(project, args, rounds, tmp_path):
    chance = random.Random(3)
    for round_ in range(rounds):
        project.path = tmp_path / f"round{round_}"
        project.path.mkdir()
        project.ini()
        moments = [chance.random() * 0.08 for _ in range(5)]
        for _ in killed_runs(project, moments, *args):
            pass
