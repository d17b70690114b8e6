"""``--evalmd-report``: files for people, and what GitHub is told."""

from __future__ import annotations

import json
import re

import pytest
from measures import ai, logic

from pytest_evalmd.publisher import SUMMARY_LIMIT

HOSTILE = "::error file=x::y\n::set-output name=a::b\n##[add-mask]e\n| # @all `"


@pytest.fixture(autouse=True)
def _no_github(monkeypatch):
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def summary(pytester, monkeypatch):
    path = pytester.path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    return path


@pytest.fixture
def two_cases(write_case, judge):
    """Write a case that fails in several ways, and one that passes."""
    judge(TONE='{"reason": "It is short.", "response": "calm"}')
    measures = ai("tone") + logic("two", "return 2;") + logic("bad", "return no.at;")
    results = {"tone": "calm", "two": "1"}
    write_case(measures, results, name="a/x/case.md", front="model: gpt-x")
    write_case(logic("one", "return 1;"), {"one": "1"}, name="b/x/case.md")


def text_of(result):
    return "\n".join(result.outlines)


def commands(result):
    return [line for line in result.outlines if line.lstrip().startswith("::")]


def test_reports_say_the_same_in_one_process_and_in_several(
    run, two_cases, pytester, summary
):
    reports = ("out/report.md", "out/report.json")
    options = [f"--evalmd-report={name}" for name in (*reports, "github")]

    result = run(*options, "--judge-model=gpt-4.1", "--evalmd-run=run.json")

    assert result.ret == 1
    markdown, plain = (
        (pytester.path / name).read_text(encoding="utf-8") for name in reports
    )
    assert re.sub(r"^# .*|\d{4}-\d\d-\d\d", "", markdown) == EXPECTED
    assert summary.read_text(encoding="utf-8") == markdown
    document = json.loads(plain)
    assert document["totals"]["states"] == {"error": 1, "failed": 1, "passed": 2}
    assert (
        json.loads((pytester.path / "run.json").read_text())["totals"]["results"] == 4
    )
    assert commands(result) == [
        "::error file=a/x/case.md,line=29,title=two%3A two?::computed: 2%0Arecorded: 1",
        "::error file=a/x/case.md,line=36,title=bad%3A bad?::logic failed at line 1: "
        "ReferenceError: no is not defined",
    ]
    result.stdout.fnmatch_lines(["*report written: out/report.md*"])


EXPECTED = """

 · pytest-evalmd 0.1.0 · mode auto · judge model gpt-4.1 · asked up to 5 times \
where a result differs

| folder | measures | ✅ passed | ❌ failed | ⚠️ error |
|---|--:|--:|--:|--:|
| a | 3 | 1 | 1 | 1 |
| b | 1 | 1 | 0 | 0 |
| **all** | 4 | 2 | 1 | 1 |

| model | measures | ✅ passed | ❌ failed | ⚠️ error |
|---|--:|--:|--:|--:|
| gpt-x | 3 | 1 | 1 | 1 |
| - | 1 | 1 | 0 | 0 |
| **all** | 4 | 2 | 1 | 1 |

**Not passed: 2**

- ❌ failed: a/x / case / gpt-x, two?: `2`<br>recorded: `1`
- ⚠️ error: a/x / case / gpt-x, bad?: logic failed at line 1: ReferenceError: no is not \
defined

## a

### x

#### case

> Which one?

##### gpt-x

`a/x/case.md`

```text
Take Zuvira first, then Lomanta.
```

| measure | result | outcome |
|---|---|---|
| tone? | `calm` | ✅ passed |
| two? | `2`<br>recorded: `1` | ❌ failed |
| bad? | logic failed at line 1: ReferenceError: no is not defined | ⚠️ error |

- **tone?** the judge's reason (gpt-4.1): It is short.

## b

### x

#### case

> Which one?

##### Answer

`b/x/case.md`

```text
Take Zuvira first, then Lomanta.
```

| measure | result | outcome |
|---|---|---|
| one? | `1` | ✅ passed |
"""


def test_nothing_that_was_said_is_a_command(run_here, judge, write_case, summary):
    reply = {"reason": HOSTILE, "response": HOSTILE}
    judge(TONE=json.dumps(reply))
    write_case(ai("tone"), {"tone": "calm"}, answer=HOSTILE)

    result = run_here("--evalmd-report=github", "--judge-model=gpt-x")

    (command,) = commands(result)
    assert command.startswith("::error file=case.md,line=20,title=tone%3A tone?::")
    assert "\\x3a:set-output" in "\n".join(result.outlines)
    others = [line for line in result.outlines if line != command]
    assert not any("##[" in line for line in others)
    text = summary.read_text(encoding="utf-8")
    assert "```text\n" + HOSTILE + "\n```" in text


def test_an_annotation_says_whose_answer_failed(run_here, judge, write_case):
    harsh = '{"reason": "", "response": "harsh"}'
    judge(TONE=harsh, **{"Which one?": "None."})
    write_case(ai("tone"), {"tone": "calm"})
    options = ("--answer-model=gpt-x", "--evalmd-mode=live", "--judge-model=gpt-4.1")
    (command,) = commands(run_here("--evalmd-report=github", *options))
    assert ",title=tone[gpt-x]%3A tone?::computed: harsh%0Arecorded: calm" in command
    assert command.endswith("%0Athe judge drifted")


