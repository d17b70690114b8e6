from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pytest_evalmd.logic.sandbox import Limits, LogicError, Sandbox

LIMITS = Limits(cpu_s=0.5, wall_s=1.0)
ORPHAN = """
import sys
from pytest_evalmd.logic.sandbox import Limits, Sandbox
sandbox = Sandbox(Limits(cpu_s=20.0, wall_s=0.5))
sandbox.matches("a", "a")
print(next(iter(sandbox._seats.values())).worker._process.pid, flush=True)
sandbox.run("while (1);", input=None, params={}, answer="", query="")
"""


@pytest.fixture
def sandbox():
    found = Sandbox(LIMITS)
    yield found
    found.close()


def run(sandbox, logic="return input", input=1):
    return sandbox.run(logic, input=input, params={}, answer="", query="")


def process(sandbox):
    return sandbox._seats[os.getpid()].worker._process


MATCHES = [
    ("a.c", "abc", False, True),
    ("a.c", "abcd", False, False),
    ("a.c", "a\nc", False, False),
    ("ABC", "abc", False, False),
    ("ABC", "abc", True, True),
    ("\ud800", "\ud800", False, True),
]


@pytest.mark.parametrize(("pattern", "text", "ignore_case", "expected"), MATCHES)
def test_matches(sandbox, pattern, text, ignore_case, expected):
    assert sandbox.matches(pattern, text, ignore_case=ignore_case) is expected


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "pattern does not compile: missing ), unterminated subpattern at"),
        ("(" * 20_000, "pattern does not compile: "),
        ("(a+)+$", "pattern did not finish within 1 s and was stopped (a slow"),
    ],
    ids=["invalid", "deep", "slow"],
)
def test_hostile_pattern(sandbox, pattern, message):
    with pytest.raises(LogicError) as caught:
        sandbox.matches(pattern, "a" * 40 + "b")
    assert str(caught.value).startswith(message)
    assert sandbox.matches("a", "a")


def doubling(n):
    refs = {f"d{i}": {"allOf": [{"$ref": f"#/$defs/d{i + 1}"}] * 2} for i in range(n)}
    return {"$ref": "#/$defs/d0", "$defs": {**refs, f"d{n}": True}}


def test_schema_error(sandbox):
    schema = {
        "items": {"$ref": "#/$defs/whole"},
        "$defs": {"whole": {"type": "integer"}},
    }
    assert sandbox.schema_error(schema, [1, 2**70]) is None
    found = sandbox.schema_error(schema, [1, "x\n"])
    assert found == r"$[1]: 'x\n' is not of type 'integer'"
    assert len(sandbox.schema_error({"type": "null"}, "x" * 1000)) == 500
    deep = 1
    for _ in range(199):
        deep = [deep]
    assert sandbox.schema_error({"items": {"$ref": "#"}}, deep) is None


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "no"}, "schema is invalid at $.type: "),
        ({"pattern": "("}, "schema is invalid at $.pattern: "),
        ({"$ref": "http://127.0.0.1:9/a"}, "schema names a $ref that leads nowhere: "),
        ({"$ref": "file:///etc/passwd"}, "schema names a $ref that leads nowhere: "),
        ({"$ref": "#/no"}, "schema names a $ref that leads nowhere: "),
        ({"$ref": "#"}, "schema recurses without end"),
        ({"const": {1, 2}}, "schema is not JSON: "),
    ],
)
def test_hostile_schema(schema, message):
    patient = Sandbox(Limits(cpu_s=30, wall_s=30))  # it imports jsonschema, too
    try:
        with pytest.raises(LogicError) as caught:
            patient.schema_error(schema, "a" * 40 + "b")
        assert str(caught.value).startswith(message)
        assert patient.schema_error({}, 1) is None
    finally:
        patient.close()


@pytest.mark.parametrize("schema", [{"pattern": "^(a+)+$"}, doubling(40)])
def test_slow_schema(sandbox, schema):
    message = "^schema did not finish within 1 s and was stopped"
    with pytest.raises(LogicError, match=message):
        sandbox.schema_error(schema, "a" * 40 + "b")
    assert sandbox.matches("a", "a")


