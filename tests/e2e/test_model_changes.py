"""Every command of docs/model-changes.md, against a server that plays both models."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mock_server import MockServer, Response, completion

ROOT = Path(__file__).parents[2]
DOC = (ROOT / "docs/model-changes.md").read_text(encoding="utf-8")
KEY = "sk-model-changes-0123456789"
CASE = """\
---
model: gpt-old
---

# The night train

What travellers ask us most.

> [!query]
> ```query-text
> How do I get from Vienna to Venice?
> ```

> [!answer]
> ```answer-text
> Take the night train.
> ```

> [!measures]-
> ```measures-md
> * ---
>   * id: rating
>   * description: "How strongly is the night train recommended?"
>   * type: ai
>   * prompt: "How strongly, from 1 to 10?"
>   * output: integer
> ```

***

> [!evaluation]
> ```evaluation-yaml
> - measure: "How strongly is the night train recommended?"
> ```

> [!evaluation-result]
> ```evaluation-result-text
> 9
> ```
"""


def fences(info):
    return re.findall(rf"^```{info}\n(.*?)^```", DOC, re.MULTILINE | re.DOTALL)


def workflows():
    return {one["name"]: one for one in map(yaml.safe_load, fences("yaml")[1:])}


def runs_of(workflow):
    (job,) = workflows()[workflow]["jobs"].values()
    runs = [step["run"] for step in job["steps"] if "run" in step]
    assert runs.pop(0) == "pip install pytest-evalmd"
    return runs


def behave(body, _number):
    if body["model"] == "gpt-next":
        assert body["messages"][-1]["content"] == "How do I get from Vienna to Venice?"
        return Response(body=completion("Fly."))
    rating = 4 if "Fly." in body["messages"][-1]["content"] else 9
    text = f'{{"reason": "It says so.", "response": {rating}}}'
    return Response(body=completion(text))


@pytest.fixture
def shell(tmp_path):
    """Run a command in a folder with a case; a server answers and judges."""
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases/night_train.md").write_text(CASE, encoding="utf-8")
    with MockServer(behaviour=behave) as server:
        environment = {
            **{
                k: v for k, v in os.environ.items() if k not in ("CI", "PYTEST_ADDOPTS")
            },
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.base_url,
            "EVALMD_JUDGE_MODEL": "gpt-4.1",
        }

        def run(command):
            words = shlex.split(command, comments=True)
            if words[0] == "pytest":
                words[:1] = [sys.executable, "-m", "pytest"]
            else:
                words[0] = str(Path(sys.executable).with_name(words[0]))
            done = subprocess.run(
                words,
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
            )
            assert KEY not in done.stdout + done.stderr
            assert server.base_url not in done.stdout + done.stderr
            return done

        run.folder, run.server = tmp_path, server
        yield run


def test_the_failure_reads_as_shown(shell):
    done = shell("pytest cases/ --answer-model=gpt-next")

    assert done.returncode == 1
    (shown,) = [text for text in fences("text") if text.startswith("rating: ")]
    out = re.sub(r"\nthe judge's reason: .*\n", "", done.stdout)
    out = re.sub(r"night_train.md:\d+:", "night_train.md:41:", out)
    assert shown in out
    assert "gpt-next: 1 moved because the answer changed" in done.stdout


def test_accepting_a_new_model(shell):
    (_, accept, *_) = commands = [c for f in fences("sh") for c in f.splitlines()]
    assert len(commands) == 4

    assert shell(accept).returncode == 0

    text = (shell.folder / "cases/night_train.md").read_text(encoding="utf-8")
    assert text == CASE.replace("Take the night train.", "Fly.").replace(
        "gpt-old", "gpt-next"
    ).replace("> 9", "> 4")


@pytest.mark.slow
def test_votes(shell):
    asked = []
    for command in [c for f in fences("sh") for c in f.splitlines()][2:]:
        shutil.rmtree(shell.folder / "cases/__evalmd__", ignore_errors=True)
        path = shell.folder / "cases/night_train.md"
        path.write_text(CASE.replace("> 9", "> 8"), encoding="utf-8")
        before = len(shell.server.requests)
        assert shell(command).returncode == 1
        asked.append(len(shell.server.requests) - before)
    assert asked == [5, 1]


@pytest.mark.slow
def test_the_pull_request_asks_nobody(shell):
    assert shell("pytest cases/ --update-results").returncode == 0
    asked = len(shell.server.requests)

    for command in runs_of("answers"):
        assert shell(command).returncode == 0

    assert len(shell.server.requests) == asked


@pytest.mark.slow
def test_the_night_finds_the_worse_answer(shell):
    live, new, compare = runs_of("nightly")

    assert shell(live).returncode == 0
    assert shell(new).returncode == 1
    done = shell(compare)

    assert "rating" in done.stdout
    assert done.returncode == 0  # one case is too few to tell from noise
    assert "too few" in done.stdout
