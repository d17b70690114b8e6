"""Run JavaScript, regular expressions and schemas of case files, within limits.

They run in a process of their own, because nothing less stops them: the engine can
crash, and neither it nor Python's ``re`` can always be interrupted.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from pytest_evalmd.case.values import Value
from pytest_evalmd.logic.model import Limits, LogicError, decode, encode, one_line

__all__ = ["Limits", "LogicError", "Sandbox"]

START_S = 60.0
ENVIRONMENT = {"PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ"}
"""What the process gets to see; above all no API keys."""


class Sandbox:
    """One process for untrusted code: started when first needed, replaced when killed.

    May be used from several threads, one request at a time, and after a fork.
    A closed sandbox starts a new process when it is used again.
    """

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._seats: dict[int, _Seat] = {}

    def run(
        self,
        logic: str,
        *,
        input: Value,
        params: Mapping[str, Value],
        answer: str,
        query: str,
    ) -> Value:
        """Call ``function (input, params, answer, query)``, whose body is the logic.

        ``Date.now`` and ``Math.random`` are live: logic that uses them is not
        deterministic. Numbers come back as JavaScript writes them, 3.0 as 3. A value
        of undefined is null in an array and no property at all in an object.

        Raises:
            LogicError: it does not compile, throws, breaks a limit or returns
                something that is not JSON.
        """
        data = {
            "input": input,
            "params": dict(params),
            "answer": answer,
            "query": query,
        }
        texts = ",".join(encode(name, value) for name, value in data.items())
        return self._ask("logic", ["run", logic], f"[{texts}]")

    def compile(self, logic: str) -> None:
        """Check that logic compiles, without running any of it.

        Raises:
            LogicError: it does not, or is not the body of one function.
        """
        self._ask("logic", ["compile", logic])

    def matches(self, pattern: str, text: str, ignore_case: bool = False) -> bool:
        """Tell whether Python's ``re.fullmatch`` finds the pattern in the text.

        Raises:
            LogicError: the pattern is invalid or runs out of time.
        """
        return bool(self._ask("pattern", ["matches", pattern, text, ignore_case]))

    def schema_error(self, schema: Mapping[str, Value], value: Value) -> str | None:
        """Hold a value against a JSON Schema of draft 2020-12; nothing is fetched.

        Returns:
            The most telling error in one line, such as ``$.a[0]: 'x' is not of type
            'integer'``; None if the value is valid.

        Raises:
            LogicError: the schema is invalid, names an unknown ``$ref`` or takes too
                long.
        """
        found = self._ask("schema", ["schema", dict(schema), value])
        return one_line(found) if isinstance(found, str) else None

    def close(self) -> None:
        """Kill the process and wait for its end; may be called again."""
        seat = self._seat()
        # Not under the lock: a thread that waits for an answer holds it.
        worker = seat.worker
        if worker is not None:
            worker.kill()
        with seat.lock:
            seat.leave()

    def _ask(self, subject: str, request: list[Any], data: str = "") -> Value:
        try:
            frame = f"{json.dumps(request, allow_nan=False)}\n{data}".encode()
        except (ValueError, TypeError, RecursionError) as error:
            message = f"{subject} is not JSON: {error}"
            raise LogicError(message) from None
        reply = decode(self._seat().ask(frame, subject, self._limits).decode())
        if "error" in reply:
            engine = f" ({_engine()})" if reply["by_engine"] else ""
            raise LogicError(reply["error"] + engine, reply["line"])
        value: Value = reply["value"]
        return value

    def _seat(self) -> _Seat:
        # Keyed by process: after a fork, the lock may be held by a thread that is
        # gone, and the worker is the parent's. setdefault is atomic.
        mine = os.getpid()
        for pid in [pid for pid in self._seats if pid != mine]:
            if seat := self._seats.pop(pid, None):
                seat.leave(abandon=True)
        return self._seats.setdefault(mine, _Seat())


@dataclass(slots=True)
class _Seat:
    """Where the worker of one host process sits."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    worker: _Worker | None = None

    def ask(self, frame: bytes, subject: str, limits: Limits) -> bytes:
        with self.lock:
            if self.worker is None or not self.worker.alive():
                self.leave()
                self.worker = _Worker(limits)
            worker = self.worker
            try:
                return worker.ask(frame)
            except EOFError:
                self.leave()
                raise LogicError(worker.obituary(subject)) from None
            except BaseException:  # Such as Ctrl-C: an answer may still be coming.
                self.leave()
                raise

    def leave(self, *, abandon: bool = False) -> None:
        worker, self.worker = self.worker, None
        if worker is not None:
            worker.abandon() if abandon else worker.close()


