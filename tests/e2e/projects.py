"""A folder of generated cases, judged over HTTP by pytest in a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pytest_evalmd.judge.recordings import read_recordings

KEY = "sk-e2e-0123456789abcdefghij"
"""The API key; no output and no file may hold it."""
OTHER_PLUGINS = ("hypothesispytest", "pytest_cov", "anyio")
"""They take longer to import than a run takes."""
TIMEOUT_S = 120
EVALMD = "import sys; from pytest_evalmd.cli import main; sys.exit(main())"


@dataclass
class Run:
    """What a run of pytest left behind."""

    ret: int
    out: str
    seconds: float

    @property
    def summary(self) -> dict[str, int]:
        """Give the counts of the last line that has any, such as ``passed``."""
        last = [line for line in self.out.splitlines() if " in " in line][-1]
        words = last.strip("= ").rpartition(" in ")[0].split(", ")
        return {name: int(count) for count, name in map(str.split, words)}

    def line(self, start: str) -> str:
        (line,) = [one for one in self.out.splitlines() if one.startswith(start)]
        return line


class Running:
    """A run of pytest that goes on."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process, self.started = process, time.monotonic()

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def kill_all(self) -> None:
        """Kill it and its workers."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=TIMEOUT_S)

    def wait(self) -> Run:
        out, _ = self.process.communicate(timeout=TIMEOUT_S)
        seconds = time.monotonic() - self.started
        return Run(self.process.returncode, out, seconds)


@dataclass
class Project:
    """A folder with cases, and how pytest is run in it."""

    path: Path
    variables: dict[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = ()
    """A program that starts pytest, with its arguments."""
    _running: list[Running] = field(default_factory=list)

    def write(
        self, name: str, *measures: str, results: dict[str, str] | None = None
    ) -> Path:
        """Write a case with these measures; results are 1 unless given."""
        ids = [one.split("id: ", 1)[1].split("\n")[0] for one in measures]
        blocks = [("query-text", "Q"), ("answer-text", f"The answer of {name}.")]
        blocks.append(("measures-md", "\n".join(measures)))
        for id_ in ids:
            blocks.append(("evaluation-yaml", f"- measure: {id_}"))
            result = (results or {}).get(id_, "1")
            blocks.append(("evaluation-result-text", result))
        text = "\n\n".join(f"```{info}\n{body}\n```" for info, body in blocks)
        path = self.path / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    def write_many(self, count: int, measures: int = 1) -> list[Path]:
        """Write cases of measures, each of which has a prompt of its own."""
        return [
            self.write(f"case{c:04}", *(ai(f"m{c}_{m}") for m in range(measures)))
            for c in range(count)
        ]

    def ini(self, *lines: str) -> None:
        text = "\n".join(["[pytest]", *lines, ""])
        (self.path / "pytest.ini").write_text(text, encoding="utf-8")

    def conftest(self, text: str) -> None:
        (self.path / "conftest.py").write_text(text, encoding="utf-8")

    def start(self, server, *args: str, **variables: str) -> Running:
        """Start pytest; its judge is behind ``server``, or nobody's if it's ``None``."""
        command = ["-m", "pytest", "-W", "error", "-pno:cacheprovider"]
        command += [*(f"-pno:{name}" for name in OTHER_PLUGINS), *args]
        return self._start(server, command, variables)

    def start_evalmd(self, server, *args: str, **variables: str) -> Running:
        """Start ``evalmd``; its models are behind ``server``."""
        command = ["-W", "error", "-c", EVALMD, *args]
        return self._start(server, command, variables)

    def _start(self, server, command: list[str], variables: dict[str, str]) -> Running:
        kept = ("PATH", "HOME", "TMPDIR", "SYSTEMROOT", "COVERAGE_PROCESS_START")
        environment = {name: os.environ[name] for name in kept if name in os.environ}
        environment |= {
            "EVALMD_JUDGE_MODEL": "mock",
            "COLUMNS": "150",
        }
        if server is not None:
            environment["OPENAI_API_KEY"] = KEY
            environment["OPENAI_BASE_URL"] = server.base_url
        process = subprocess.Popen(
            [*self.launcher, sys.executable, *command],
            cwd=self.path,
            env=environment | self.variables | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._running.append(Running(process))
        return self._running[-1]

    def run(self, server, *args: str, **variables: str) -> Run:
        """Run pytest to its end."""
        return self.start(server, *args, **variables).wait()

    def end(self) -> None:
        """Leave no process behind."""
        for running in self._running:
            if running.process.poll() is None:
                running.kill_all()

    def recorded(self) -> Counter[str]:
        """Count the prompts that recordings hold a reply to; every file is read."""
        found: Counter[str] = Counter()
        for file in self.path.rglob("__evalmd__/*.json"):
            replies = read_recordings(file.read_text(encoding="utf-8"))
            found.update(reply.question.prompt for reply in replies.values())
        return found

    def spooled(self) -> Counter[str]:
        """Count the prompts that spools hold a reply to; every whole file is read."""
        found: Counter[str] = Counter()
        for file in self.path.rglob("__evalmd__/.spool/*.json"):
            try:
                entry = json.loads(file.read_text(encoding="utf-8"))
            except ValueError:
                continue  # whoever wrote it was killed; its request was still open
            assert entry["reply"]["response"] == 1
            found[entry["question"]["prompt"]] += 1
        return found

    def leftovers(self) -> list[str]:
        """Name what spools hold besides the file that git reads."""
        files = self.path.rglob("__evalmd__/.spool/*")
        return sorted(file.name for file in files if file.name != ".gitignore")

    def cases(self) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in self.path.rglob("*.md")}

    def assert_nothing_leaked(self, server, *outputs: str) -> None:
        """Neither the key nor where the server is may stand anywhere."""
        files = [file for file in self.path.rglob("*") if file.is_file()]
        written = [file.read_bytes().decode("utf-8", "replace") for file in files]
        address = server.base_url.removeprefix("http://").removesuffix("/v1")
        for text in [*outputs, *written]:
            assert KEY not in text
            assert "Bearer" not in text
            assert address not in text


def ai(id_: str, prompt: str = "", **keys: str) -> str:
    """Give an ai measure; its prompt is ``PROMPT id.`` if none is given."""
    given = {"type": "ai", "prompt": prompt or f"PROMPT {id_}.", "output": "integer"}
    return _measure(id_, given | keys)


def logic(id_: str, code: str, **keys: str) -> str:
    """Give a programmatic measure."""
    return _measure(id_, {"type": "programmatic", **keys}) + f"\n  * logic: {code}"


def _measure(id_: str, keys: dict[str, str]) -> str:
    lines = ["* ---", f"  * id: {id_}", f"  * description: {id_}?"]
    return "\n".join(lines + [f"  * {key}: {value}" for key, value in keys.items()])


def prompt_of(request) -> str:
    """Give the prompt of a request that the server got."""
    content = request["messages"][-1]["content"]
    return content.partition("The task:\n")[2].partition("\n")[0]


def asked(server) -> Counter[str]:
    """Count the prompts that a server was asked."""
    return Counter(prompt_of(request) for request in server.requests)


@contextlib.contextmanager
def project_in(folder: Path) -> Iterator[Project]:
    """Make an empty project in a folder; at the end its runs are ended."""
    path = folder / "project"
    path.mkdir()
    made = Project(path)
    made.ini()
    yield made
    made.end()
