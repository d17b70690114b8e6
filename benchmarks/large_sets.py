"""How long `evalmd check` and `evalmd report` take on many cases, and their memory.

    python benchmarks/large_sets.py [CASES]

Prints a table. Each command runs in a process of its own, on 10,000 cases of 6 measures
unless another number is given. POSIX only.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

MEASURES = 6
ANSWER = "\n".join(
    f"> Paragraph {n}: take **Zuvira** first, then Lomanta | see [1]."
    for n in range(20)
)
MAIN = "import sys; from pytest_evalmd.cli import main; sys.exit(main())"


def write_cases(folder: Path, number: int) -> None:
    """Write cases in folders of a hundred."""
    for n in range(number):
        path = folder / f"product-{n // 1000}" / f"type-{n // 100 % 10}" / f"{n}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_case(n), encoding="utf-8")


def _case(number: int) -> str:
    listed, results = [], []
    for n in range(MEASURES):
        keys = [f"id: m{n}", f"description: Is {n} there?", "type: ai", "prompt: P"]
        listed += ["> * ---", *(f">   * {key}" for key in keys)]
        results += ["", "> ```evaluation-yaml", f"> - measure: m{n}", "> ```", ""]
        results += ["> ```evaluation-result-text", f"> {n}", "> ```"]
    parts = ["---", "model: gpt-x", "---", "> ```query-text", f"> Which, {number}?"]
    parts += ["> ```", "", "> ```answer-text", ANSWER, "> ```", "", "> ```measures-md"]
    return "\n".join([*parts, *listed, "> ```", *results, ""])


def measure(*arguments: str) -> tuple[float, float]:
    """Run a command; gives seconds of CPU and MiB."""
    command = [sys.executable, "-c", MAIN, *arguments]
    child = os.posix_spawn(
        sys.executable,
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)],
    )
    _, status, used = os.wait4(child, 0)
    if status:
        sys.exit(f"{' '.join(arguments)} failed")
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Measure and print."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "cases"
        write_cases(folder, number)
        commands = [["check", str(folder)]] + [
            ["report", str(folder), "-o", f"{name}/report{suffix}"]
            for suffix in (".md", ".json", ".html")
            if suffix != ".html" or find_spec("pytest_evalmd.report.html")
        ]
        print(f"{number} cases of {MEASURES} measures, {time.strftime('%Y-%m-%d')}\n")
        print("| command | CPU, s | memory, MiB |\n|---|--:|--:|")
        for command in commands:
            seconds, memory = measure(*command)
            shown = f"{command[0]} {Path(command[-1]).suffix}".strip()
            print(f"| {shown} | {seconds:.1f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
