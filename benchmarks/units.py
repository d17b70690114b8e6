"""One rewrite of a file, one sandboxed evaluation, and openai's pool when it is full."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from judging import SCRIPT, served
from processes import median, run

from pytest_evalmd.files import digest, write_atomically
from pytest_evalmd.logic.model import Limits
from pytest_evalmd.logic.sandbox import Sandbox
from pytest_evalmd.outcome import Change
from pytest_evalmd.rewriting import rewrite as rewrite_case

CASE = """\
```query-text
Which one?
```

```answer-text
{answer}
```

```measures-md
* ---
  * id: m
  * description: D
  * type: ai
  * prompt: P
  * output: integer
```

```evaluation-yaml
- measure: m
```

```evaluation-result-text
1
```
"""
LINE = "An answer has lines of some length, as people write them in their notes.\n"
LIMITS = Limits(cpu_s=1, wall_s=5, memory_bytes=64 * 2**20, stack_bytes=2**20)


def rewrite(folder: Path, size: int, rounds: int) -> str:
    """Give a line: a result is written into a file of so many bytes."""
    path = folder / "case.md"
    text = CASE.format(answer=(LINE * (size // len(LINE) + 1))[:size])
    data = text.encode()

    def plugin() -> None:
        change = Change(
            path=str(path), digest=digest(data), measure_id="m", old="1", new="2"
        )
        lines, problem = rewrite_case(path, [change], None, {"m"})
        assert problem is None, problem
        assert len(lines) == 1

    mine, floor = [], []
    for _ in range(rounds):
        path.write_bytes(data)
        mine.append(_took_s(plugin))
        floor.append(_took_s(lambda: write_atomically(path, data)))
    ratios = [a / b for a, b in zip(mine, floor, strict=True)]
    return (
        f"| a rewrite in {size / 1000:,.0f} KB | {median(mine) * 1000:.1f} ms | "
        f"{median(ratios):.1f} x writing the file durably |"
    )


def evaluation(rounds: int) -> Iterator[str]:
    """Give lines: one evaluation in the sandbox, beside an echo by a process."""
    sandbox = Sandbox(LIMITS)
    echo = subprocess.Popen(
        [sys.executable, "-Ic", "import sys\nfor l in sys.stdin: print(l, flush=True)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    line = json.dumps({"text": LINE}).encode() + b"\n"

    def evaluate() -> None:
        found = sandbox.run(
            "return input.length;", input=LINE, params={}, answer=LINE, query="Q"
        )
        assert found == len(LINE)

    def exchange() -> None:
        assert echo.stdin
        assert echo.stdout
        echo.stdin.write(line)
        echo.stdin.flush()
        echo.stdout.readline()
        echo.stdout.readline()

    first_s = _took_s(evaluate)
    exchange()
    pairs = [(_took_s(evaluate), _took_s(exchange)) for _ in range(rounds)]
    sandbox.close()
    echo.kill()
    echo.communicate()
    each_s = median([mine for mine, _ in pairs])
    ratio = median([mine / floor for mine, floor in pairs])
    yield (
        f"| a sandboxed evaluation | {each_s * 1000:.2f} ms | "
        f"{ratio:.1f} x an echo by another process |"
    )
    yield f"| the first one, which starts the process | {first_s * 1000:.0f} ms | |"


def pool(folder: Path, bodies: Path, requests: int, latency_s: float) -> Iterator[str]:
    """Give lines: what a call costs openai's client as more are in flight."""
    script = folder / "pool.py"
    script.write_text(SCRIPT, encoding="utf-8")
    empty = folder / "none.json"
    empty.write_text("[]", encoding="utf-8")
    with served(latency_s) as environment:
        for at_once in (8, 16, 32, 64, 128, 256):
            command = [sys.executable, script, bodies, str(at_once)]
            start = run([*command[:2], empty, "1"], folder, environment)
            used = run(command, folder, environment)
            each_ms = (used.cpu_s - start.cpu_s) / requests * 1000
            yield f"| {at_once} | {each_ms:.2f} |"


def _took_s(call: Callable[[], object]) -> float:
    since = time.perf_counter()
    call()
    return time.perf_counter() - since
