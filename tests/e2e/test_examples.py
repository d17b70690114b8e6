"""The example cases: they run as they are, and say no more than what was computed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.judge.recordings import read_recordings
from pytest_evalmd.judge.store import recordings_path

EXAMPLES = Path(__file__).parents[2] / "example_cases"
CASES = sorted(
    path.relative_to(EXAMPLES)
    for path in EXAMPLES.rglob("*.md")
    if path.name != "README.md" and "audit" not in path.parts
)


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
    files = (path for path in folder.rglob("*") if path.suffix in (".md", ".json"))
    return {path: path.read_bytes() for path in files}


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


def test_a_changed_prompt_is_not_answered_from_memory(run, examples):
    path = examples / "everyday" / "bread-timetable.md"
    path.write_bytes(path.read_bytes().replace(b"of each step of", b"of every step of"))
    result = run("--evalmd-mode=replay")
    result.stdout.fnmatch_lines(
        ["*no reply is remembered for minutes: the prompt changed since *"]
    )
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_live_asks_and_says_what_to_set(run, examples):
    result = run("--evalmd-mode=live", "--judge-model=gpt-4.1")
    result.stdout.fnmatch_lines(["*no model to ask: OPENAI_API_KEY is not set*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_each_ai_measure_has_one_remembered_reply():
    asked = sorted((path, one.id) for path, one in measures() if one.type == "ai")
    found = []
    for path in CASES:
        text = recordings_path(EXAMPLES / path).read_text(encoding="utf-8")
        replies = read_recordings(text).values()
        found += [(path.as_posix(), reply.measure_id) for reply in replies]
        assert {reply.model for reply in replies} == {"handwritten-judge"}
    assert sorted(found) == asked
