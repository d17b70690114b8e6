"""Locks that hold between processes and are free once their holder is dead."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pytest_evalmd.judge import locks as module
from pytest_evalmd.judge.locks import PLACES, FileLock, KeyLocks, locked
from pytest_evalmd.judge.scheduler import StoppedError
from pytest_evalmd.judge.store import CaseReplies, claims

KEY = "0" * 16


def open_files():
    return len(list(Path("/proc/self/fd").iterdir()))


def lock_file(case):
    (file,) = (case.parent / "__evalmd__/.spool").glob("*.lock")
    return file


def test_held_by_one_at_a_time(tmp_path):
    one, other = FileLock(tmp_path / "x"), FileLock(tmp_path / "x")

    assert one.try_acquire()
    assert not other.try_acquire()
    one.release()
    assert other.try_acquire()
    other.release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_can_not_be_made(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        FileLock(tmp_path / "no/x").try_acquire()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_no_handle_stays_open(tmp_path, monkeypatch):
    before = open_files()
    held = FileLock(tmp_path / "x")
    held.try_acquire()
    for _ in range(20):
        FileLock(tmp_path / "x").try_acquire()
    held.release()
    held.release()

    def no_locks(_handle):
        raise OSError(37, "No locks available")

    monkeypatch.setattr("pytest_evalmd.judge.locks._lock", no_locks)
    with pytest.raises(OSError, match="No locks"):
        held.try_acquire()
    assert open_files() == before


def test_many_threads(tmp_path):
    inside, most = [], []

    def work():
        for _ in range(10):
            with locked(tmp_path / "x"):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1
    assert len(most) == 40


HOLDER = """
import asyncio, sys
from pathlib import Path
from pytest_evalmd.judge.store import CaseReplies

async def hold():
    async with CaseReplies(Path(sys.argv[1]), "r").claim(sys.argv[2], bool):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


@pytest.fixture
def case(tmp_path):
    return tmp_path / "case.md"


@pytest.fixture
def holder(case):
    """Another process that has claimed a key."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(case), KEY], stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_claim_of_a_process_that_is_killed(case, holder):
    events = []

    async def run():
        async with CaseReplies(case, "r").claim("1" * 16, bool):
            events.append("another key is free")
        asyncio.get_running_loop().call_later(0.1, kill)
        async with CaseReplies(case, "r").claim(KEY, bool):
            events.append("claimed")

    def kill():
        events.append("killed")
        os.kill(holder.pid, signal.SIGKILL)

    asyncio.run(asyncio.wait_for(run(), 10))

    assert events == ["another key is free", "killed", "claimed"]


def test_the_file_of_claims_stays_while_another_process_has_one(case, holder):
    claims(case.parent).sweep()
    assert lock_file(case).exists()
    holder.kill()
    holder.wait()
    claims(case.parent).sweep()
    assert not (case.parent / "__evalmd__/.spool/claims.lock").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_keys_share_one_open_file(tmp_path):
    before, locks = open_files(), KeyLocks(tmp_path / "x")
    keys = [f"{n:016x}" for n in range(50)]
    assert all(map(locks.try_acquire, keys))
    assert not any(map(locks.try_acquire, keys))
    assert not locks.try_acquire(f"{PLACES:016x}")  # shares a byte with the first
    assert open_files() == before + 1
    locks.sweep()
    assert (tmp_path / "x").exists()
    for key in keys * 2:
        locks.release(key)
    assert open_files() == before
    locks.sweep()
    locks.sweep()
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_claims_that_was_removed_meanwhile(tmp_path, monkeypatch):
    """Another process swept it after it was opened here and before it was locked."""
    locks, lock = KeyLocks(tmp_path / "x"), module._lock_bytes

    def slow_lock(*arguments):
        monkeypatch.setattr(module, "_lock_bytes", lock)
        (tmp_path / "x").unlink()
        return lock(*arguments)

    monkeypatch.setattr(module, "_lock_bytes", slow_lock)
    assert locks.try_acquire(KEY)
    assert (tmp_path / "x").exists()
    locks.release(KEY)


def test_nobody_waits_for_a_claim_after_the_run_was_stopped(case, holder):
    async def run():
        async with CaseReplies(case, "r").claim(KEY, lambda: True):
            raise AssertionError

    with pytest.raises(StoppedError):
        asyncio.run(asyncio.wait_for(run(), 10))
    assert lock_file(case).exists()


def test_one_task_at_a_time(case):
    inside, most = [], []

    async def work(known):
        async with known.claim(KEY, bool):
            inside.append(1)
            most.append(len(inside))
            await asyncio.sleep(0.001)
            inside.pop()

    async def run():
        one, other = CaseReplies(case, "r"), CaseReplies(case, "r")
        await asyncio.gather(*(work(known) for known in (one, other) for _ in range(3)))

    asyncio.run(asyncio.wait_for(run(), 10))
    assert max(most) == 1
    assert len(most) == 6


def test_a_claim_is_given_back_whatever_happens(case):
    async def run():
        known = CaseReplies(case, "r")
        with pytest.raises(ValueError, match="no"):
            async with known.claim(KEY, bool):
                raise ValueError("no")
        cancelled = asyncio.create_task(hold(known))
        await asyncio.sleep(0.01)
        waiting = asyncio.create_task(hold(known))
        await asyncio.sleep(0.01)
        for task in (waiting, cancelled):
            task.cancel()
        await asyncio.gather(waiting, cancelled, return_exceptions=True)
        async with known.claim(KEY, bool):
            return True

    async def hold(known):
        async with known.claim(KEY, bool):
            await asyncio.sleep(60)

    assert asyncio.run(asyncio.wait_for(run(), 5))
    claims(case.parent).sweep()
    assert not [*(case.parent / "__evalmd__/.spool").glob("*.lock")]


def test_where_nothing_can_be_written_nothing_is_shared(case):
    (case.parent / "__evalmd__").write_text("a file is in its place")

    async def run():
        known = CaseReplies(case, "r")
        async with known.claim(KEY, bool), known.claim(KEY, bool):
            return True

    assert asyncio.run(asyncio.wait_for(run(), 5))


def test_what_is_raised_where_nothing_is_shared(case):
    (case.parent / "__evalmd__").write_text("a file is in its place")

    async def run():
        async with CaseReplies(case, "r").claim(KEY, bool):
            raise ValueError("ours")

    with pytest.raises(ValueError, match="ours") as caught:
        asyncio.run(run())
    assert caught.value.__context__ is None  # the user is told of nothing else
