"""The walk of docs/authoring.md on example_cases/audit/, as a shell would do it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from mock_server import MockServer, Response, completion
from projects import EVALMD

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/authoring.md").read_text(encoding="utf-8")
WALK = PAGE[PAGE.index("## Answer cases\n") : PAGE.index("## Complete YAML")]
BLOCK = re.compile(r"^```(console|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
START = {
    "pytest": ("-m", "pytest", "-p", "no:cacheprovider"),
    "evalmd": ("-c", EVALMD),
}
ANSWERS = [f"handwritten-{letter}" for letter in "abc"]
SAID = "Zorvella is easy to clean, Quentrix is quiet. I'd take Quentrix."


def commands():
    for kind, text in BLOCK.findall(WALK):
        lines = text.replace("\\\n", "").splitlines()
        for line in lines:
            if kind == "sh" or line.startswith("$ "):
                words = shlex.split(line.removeprefix("$ "))
                if not any(word.startswith("cases/") for word in words):
                    yield words


def by_hand(request, _):
    """Answer, and judge, as the page's models do."""
    prompt = "\n".join(message["content"] for message in request["messages"])
    if request["model"] in ANSWERS:
        said = SAID
    else:
        assert request["model"] == "handwritten-judge"
        assert SAID in prompt
        verdict = (
            "Quentrix" if "Which brand does" in prompt else ["Zorvella", "Quentrix"]
        )
        said = json.dumps({"reason": "It says so.", "response": verdict})
    return Response(body=completion(said, model=request["model"]))


@pytest.fixture
def walked(tmp_path):
    """Run every command in order; gives the folder, and what each of them said."""
    shutil.copytree(ROOT / "example_cases", tmp_path / "example_cases")
    said = {}
    with MockServer(behaviour=by_hand) as server:
        environment = os.environ | {
            "OPENAI_BASE_URL": server.base_url,
            "OPENAI_API_KEY": "sk-docs-0123456789",
        }
        for name, *words in commands():
            asked = len(server.requests)
            done = subprocess.run(
                [sys.executable, *START[name], *words],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                encoding="utf-8",
            )
            assert done.returncode == 0, done.stdout + done.stderr
            said[shlex.join([name, *words])] = (
                done.stdout,
                len(server.requests) - asked,
            )
    return tmp_path, said


def test_from_templates_to_reports(walked):
    folder, said = walked
    assert [" ".join(command.split()[:2]) for command in said] == [
        "evalmd generate",
        "evalmd answer",
        "evalmd answer",
        "evalmd check",
        "pytest audit",
        "pytest audit",
        "pytest audit",
        "evalmd report",
        "evalmd report",
        "evalmd report",
    ]
    recorded, replayed, new = [said[one] for one in said if one.startswith("pytest")]
    assert "18 passed, 9 skipped" in recorded[0]
    assert "18 passed, 9 skipped" in replayed[0]
    assert replayed[1] == 0
    assert "18 passed" in new[0]
    assert "skipped" not in new[0].splitlines()[-1]
    written = {path.name for path in folder.iterdir() if path.is_file()}
    assert written == {
        *("run.json", "report.html", "report.md", "new-model.html"),
        *("models.html", "models.json", "recorded.md"),
    }
    pages = written - {"run.json"}
    for name in pages:
        page = (folder / name).read_text(encoding="utf-8")
        for text in (
            "How does Quentrix compare with Bree",
            "Which of the two",
            "Zorvella",
        ):
            assert text in page, name
    document = json.loads((folder / "models.json").read_text(encoding="utf-8"))
    assert document["totals"] == {
        "questions": 6,
        "answers": 12,
        "measures": 18,
        "states": {"passed": 18},
    }
