"""How often the gates fail a run in which nothing changed, and how often they catch a drop.

``python benchmarks/gate_simulation.py [--quick] [--write docs/model-changes.md]``

A simulated judge has a usual verdict on every answer, and each of its replies says the
opposite with a known chance, the flip rate. Every recorded result is its usual verdict
on the recorded answer, so that the base run passes throughout. With a drop of 5 points
each new answer is worse with a chance of 5 %: the usual verdict on it differs from the
recorded result. A result whose first reply differs is put to the vote of
``verdict.confirm``, best of 5; then ``verdict.paired`` compares the two runs and
``verdict.gate`` decides.

Replies are drawn independently of each other. Those of a real judge are less so: an
answer that is on the edge gets the wrong verdict again and again, and no vote mends it.
The draws are seeded, so that the table is the same everywhere.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

from pytest_evalmd.verdict.confirm import decision
from pytest_evalmd.verdict.gate import Gate, GateKind, decide
from pytest_evalmd.verdict.paired import compare_runs
from pytest_evalmd.verdict.runs import RunResult

FLIPS = (0.0, 0.02, 0.05, 0.1)
CASES = (30, 100, 300)
DROPS = (0.0, 0.05, 0.1)
LIMIT = 5
"""Of votes: the default of ``--evalmd-confirm``."""
SEED = 20261121
BEGIN, END = "<!-- gate-simulation -->", "<!-- /gate-simulation -->"
HEAD = (
    "flips",
    "cases",
    "calls per result",
    "false alarms: one reply decides",
    "false alarms: any",
    "false alarms: significant",
    "drop of 5 caught: any",
    "drop of 5 caught: significant",
    "drop of 10 caught: any",
    "drop of 10 caught: significant",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """Of the simulated runs, how many failed, by gate."""

    single: float
    """Gate ``any`` on the first reply alone."""
    any: float
    significant: float
    calls: float
    """Replies per result."""


def main() -> int:
    """Simulate; print a table or write it."""
    given = parse_arguments()
    table = write_table(200 if given.quick else given.runs)
    if given.write is None:
        print(table)
        return 0
    return put_into(given.write, table)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=4000, help="simulated runs a cell")
    parser.add_argument("--quick", action="store_true", help="200 runs a cell")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help=f"put the table between {BEGIN}"
    )
    return parser.parse_args()


def write_table(runs: int) -> str:
    """Simulate every setting, as a markdown table."""
    rows: list[tuple[str, ...]] = [HEAD, ("---:",) * len(HEAD)]
    for flip in FLIPS:
        for cases in CASES:
            none, five, ten = (simulate(flip, cases, drop, runs) for drop in DROPS)
            alarms = (none.single, none.any, none.significant)
            caught = (five.any, five.significant, ten.any, ten.significant)
            said = (f"{100 * flip:g} %", str(cases), f"{none.calls:.2f}")
            rows.append(
                (*said, *(f"{100 * share:.1f} %" for share in (*alarms, *caught)))
            )
    source = f"Made by `benchmarks/gate_simulation.py`: {runs} runs a cell, votes of {LIMIT}."
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([*lines, "", source])


def simulate(flip: float, cases: int, drop: float, runs: int) -> Share:
    """Give the share of runs that fail."""
    random = Random(f"{SEED} {flip} {cases} {drop}")
    single = failed = significant = calls = 0
    for _ in range(runs):
        first, broke, asked = run_once(random, flip, cases, drop)
        calls += asked
        single += fails(cases, first, "any")
        failed += fails(cases, broke, "any")
        significant += fails(cases, broke, "significant")
    return Share(
        single=single / runs,
        any=failed / runs,
        significant=significant / runs,
        calls=calls / runs / cases,
    )


def run_once(
    random: Random, flip: float, cases: int, drop: float
) -> tuple[int, int, int]:
    """Judge a case after the other.

    Returns:
        how many differ by the first reply, how many by vote, how many replies it took.
    """
    first = broke = calls = 0
    for _ in range(cases):
        agrees = 1 - flip if random.random() >= drop else flip
        calls += 1
        if random.random() < agrees:
            continue
        first += 1
        agree, differ = 0, 1
        while (stands := decision(agree, differ, LIMIT)) is None:
            calls += 1
            said = random.random() < agrees
            agree, differ = agree + said, differ + (not said)
        broke += not stands
    return first, broke, calls


@cache
def fails(cases: int, broke: int, kind: GateKind) -> bool:
    """Put a run in which so many of the cases broke to a gate."""
    comparison = compare_runs(results(cases, 0), results(cases, broke))
    return decide(comparison, Gate(kind=kind)).failed


def results(cases: int, failed: int) -> list[RunResult]:
    """Give a run; it does not matter which of its cases failed."""
    return [
        RunResult(
            case=f"{n}.md",
            measure="good",
            type="ai",
            outcome="failed" if n < failed else "passed",
            output=n >= failed,
            output_text="false" if n < failed else "true",
            recorded_text="true",
        )
        for n in range(cases)
    ]


def put_into(path: Path, table: str) -> int:
    """Replace the table in a document; gives the exit status."""
    if not path.exists():
        print(f"{path}: no such file; nothing written", file=sys.stderr)
        return 1
    text = path.read_text(encoding="utf-8")
    between = re.compile(f"{re.escape(BEGIN)}.*?{re.escape(END)}", re.DOTALL)
    whole = f"{BEGIN}\n{table}\n{END}"
    replaced, count = between.subn(lambda found: whole, text)
    if count != 1:
        problem = f"expected {BEGIN} and {END} once, found {count}"
        print(f"{path}: {problem}; nothing written", file=sys.stderr)
        return 1
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(replaced)
    return 0


if __name__ == "__main__":
    sys.exit(main())
