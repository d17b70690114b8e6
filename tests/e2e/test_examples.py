"""The example cases: they run as they are, and say no more than what was computed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytest_evalmd.case.parse import parse_case

pytest_plugins = ["pytester"]

EXAMPLES = Path(__file__).parents[2] / "example_cases"
CASES = sorted(path.relative_to(EXAMPLES) for path in EXAMPLES.rglob("*.md"))


@pytest.fixture
def examples(pytester, monkeypatch):
    """Copy the example cases to where there is neither a key nor an ini file."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "EVALMD_JUDGE_MODEL"):
        monkeypatch.delenv(name, raising=False)
    ignored = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(EXAMPLES, pytester.path / "example_cases", ignore=ignored)


@pytest.fixture
def run(pytester, examples):
    def run_pytest(*args):
        options = ("-p", "no:cacheprovider", "--strict-markers")
        return pytester.runpytest_subprocess("example_cases", *options, *args)

    return run_pytest


def read_all(folder):
    return {path: path.read_bytes() for path in folder.rglob("*.md")}


def measures():
    for path in CASES:
        text = (EXAMPLES / path).read_text(encoding="utf-8")
        for measure in parse_case(text).measures.values():
            yield path.as_posix(), measure


def test_pass_without_network_or_key(run):
    result = run()
    result.assert_outcomes(passed=len(list(measures())))
    assert result.ret == pytest.ExitCode.OK


def test_hold_without_any_judge(run):
    types = [measure.type for _, measure in measures()]
    result = run("--evalmd-mode=off")
    result.assert_outcomes(
        passed=types.count("programmatic"), skipped=types.count("ai")
    )
    assert result.ret == pytest.ExitCode.OK


def test_an_update_changes_no_byte(run, examples):
    before = read_all(examples)
    for _ in range(2):
        assert run("--update-results").ret == pytest.ExitCode.OK
        assert read_all(examples) == before


def test_a_lost_result_is_filled_in_as_it_was(run, examples):
    path = examples / "everyday" / "bread-timetable.md"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"> [45, 180, 720, 50]\n", b""))
    assert path.read_bytes() != before
    assert run("--update-results").ret == pytest.ExitCode.OK
    assert path.read_bytes() == before


def test_a_wrong_result_fails(run, examples):
    path = examples / "everyday" / "bread-timetable.md"
    path.write_bytes(path.read_bytes().replace(b"> 11:05\n", b"> 10:05\n"))
    result = run()
    result.assert_outcomes(passed=len(list(measures())) - 1, failed=1)
    result.stdout.fnmatch_lines(["*bread-timetable.md::ready*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_changed_prompt_says_what_to_do(run, examples):
    path = examples / "everyday" / "bread-timetable.md"
    path.write_bytes(path.read_bytes().replace(b"of each step of", b"of every step of"))
    result = run()
    result.stdout.fnmatch_lines(["*replies.json holds no reply to this prompt*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_each_prompt_has_one_reply_written_for_it():
    asked = [(path, one.id, one.prompt) for path, one in measures() if one.type == "ai"]
    replies = json.loads((EXAMPLES / "replies.json").read_text(encoding="utf-8"))
    assert sorted(asked) == sorted(
        (reply["case"], reply["measure"], reply["prompt"]) for reply in replies
    )
    prompts = [prompt for _, _, prompt in asked]
    for prompt in prompts:  # The judge takes the first reply whose prompt it finds.
        assert sum(prompt in other for other in prompts) == 1