@pytest.mark.skipif(sys.platform == "win32", reason="kills with a signal")
def test_killed_from_outside(sandbox):
    run(sandbox)
    timer = threading.Timer(0.1, os.kill, [process(sandbox).pid, signal.SIGKILL])
    timer.start()
    with pytest.raises(LogicError, match=r"^quickjs.* died \(SIGKILL\) while running"):
        run(sandbox, "while (1);")
    timer.join()
    assert run(sandbox) == 1
    os.kill(process(sandbox).pid, signal.SIGKILL)
    os.waitid(os.P_PID, process(sandbox).pid, os.WEXITED | os.WNOWAIT)
    assert run(sandbox) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="stops with a signal")
def test_stopped_from_outside_even_with_much_to_read(sandbox):
    run(sandbox)
    os.kill(process(sandbox).pid, signal.SIGSTOP)
    with pytest.raises(LogicError, match=r"^logic did not finish within 1 s"):
        run(sandbox, input="x" * 10**6)
    assert run(sandbox) == 1


def test_nothing_leaks():
    def threads():
        return [thread for thread in threading.enumerate() if thread.daemon]

    folder = Path("/proc/self/fd")
    before = (len(list(folder.iterdir())) if folder.exists() else 0), threads()
    sandbox = Sandbox(LIMITS)
    sandbox.close()
    for logic in ("return 1", "Array.prototype.reverse.call({length: 2**53 - 1})"):
        try:
            run(sandbox, logic)
            first = process(sandbox)
        except LogicError:
            pass
    run(sandbox)
    second = process(sandbox)
    sandbox.close()
    sandbox.close()
    assert None not in (first.returncode, second.returncode)
    gc.collect()
    after = (len(list(folder.iterdir())) if folder.exists() else 0), threads()
    assert after == before
    assert run(sandbox) == 1
    sandbox.close()


def test_close_does_not_wait_for_a_run():
    sandbox = Sandbox(Limits(cpu_s=30.0, wall_s=30.0))
    run(sandbox)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run, sandbox, "while (1);")
        time.sleep(0.1)
        sandbox.close()
        with pytest.raises(LogicError, match="died"):
            running.result(5)
    sandbox.close()


def test_threads_take_turns(sandbox):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda i: run(sandbox, input=i), range(100))) == [
            *range(100)
        ]


def test_interrupted_host_does_not_mix_up_answers(sandbox, monkeypatch):
    run(sandbox)
    with monkeypatch.context() as patch:
        read = "pytest_evalmd.logic.sandbox._read"
        patch.setattr(read, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(sandbox, input="first")
    assert run(sandbox, input="second") == "second"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_fork(sandbox):
    run(sandbox)
    with sandbox._seats[os.getpid()].lock:
        child = os.fork()
    if child == 0:  # pragma: no cover  (measured in the parent only)
        good = run(sandbox) == 1 and list(sandbox._seats) == [os.getpid()]
        sandbox.close()
        os._exit(0 if good else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert run(sandbox) == 1


def alive(pid):
    try:
        os.kill(pid, 0)
        # A container may have no init that reaps orphans.
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("utf-8")
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="looks into /proc")
def test_worker_ends_with_its_host():
    host = subprocess.Popen(
        [sys.executable, "-c", ORPHAN],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    pid = int(host.stdout.readline())
    assert alive(pid)
    assert os.getsid(pid) == pid  # Ctrl-C in the terminal does not reach it.
    host.kill()
    host.communicate()
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


def test_quickjs_missing(sandbox, monkeypatch, tmp_path):
    (tmp_path / "quickjs.py").write_text("raise ModuleNotFoundError(name='quickjs')")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    # Not the venv's: it would find quickjs all the same.
    base = Path(sys.base_prefix, "bin", "python3")
    bare = str(base) if base.exists() else sys._base_executable
    monkeypatch.setattr(sys, "executable", bare)
    with pytest.raises(LogicError) as caught:
        run(sandbox)
    assert str(caught.value) == (
        "JavaScript needs the package quickjs-ng, which is not installed in "
        f"{sys.executable}; pip install quickjs-ng"
    )
    monkeypatch.setattr(sys, "executable", str(tmp_path / "none"))
    sandbox.close()
    with pytest.raises(LogicError, match="could not be started"):
        run(sandbox)


def test_worker_sees_no_secrets(sandbox, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    run(sandbox)
    environment = Path(f"/proc/{process(sandbox).pid}/environ")
    if environment.exists():
        assert b"sk-secret" not in environment.read_bytes()
