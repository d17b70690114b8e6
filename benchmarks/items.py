"""What pytest's side of it costs: replay, collecting, and pytest's start."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cases import MEASURES, MODEL, remember, write_cases, write_no_op
from processes import Usage, in_turns, median, pytest_command, run


def replay(folder: Path, measures: int, rounds: int) -> dict[str, list[Usage]]:
    """Run so many measures on recordings, as many no-op tests, and one of each."""
    cases = write_cases(folder / "cases", measures)
    remember(cases)
    one = write_cases(folder / "one", 1)
    remember(one)
    no_op = write_no_op(folder / "no_op", measures)
    one_no_op = write_no_op(folder / "one_no_op", 1)
    replaying = ("--evalmd-mode=replay", f"--judge-model={MODEL}")
    commands = {
        "plugin": pytest_command(cases, *replaying),
        "no-op": pytest_command(no_op, plugin=False),
        "plugin, one": pytest_command(one, *replaying),
        "no-op, one": pytest_command(one_no_op, plugin=False),
    }
    runs = {name: lambda c=c: run(c, folder) for name, c in commands.items()}
    runs["plugin, one"]()
    return in_turns(runs, rounds)


def replay_row(found: dict[str, list[Usage]], measures: int) -> str:
    """Give a line: time and memory an item, without pytest's start."""

    def each(name: str, which: str) -> float:
        pairs = zip(found[name], found[f"{name}, one"], strict=True)
        differences = [getattr(a, which) - getattr(b, which) for a, b in pairs]
        return median(differences) / (measures - 1)

    mine, floor = each("plugin", "cpu_s"), each("no-op", "cpu_s")
    wall = each("plugin", "wall_s") / each("no-op", "wall_s")
    more_kb = each("plugin", "peak_kb") - each("no-op", "peak_kb")
    peak_mb = median([one.peak_kb for one in found["plugin"]]) / 1024
    return (
        f"| {measures:,} | {mine * 1000:.3f} | {floor * 1000:.3f} | "
        f"{mine / floor:.2f} x ({wall:.2f} x wall) | {more_kb:.1f} | {peak_mb:.0f} |"
    )


def collect(folder: Path, count: int, rounds: int) -> str:
    """Give a line: ``--collect-only`` on so many cases, beside no-op tests."""
    cases = write_cases(folder / "cases", count * MEASURES)
    no_op = write_no_op(folder / "no_op", count * MEASURES)
    off = "--evalmd-mode=off"
    commands = {
        "plugin": pytest_command("--collect-only", cases, off),
        "no-op": pytest_command("--collect-only", no_op, plugin=False),
    }
    runs = {name: lambda c=c: run(c, folder) for name, c in commands.items()}
    found = in_turns(runs, rounds)
    ratios = [a.cpu_s / b.cpu_s for a, b in zip(*found.values(), strict=True)]
    wall_s = median([one.wall_s for one in found["plugin"]])
    peak_mb = median([one.peak_kb for one in found["plugin"]]) / 1024
    return (
        f"| {count:,} | {wall_s:.2f} | {1000 * wall_s / count:.2f} | "
        f"{median(ratios):.2f} x | {peak_mb:.0f} |"
    )


def start(folder: Path, rounds: int) -> Iterator[str]:
    """Give lines: pytest's start with the plugin and without."""
    no_op = write_no_op(folder / "no_op", 1)
    runs = {
        "with": lambda: run(pytest_command(no_op), folder),
        "without": lambda: run(pytest_command(no_op, plugin=False), folder),
    }
    runs["with"]()
    found = in_turns(runs, rounds)
    for which, name in (("wall_s", "wall"), ("cpu_s", "CPU")):
        pairs = zip(found["with"], found["without"], strict=True)
        more = median([getattr(a, which) - getattr(b, which) for a, b in pairs])
        best = min(getattr(a, which) for a in found["with"])
        best -= min(getattr(b, which) for b in found["without"])
        yield f"| {name} | {more * 1000:.1f} | {best * 1000:.1f} |"
