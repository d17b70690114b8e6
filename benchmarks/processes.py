"""Runs whole processes in turns, so that a machine that gets slower does so for all."""

from __future__ import annotations

import importlib.metadata
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_NEUTRAL = ("PYTHONDONTWRITEBYTECODE", "PYTEST_ADDOPTS", "CI", "PYTHONPATH")
"""Variables that would slow down or change only some of what is compared."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took."""

    wall_s: float
    cpu_s: float
    """Of it and its children."""
    peak_kb: int


def run(
    arguments: Sequence[str | Path],
    folder: Path,
    environment: Mapping[str, str] | None = None,
) -> Usage:
    """Run a process that has to succeed.

    Raises:
        SystemExit: it failed; says what it printed.
    """
    kept = {name: v for name, v in os.environ.items() if name not in _NEUTRAL}
    with tempfile.TemporaryFile() as output:
        since = time.perf_counter()
        process = subprocess.Popen(
            [str(one) for one in arguments],
            cwd=folder,
            env={**kept, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - since
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            said = output.read().decode("utf-8", "replace")[-3000:]
            raise SystemExit(f"{' '.join(map(str, arguments))} failed:\n{said}")
    return Usage(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss)


def in_turns(
    runs: Mapping[str, Callable[[], Usage]], rounds: int
) -> dict[str, list[Usage]]:
    """Run each once a round; every other round backwards."""
    found: dict[str, list[Usage]] = {name: [] for name in runs}
    for number in range(rounds):
        names = list(runs)
        for name in names if number % 2 == 0 else reversed(names):
            found[name].append(runs[name]())
    return found


def median(values: Sequence[float]) -> float:
    """Give the middle one, which one bad moment does not move."""
    return statistics.median(values)


def pytest_command(*arguments: str | Path, plugin: bool = True) -> list[str | Path]:
    """Give a run of pytest with no other plugin than this one, or with none."""
    others = {one.name for one in importlib.metadata.entry_points(group="pytest11")}
    off = [f"-pno:{name}" for name in sorted(others) if name != "evalmd" or not plugin]
    command = [sys.executable, "-m", "pytest", "-q", "-pno:cacheprovider"]
    return [*command, *off, *arguments]
