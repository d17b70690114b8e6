"""Judging beside an asyncio script with openai's client (the limit), and beside peers."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from cases import MODEL, write_bodies, write_cases, write_no_op
from processes import Usage, in_turns, median, pytest_command, run

HERE = Path(__file__).parent
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
VERDICT = {
    "reason": "As the mock sees it. GRADE: C",
    "response": 1,
    "score": 1,
    "pass": True,
    "steps": ["Look at it."],
}
"""What the mock says: something for the parser of each of us."""


def serve(latency_s: float) -> None:
    """Be the mock server until nobody reads any more."""
    sys.path.insert(0, str(HERE.parent / "tests"))
    from mock_server import MockServer, Response, completion

    text = json.dumps(VERDICT)

    def behaviour(request: dict[str, object], _: int) -> Response:
        tools = request.get("tools")
        if not isinstance(tools, list):
            return Response(body=completion(text))
        function = {"name": tools[0]["function"]["name"], "arguments": text}
        call = {"id": "1", "type": "function", "function": function}
        body = completion(None, finish_reason="tool_calls", tool_calls=[call])
        return Response(body=body)

    with MockServer(latency_s=latency_s, behaviour=behaviour) as server:
        print(server.base_url, flush=True)
        sys.stdin.read()


@contextlib.contextmanager
def served(latency_s: float) -> Iterator[dict[str, str]]:
    """Run the mock server; gives the environment that leads to it."""
    command = [sys.executable, str(HERE / "run.py"), "--serve", str(latency_s)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield {
            "OPENAI_API_KEY": "sk-benchmark-0123456789",
            "OPENAI_BASE_URL": process.stdout.readline().strip(),
            "EVALMD_JUDGE_MODEL": MODEL,
        }
        process.stdin.close()


def measure(
    folder: Path,
    requests: int,
    latency_s: float,
    concurrency: int,
    rounds: int,
    peers: dict[str, list[str]],
) -> dict[str, list[Usage]]:
    """Give what each took to have so many requests answered."""
    cases = write_cases(folder / "cases", requests)
    bodies = write_bodies(cases, folder / "bodies.json")
    no_op = write_no_op(folder / "no_op", requests)
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    with served(latency_s) as environment:

        def of(*command: str | Path) -> Callable[[], Usage]:
            return lambda: run(command, folder, environment)

        copies = iter(range(10**6))

        def plugin() -> Usage:
            # A copy each: removing thousands of files slows down those that follow.
            copy = folder / f"copy{next(copies)}"
            shutil.copytree(cases, copy)
            asking = (copy, f"--evalmd-concurrency={concurrency}")
            return run(pytest_command(*asking), folder, environment)

        runs = {
            "script": of(sys.executable, script, bodies, str(concurrency)),
            "plugin": plugin,
            "no-op": of(*pytest_command(no_op, plugin=False)),
        }
        for name, command in peers.items():
            runs[name] = of(*command, bodies, str(concurrency))
        plugin()  # warm: what Python compiles, and the disk
        return in_turns(runs, rounds)


def ratio(found: dict[str, list[Usage]], which: str) -> float:
    """Give the plugin's time beside that of the script and as many no-op tests."""
    return median(
        [
            getattr(mine, which) / (getattr(limit, which) + getattr(items, which))
            for mine, limit, items in zip(
                found["plugin"], found["script"], found["no-op"], strict=True
            )
        ]
    )


def rows(
    found: dict[str, list[Usage]], requests: int, latency_s: float, concurrency: int
) -> Iterator[str]:
    """Give the lines of a table."""
    ideal_s = requests * latency_s / concurrency
    yield (
        f"\n**a) {requests:,} requests of {latency_s:g} s, {concurrency} at once** "
        f"(the calls alone: {ideal_s:.2f} s). Beside script + no-op items: "
        f"**{ratio(found, 'wall_s'):.2f} x** wall, {ratio(found, 'cpu_s'):.2f} x CPU; "
        "target: 1.00 x wall\n"
    )
    yield "| run | wall s | CPU s | peak MB |\n|---|---|---|---|"
    for name, usages in found.items():
        wall_s = median([one.wall_s for one in usages])
        cpu_s = median([one.cpu_s for one in usages])
        peak_mb = median([one.peak_kb for one in usages]) / 1024
        yield f"| {name} | {wall_s:.2f} | {cpu_s:.2f} | {peak_mb:.0f} |"
