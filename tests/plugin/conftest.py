"""Cases, and a judge that needs no network, for tests that run pytest itself."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest
import yaml  # noqa: F401 - its C half can't be imported again after pytester forgot it

STUB = '''
import json
import pytest
from pytest_evalmd import Reply

class Stub:
    """Replies by a word of the prompt, and remembers what it was asked."""
    def __init__(self, replies):
        self.replies, self.asked = replies, []

    async def complete(self, request):
        prompt = request.messages[-1].content
        self.asked.append(prompt)
        with open("asked.txt", "a", encoding="utf-8") as log:
            log.write("asked" + chr(10))
        for word, text in self.replies.items():
            if word in prompt:
                return Reply(text=text)
        raise AssertionError("no reply for " + prompt)

@pytest.fixture(scope="session")
def llm_client():
    return Stub({replies})
'''


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    ours = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "EVALMD_JUDGE_MODEL")
    # With CI set, pytest doesn't shorten its summary.
    for name in (*ours, "PYTEST_XDIST_WORKER", "CI", "BUILD_NUMBER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _without_other_plugins(pytester, monkeypatch):
    """Keep out what takes longer to import than all of a run takes."""
    others = ("hypothesispytest", "pytest_cov", "anyio")
    monkeypatch.setenv("PYTEST_ADDOPTS", " ".join(f"-p no:{name}" for name in others))


ENGINES = ["plain", pytest.param("-n0", marks=pytest.mark.slow), "-n2"]
"""No xdist, xdist in one process (nearly the same) and xdist with two workers."""


@pytest.fixture(params=ENGINES)
def run(request, pytester):
    """Run pytest without xdist, with it in one process and with two workers."""
    extra = [] if request.param == "plain" else [request.param]

    def run_pytest(*args):
        return pytester.runpytest_subprocess(*args, *extra)

    return run_pytest


@pytest.fixture
def run_here(pytester):
    """Run pytest in this process, which is faster; warnings are errors."""

    def run_pytest(*args):
        return pytester.runpytest_inprocess("-W", "error", *args)

    return run_pytest


@pytest.fixture
def judge(pytester):
    """Have a judge reply by words of the prompt; gives how often it was asked."""

    def install(**replies):
        pytester.makeconftest(STUB.replace("{replies}", repr(replies)))
        asked = pytester.path / "asked.txt"
        asked.unlink(missing_ok=True)
        return lambda: len(asked.read_text().split()) if asked.exists() else 0

    return install


@pytest.fixture
def write_case(pytester):
    """Write a case file from measures and results."""

    def write(
        measures: str,
        results: dict[str, str | None] | None = None,
        *,
        name: str = "case.md",
        answer: str = "Take Zuvira first, then Lomanta.",
        front: str = "",
    ) -> Path:
        text = case_text(measures, results or {}, answer=answer, front=front)
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        return path

    return write


def case_text(
    measures: str, results: dict[str, str | None], *, answer: str, front: str = ""
) -> str:
    """Give the text of a case; a result of ``None`` is an empty block."""
    parts = [
        *([f"---\n{front}\n---"] if front else []),
        _block("query", "query-text", "Which one?"),
        _block("answer", "answer-text", answer),
        _block("measures", "measures-md", textwrap.dedent(measures).strip("\n")),
    ]
    for measure_id, result in results.items():
        parts.append(
            _block("evaluation", "evaluation-yaml", f"- measure: {measure_id}")
            + "\n\n"
            + _block("evaluation-result", "evaluation-result-text", result or "")
        )
    return "\n\n***\n\n".join(parts)


def _block(title: str, info: str, text: str) -> str:
    lines = [f"[!{title}]", f"```{info}", *text.split("\n"), "```"]
    return "\n".join(f"> {line}" for line in lines)
