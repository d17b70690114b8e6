"""How long judging takes beside a script that makes the same calls.

``python benchmarks/judging.py [--requests 200 --latency 0.2 --concurrency 20]``

Both ask a mock server on 127.0.0.1, in a process of its own, the same requests: as many
as ``--requests``, each answered after ``--latency`` seconds, at most ``--concurrency``
at once. The script is asyncio, ``openai.AsyncOpenAI`` and a semaphore, and keeps
nothing; the plugin also collects, compares and remembers. ``replay`` is the plugin's
next run, which asks nothing. ``no-op`` is pytest with as many parametrised tests that
do nothing. All are whole processes, so imports count.

Runs take turns, so that a machine that gets slower does so for all. Other machines have
other times; the ratios hold. ``--requests 5000 --latency 0.02 --concurrency 50`` shows
what a call costs where waiting doesn't.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURES = 4
"""How many a case has."""

SCRIPT = """
import asyncio, json, sys
import openai

async def main(path, concurrency):
    limit = asyncio.Semaphore(concurrency)
    async with openai.AsyncOpenAI(max_retries=0) as client:
        async def ask(body):
            async with limit:
                reply = await client.chat.completions.create(**body)
                json.loads(reply.choices[0].message.content)["response"]
        with open(path, encoding="utf-8") as file:
            await asyncio.gather(*map(ask, json.load(file)))

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""
NO_OP = """
import pytest

@pytest.mark.parametrize("number", range({count}))
def test(number):
    pass
"""
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:anyio"]


def main() -> None:
    """Run all of them in turn and print a table."""
    given = parse_arguments()
    if given.serve:
        serve(given.latency)
        return
    with tempfile.TemporaryDirectory() as folder:
        server = [sys.executable, __file__, "--serve", "--latency", str(given.latency)]
        with subprocess.Popen(
            server, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin
            assert process.stdout
            url = process.stdout.readline().strip()
            times = measure(Path(folder), given, url)
            process.stdin.close()
    print_table(given, times)


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--latency", type=float, default=0.2, help="in seconds")
    parser.add_argument("--concurrency", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def serve(latency_s: float) -> None:
    """Be the mock server until nobody reads any more."""
    sys.path.insert(0, str(ROOT / "tests"))
    from mock_server import MockServer

    with MockServer(latency_s=latency_s) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


def measure(
    folder: Path, given: argparse.Namespace, url: str
) -> dict[str, list[tuple[float, float]]]:
    """Give wall and CPU seconds of each run, by what ran."""
    cases = folder / "cases"
    write_cases(cases, given.requests)
    (folder / "script.py").write_text(SCRIPT, encoding="utf-8")
    write_bodies(cases, folder / "bodies.json", given)
    no_op = folder / "no_op" / "test_no_op.py"
    no_op.parent.mkdir()
    no_op.write_text(NO_OP.format(count=given.requests), encoding="utf-8")
    asking = [*PYTEST, str(cases), f"--evalmd-concurrency={given.concurrency}"]
    runs = {
        "script": ["script.py", "bodies.json", str(given.concurrency)],
        "plugin": [*asking, "--evalmd-mode=auto"],
        "replay": [*asking, "--evalmd-mode=replay"],
        "no-op": [*PYTEST, str(no_op), "-p", "no:evalmd"],
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for _ in range(given.rounds):
        shutil.rmtree(cases / "__evalmd__", ignore_errors=True)
        for name, arguments in runs.items():
            times[name].append(run(folder, arguments, url))
    return times


def write_cases(folder: Path, requests: int) -> None:
    """Write cases with so many ai measures in all."""
    folder.mkdir()
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for first in range(0, requests, MEASURES):
        ids = [f"m{n}" for n in range(first, min(first + MEASURES, requests))]
        blocks = [("query-text", "Which one?"), ("answer-text", f"Answer {first}.")]
        lines = [
            f"* ---\n  * id: {id_}\n  * description: D\n  * type: ai\n"
            f"  * prompt: How strongly does it say {id_}?\n  * output: integer"
            for id_ in ids
        ]
        blocks.append(("measures-md", "\n".join(lines)))
        for id_ in ids:
            blocks.append(("evaluation-yaml", f"- measure: {id_}"))
            blocks.append(("evaluation-result-text", "1"))
        text = "\n\n".join(f"```{info}\n{body}\n```" for info, body in blocks)
        (folder / f"case{first:06}.md").write_text(text + "\n", encoding="utf-8")


def write_bodies(cases: Path, path: Path, given: argparse.Namespace) -> None:
    """Write what the plugin would send, for the script to send."""
    from pytest_evalmd.case.parse import parse_case
    from pytest_evalmd.judge.negotiation import Terms, build_body
    from pytest_evalmd.judge.request import build_request

    bodies = []
    for file in sorted(cases.glob("*.md")):
        case = parse_case(file.read_text(encoding="utf-8"))
        assert case is not None
        texts = {"query": case.query.text, "answer": case.answer.text}
        for one in case.measures.values():
            seen = {name: texts[name] for name in texts if name in one.context}
            request = build_request(one, model="mock", texts=seen)
            bodies.append(build_body(request, Terms()))
    assert len(bodies) == given.requests
    path.write_text(json.dumps(bodies), encoding="utf-8")


def run(folder: Path, arguments: list[str], url: str) -> tuple[float, float]:
    """Give the wall and CPU seconds of a process that has to succeed."""
    environment = os.environ | {
        "OPENAI_API_KEY": "sk-benchmark-0123456789",
        "OPENAI_BASE_URL": url,
        "EVALMD_JUDGE_MODEL": "mock",
    }
    before, since = cpu_s(), time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    seconds = time.perf_counter() - since
    if done.returncode:
        raise SystemExit(f"{arguments} failed:\n{done.stdout}{done.stderr}")
    return seconds, cpu_s() - before


def cpu_s() -> float:
    """Give the CPU seconds of all processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def print_table(
    given: argparse.Namespace, times: dict[str, list[tuple[float, float]]]
) -> None:
    """Print what ran where, and how long it took."""
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("pytest-evalmd", "pytest", "openai")
    )
    ideal_s = given.requests * given.latency / given.concurrency
    print(
        f"{given.requests} requests of {given.latency:g} s, {given.concurrency} at "
        f"once: {ideal_s:.2f} s for the calls alone; medians of {given.rounds}\n"
        f"{datetime.date.today()}, {os.cpu_count()} x {platform.machine()}, "
        f"{platform.system()}, Python {platform.python_version()}, {versions}\n"
    )
    base = {"plugin": "script", "replay": "no-op"}
    print("| run | wall s | CPU s | wall, beside |\n|---|---|---|---|")
    for name, pairs in times.items():
        wall_s, cpu = (statistics.median(values) for values in zip(*pairs, strict=True))
        beside = ""
        if name in base:
            ratios = [
                mine[0] / theirs[0]
                for mine, theirs in zip(pairs, times[base[name]], strict=True)
            ]
            beside = f"{statistics.median(ratios):.2f} x {base[name]}"
        print(f"| {name} | {wall_s:.2f} | {cpu:.2f} | {beside} |")


if __name__ == "__main__":
    main()
