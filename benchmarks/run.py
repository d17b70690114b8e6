"""All benchmarks in one command.

``python benchmarks/run.py [--quick] [--only a,b] [--write docs/performance.md]``

Every figure is a ratio between runs that took turns on this machine; times alone say
how fast the machine is. ``--quick`` takes about two minutes and leaves out what is
large. Peers run where they are installed: ``--peers`` names the Python that has
deepeval, inspect-ai or pydantic-evals, and ``--promptfoo`` the program.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import items
import judging
import units
from cases import write_bodies, write_cases

BEGIN, END = "<!-- benchmarks: begin -->", "<!-- benchmarks: end -->"
LOADS = [(200, 0.2, 20), (1000, 0.02, 50), (5000, 0.02, 50)]
"""Requests, seconds a reply takes, and how many are in flight."""
REPLAYS = [(1000, 7), (10_000, 2), (100_000, 1)]
"""Measures, and how many times as many rounds: the shorter a run, the noisier."""
PEERS = {
    "pydantic-evals": "pydantic_evals",
    "inspect-ai": "inspect_ai",
    "deepeval": "deepeval",
}
"""Their packages, and the modules that tell whether they are there."""
SLOW = {"deepeval"}
"""Takes minutes for more than the fewest requests."""


def main() -> None:
    """Run what is asked for; print and maybe write a table."""
    given = parse_arguments()
    if given.serve is not None:
        judging.serve(given.serve)
        return
    lines = [head(given)]
    # Each in a process of its own: what is started counts its parent's peak as its own.
    with multiprocessing.Pool(1, maxtasksperchild=1) as pool:
        for name in PARTS:
            if name in given.only:
                lines += pool.apply(run_part, (name, given))
    text = "\n".join(lines) + "\n"
    print(text)
    if given.write:
        write(given.write, text)


def run_part(name: str, given: argparse.Namespace) -> list[str]:
    """Run one part, and show its lines at once."""
    lines = []
    for line in PARTS[name](given):
        print(line, file=sys.stderr, flush=True)
        lines.append(line)
    return lines


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and once")
    parser.add_argument("--only", default=",".join(PARTS), help="such as a,b")
    parser.add_argument("--write", type=Path, help="the file whose table to replace")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", default=sys.executable, help="a Python")
    parser.add_argument("--promptfoo", default=shutil.which("promptfoo"))
    parser.add_argument("--serve", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.rounds = 1 if given.quick else given.rounds
    given.only = set(given.only.split(","))
    if not given.only <= PARTS.keys():
        parser.error(f"--only: expected some of {', '.join(PARTS)}")
    if given.write and not has_table(given.write):
        parser.error(f"{given.write}: expected a line {BEGIN!r} and a line {END!r}")
    return given


def head(given: argparse.Namespace) -> str:
    """Say what ran where and when."""
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("pytest-evalmd", "pytest", "openai", "h11")
    ]
    versions += [f"{name} {version}" for name, version in peer_versions(given).items()]
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"
    return (
        f"{datetime.date.today()}, {os.cpu_count()} x {platform.machine()}, "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"{', '.join(versions)}. Medians of {given.rounds}; load before: {load}."
    )


def peer_versions(given: argparse.Namespace) -> dict[str, str]:
    """Give the versions of the peers that are there."""
    code = (
        "import importlib.metadata as m\n"
        f"for name in {list(PEERS)}:\n"
        "    try: print(name, m.version(name))\n"
        "    except m.PackageNotFoundError: pass\n"
    )
    said = subprocess.run(
        [given.peers, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    found = dict(line.split() for line in said.splitlines())
    if given.promptfoo:
        said = subprocess.run(
            [given.promptfoo, "--version"], capture_output=True, text=True, check=True
        ).stdout
        found["promptfoo"] = said.split()[-1]
    return found


def part_a(given: argparse.Namespace) -> Iterator[str]:
    """Judging, beside the limit and the peers."""
    for requests, latency_s, concurrency in LOADS[: 1 if given.quick else None]:
        commands = {
            name: command
            for name, command in peer_commands(given).items()
            if requests == LOADS[0][0] or name not in SLOW
        }
        with scratch() as folder:
            found = judging.measure(
                folder, requests, latency_s, concurrency, given.rounds, commands
            )
        yield from judging.rows(found, requests, latency_s, concurrency)


def peer_commands(given: argparse.Namespace) -> dict[str, list[str]]:
    """Say how each peer that is there is run; bodies and concurrency follow."""
    folder = Path(__file__).with_name("peers")
    commands: dict[str, list[str]] = {}
    for name in peer_versions(given):
        python, extra = given.peers, []
        if name == "promptfoo":
            python, extra = sys.executable, [given.promptfoo]
        script = folder / f"{name.replace('-', '_')}_run.py"
        commands[name] = [python, str(script), *extra]
    return commands


def part_b(given: argparse.Namespace) -> Iterator[str]:
    """Replay, beside no-op tests."""
    replays = REPLAYS[: 1 if given.quick else None]
    medians = ", ".join(str(given.rounds * times) for _, times in replays)
    yield (
        "\n**b) Replay, an item beside a parametrized test that does nothing** "
        f"(CPU, without pytest's start; medians of {medians}); target: 1.5 x, 2 KB\n"
    )
    yield "| measures | ms each | no-op, ms | ratio | KB each above | peak MB |"
    yield "|---|---|---|---|---|---|"
    for measures, times in replays:
        rounds = given.rounds * times
        with scratch() as folder:
            yield items.replay_row(items.replay(folder, measures, rounds), measures)


def part_c(given: argparse.Namespace) -> Iterator[str]:
    """Collecting."""
    yield (
        "\n**c) `--collect-only`**, cases of 4 measures, beside as many no-op tests\n"
    )
    yield "| cases | wall s | ms a case | CPU, ratio | peak MB |\n|---|---|---|---|---|"
    for count in (1000, 10_000)[: 1 if given.quick else None]:
        with scratch() as folder:
            yield items.collect(folder, count, given.rounds)


def part_d(given: argparse.Namespace) -> Iterator[str]:
    """Start."""
    yield "\n**d) pytest's start with the plugin and no case**; target: 10 ms more\n"
    yield "| | ms more, median | ms more, best of each |\n|---|---|---|"
    with scratch() as folder:
        yield from items.start(folder, 7 * given.rounds)


def part_e(given: argparse.Namespace) -> Iterator[str]:
    """One rewrite."""
    yield "\n**e) and f)**\n\n| what | time | beside |\n|---|---|---|"
    for size in (10_000, 10_000_000):
        with scratch() as folder:
            yield units.rewrite(folder, size, 3 * given.rounds)


def part_f(given: argparse.Namespace) -> Iterator[str]:
    """One evaluation."""
    yield from units.evaluation(200 * given.rounds)


def part_g(given: argparse.Namespace) -> Iterator[str]:
    """The pool of openai's client, which a user's own client brings along."""
    requests = 200 if given.quick else 1000
    yield (
        f"\n**g) openai's own client, CPU of a call** by how many are in flight "
        f"({requests:,} calls of 0.2 s)\n"
    )
    yield "| in flight | ms CPU a call |\n|---|---|"
    with scratch() as folder:
        cases = write_cases(folder / "cases", requests)
        bodies = write_bodies(cases, folder / "bodies.json")
        yield from units.pool(folder, bodies, requests, 0.2)


PARTS: dict[str, Callable[[argparse.Namespace], Iterator[str]]] = {
    "a": part_a,
    "b": part_b,
    "c": part_c,
    "d": part_d,
    "e": part_e,
    "f": part_f,
    "g": part_g,
}


class scratch(tempfile.TemporaryDirectory[str]):
    """A folder for one part."""

    def __enter__(self) -> Path:
        """Give it as a path."""
        return Path(super().__enter__())


def has_table(path: Path) -> bool:
    """Tell whether a file has a place for the table."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    return -1 < text.find(BEGIN) < text.find(END)


def write(path: Path, table: str) -> None:
    """Put the table between its marks."""
    text = path.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n{table}{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