def test_a_case_that_cannot_be_read_is_told(run, write_case, pytester, summary):
    write_case(logic("one", "return 1;"), {"one": "1"})
    path = write_case(logic("one", "return 1;"), name="sub/bad.md")
    path.write_text(path.read_text().replace("type: prog", "typ: prog"))

    options = ("--continue-on-collection-errors", "--evalmd-report=report.md")
    result = run(*options, "--evalmd-report=github")

    assert result.ret == 1
    assert len(commands(result)) == 2
    assert commands(result)[0].startswith(
        "::error file=sub/bad.md,line=17,title=a case that can't be read::missing key"
    )
    text = (pytester.path / "report.md").read_text(encoding="utf-8")
    assert "**Not read: 2**\n\n- `sub/bad.md:17: missing" in text
    # With workers, pytest runs nothing once a file can't be collected.
    assert ("| one? | `1` | ✅ passed |" in text) or "interrupted" in text_of(
        result
    ).lower()


def test_paths_are_those_of_the_repository(pytester, write_case, monkeypatch):
    write_case(logic("one", "return 1;"), {"one": "2"}, name="sub/case.md")
    pytester.makeini("[pytest]")
    monkeypatch.setenv("GITHUB_WORKSPACE", str(pytester.path.parent))
    result = pytester.runpytest_inprocess("--evalmd-report=github", "sub")
    name = pytester.path.name
    assert commands(result)[0].startswith(f"::error file={name}/sub/case.md,line=17,")
    assert "job summary" not in "\n".join(result.outlines)


def test_a_summary_is_cut_before_github_refuses_it(run_here, write_case, summary):
    for n in range(4):
        answer = f"{n} " + "long answer " * 30_000
        write_case(
            logic("one", "return 1;"), {"one": "1"}, name=f"{n}/a.md", answer=answer
        )
    summary.write_text("before\n" + "x" * 1000, encoding="utf-8")

    assert run_here("--evalmd-report=github").ret == 0

    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert SUMMARY_LIMIT // 2 < len(text.encode()) <= SUMMARY_LIMIT
    assert text.endswith(
        "_2 questions are left out here: there is no room for more._\n"
    )
    assert text.count("```") == 4


def test_a_summary_without_room_is_told(run_here, write_case, summary):
    write_case(logic("one", "return 1;"), {"one": "1"})
    summary.write_text("x" * SUMMARY_LIMIT, encoding="utf-8")
    result = run_here("--evalmd-report=github")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["the job summary: not written: there is no room left*"]
    )
    assert summary.stat().st_size == SUMMARY_LIMIT


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("case.md", "case.md: not written: it is a case, which no report replaces"),
        ("folder.md", "folder.md: not written: Is a directory"),
        (
            "run.json",
            "run.json: not written: it is a run file, which no report replaces",
        ),
    ],
)
@pytest.mark.fault(
    "a case, a folder or a run file stands in the place of a report",
    sees=(
        "not written: it is a case, which no report replaces",
        "not written: Is a directory",
        "not written: it is a run file, which no report replaces",
    ),
    keeps="what stands there; the exit status is 1",
)
def test_a_report_that_cannot_be_written_fails_the_run(
    run_here, write_case, pytester, name, said
):
    path = write_case(logic("one", "return 1;"), {"one": "1"})
    before = path.read_bytes()
    (pytester.path / "folder.md").mkdir()

    result = run_here(f"--evalmd-report={name}", "--evalmd-run=run.json")

    assert result.ret == 1
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines([said])
    assert path.read_bytes() == before


def test_a_key_is_never_reported(run_here, write_case, pytester, monkeypatch, summary):
    monkeypatch.setenv("SOME_API_KEY", "very-secret-value")
    value = "very-secret-value"
    write_case(logic("one", f"return '{value}';"), {"one": value})
    result = run_here("--evalmd-report=r.md", "--evalmd-report=github")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["r.md: not written: it holds the value of an API key"])
    assert not (pytester.path / "r.md").exists()
    assert not summary.exists()


def test_a_run_of_no_case_makes_no_report(run_here, pytester):
    pytester.makepyfile("def test_it(): pass")
    result = run_here("--evalmd-report=r.md")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["r.md: not written: no case was run"])


def test_collecting_writes_nothing(run_here, write_case, pytester):
    write_case(logic("one", "return 1;"), {"one": "1"})
    assert run_here("--evalmd-report=r.md", "--collect-only").ret == 0
    assert not (pytester.path / "r.md").exists()


def test_a_name_that_says_no_format(run_here, write_case):
    write_case(logic("one", "return 1;"), {"one": "1"})
    result = run_here("--evalmd-report=report.txt")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    expected = (
        "*--evalmd-report: got 'report.txt'; expected a file that ends in .html,*"
    )
    result.stderr.fnmatch_lines([expected])


def test_what_was_measured_is_reported_not_what_was_written(
    run_here, write_case, pytester
):
    path = write_case(logic("one", "return 1;"), {"one": "0"})
    result = run_here("--update-results", "--evalmd-report=r.json")
    assert result.ret == 0
    document = json.loads((pytester.path / "r.json").read_text(encoding="utf-8"))
    (measure,) = document["questions"][0]["answers"][0]["measures"]
    assert (measure["state"], measure["recorded_text"]) == ("updated", "0")
    assert "> 1\n" in path.read_text()