class _Worker:
    """A process that answers one request after the other, and a thread to kill it."""

    def __init__(self, limits: Limits) -> None:
        config = {**asdict(limits), "path": [entry for entry in sys.path if entry]}
        script = Path(__file__).with_name("worker.py")
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", str(script), json.dumps(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={key: os.environ[key] for key in ENVIRONMENT & os.environ.keys()},
                start_new_session=True,  # Ctrl-C in the terminal is not for it.
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            message = f"{sys.executable} could not be started: {error}"
            raise LogicError(message) from None
        self._wall_s = limits.wall_s
        self._ready = self._late = False
        self._deadline: float | None = None
        self._deadline_lock = threading.Lock()
        self._closed = threading.Event()
        self._guard = threading.Thread(target=self._watch, daemon=True)
        self._guard.start()

    def alive(self) -> bool:
        return not self._late and self._process.poll() is None

    def ask(self, frame: bytes) -> bytes:
        if not self._ready:
            self._exchange(b"", START_S + self._wall_s)
            self._ready = True
        return self._exchange(len(frame).to_bytes(4, "big") + frame, self._wall_s)

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        self.kill()
        self._process.wait()
        self._closed.set()
        self._guard.join()
        self._close_pipes()

    def abandon(self) -> None:
        """Let go of a process that a parent of this process owns."""
        self._close_pipes()
        # Popen would warn that it still runs.
        self._process.returncode = 0

    def obituary(self, subject: str) -> str:
        """Say why the process, which was closed, gave no answer."""
        if self._late and not self._ready:
            return f"{sys.executable} took too long to start"
        logic = subject == "logic"
        if self._late:
            by = f" by killing {_engine()}" if logic else ""
            cause = f"{'endless loop or ' * logic}a slow regular expression?"
            time = f"{self._wall_s:g} s"
            return (
                f"{subject} did not finish within {time} and was stopped{by} ({cause})"
            )
        who = _engine() if logic else "the process"
        code = _exit_name(self._process.returncode)
        return f"{who} died ({code}) while running this {subject}"

    def _exchange(self, data: bytes, timeout_s: float) -> bytes:
        self._set_deadline(time.monotonic() + timeout_s)
        try:
            _write(self._process.stdin, data)
            head = _read(self._process.stdout, 4)
            return _read(self._process.stdout, int.from_bytes(head, "big"))
        except (OSError, ValueError):  # A closed pipe is one or the other.
            raise EOFError from None
        finally:
            self._set_deadline(None)

    def _set_deadline(self, deadline: float | None) -> None:
        with self._deadline_lock:
            self._deadline = deadline

    def _watch(self) -> None:
        # A thread, because Windows can't wait for a pipe. Nobody wakes it, which costs
        # more than a request: each deadline is at least wall_s away when it is set, so
        # a nap of wall_s misses none.
        nap = self._wall_s
        while not self._closed.wait(nap):
            with self._deadline_lock:
                deadline = self._deadline or math.inf
                nap = min(self._wall_s, deadline - time.monotonic())
                if nap <= 0:
                    self._late = True
                    self.kill()
                    return

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def _write(pipe: IO[bytes] | None, data: bytes) -> None:
    assert pipe is not None
    rest = memoryview(data)
    while rest:
        rest = rest[pipe.write(rest) :]


def _read(pipe: IO[bytes] | None, length: int) -> bytes:
    assert pipe is not None
    data = bytearray()
    while len(data) < length:
        part = pipe.read(length - len(data))
        if not part:
            raise EOFError
        data += part
    return bytes(data)


def _engine() -> str:
    for package, note in (("quickjs-ng", ""), ("quickjs", ", an engine of 2021")):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return f"{package} {importlib.metadata.version(package)}{note}"
    return "quickjs"


def _exit_name(code: int) -> str:
    with contextlib.suppress(ValueError):
        return signal.Signals(-code).name
    return f"exit status {code}"
