"""``--evalmd-run``, ``--evalmd-baseline`` and ``--evalmd-gate``."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from measures import ai, logic

from pytest_evalmd.verdict import runs

SCHEMA = json.loads(
    Path(runs.__file__).with_name("run.schema.json").read_text(encoding="utf-8")
)


def read(path):
    run = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(run)
    return run, {one["measure"]: one for one in run["results"]}


def test_a_run_file_holds_what_the_run_found(run, judge, write_case, pytester):
    judge(TONE='{"reason": "short", "response": "calm"}')
    measures = (
        ai("tone") + logic("two", "return 2;") + logic("broken", "return nothing.at;")
    )
    path = write_case(
        measures, {"tone": "calm", "two": "1"}, name="a/case.md", front="tags: x"
    )

    result = run("--evalmd-run=out/run.json", "--judge-model=gpt-x")

    assert result.ret == 1
    document, results = read(pytester.path / "out" / "run.json")
    assert document["totals"]["outcomes"] == {"passed": 1, "failed": 1, "error": 1}
    tone = results["tone"]
    assert (tone["case"], tone["outcome"]) == ("a/case.md", "passed")
    assert (tone["judge_model"], tone["reason"]) == ("gpt-x", "short")
    assert (tone["description"], tone["tags"]) == ("tone?", ["x"])
    assert path.read_text().splitlines()[tone["line"] - 1] == "> calm"
    assert "provenance" not in tone  # the reply of this run did not bring the result
    assert len(tone["keys"]) == 1
    assert (results["two"]["output"], results["two"]["recorded_text"]) == (2, "1")
    assert results["broken"]["problem"].startswith("logic failed at line 1")
    answer = "Take Zuvira first, then Lomanta."
    texts = {"case": "a/case.md", "query": "Which one?", "answer": answer}
    ids = {"measures": ["tone", "two", "broken"]}
    assert document["cases"] == [texts | {"tags": ["x"]} | ids]


def test_a_run_file_says_where_a_recorded_result_came_from(
    run_here, judge, write_case, pytester
):
    judge(TONE='{"reason": "", "response": "calm"}')
    path = write_case(ai("tone"))
    options = ("--judge-model=gpt-x", "--evalmd-run=run.json")
    assert run_here("--update-results", *options).ret == 0
    for text in (path.read_text(), path.read_text().replace("> calm\n", "> cross\n")):
        path.write_text(text)
        run_here(*options)
        _, results = read(pytester.path / "run.json")
        said = results["tone"].get("provenance", "")
        assert said.startswith("recorded from gpt-x on ") == ("calm" in text)


def test_a_run_file_holds_the_texts_that_were_measured(run, write_case, pytester):
    path = write_case(logic("one", "return input;"), front="model: gpt-x")
    write_case(logic("one", "return 1;"), name="empty.md", answer="")
    pytester.makeconftest(
        f"""
        import pathlib, pytest
        @pytest.fixture(autouse=True)
        def somebody_edits_it():
            path = pathlib.Path({str(path)!r})
            path.write_text(path.read_text().replace("Zuvira", "Nothing"))
        """
    )

    run("--evalmd-run=run.json", "--update-results")

    document, _ = read(pytester.path / "run.json")
    texts = {one["case"]: one for one in document["cases"]}
    assert texts["case.md"]["answer"].startswith("Take Zuvira first")
    assert texts["case.md"]["model"] == "gpt-x"
    assert "answer" not in texts["empty.md"]


@pytest.mark.parametrize(
    ("gate", "status"),
    [((), 1), (("--evalmd-gate=significant",), 0), (("--evalmd-gate=rate:0.9",), 1)],
)
def test_a_baseline_decides(run_here, write_case, gate, status):
    measures = logic("one", "return 1;") + logic("two", "return 2;")
    path = write_case(measures, {"one": "1", "two": "2"})
    assert run_here("--evalmd-run=base.json").ret == 0
    path.write_text(path.read_text().replace("> 2\n", "> 3\n"))

    result = run_here("--evalmd-baseline=base.json", *gate)

    assert result.ret == status
    result.stdout.fnmatch_lines(["*against the baseline*", "*case.md::two*", "gate: *"])


def test_a_failing_test_of_another_kind_still_fails(run_here, write_case, pytester):
    write_case(logic("one", "return 1;"), {"one": "1"})
    assert run_here("--evalmd-run=base.json").ret == 0
    pytester.makepyfile("def test_it(): assert 0")

    result = run_here("--evalmd-baseline=base.json", "--evalmd-gate=significant")

    assert result.ret == 1


@pytest.mark.parametrize(
    ("broken", "arguments"),
    [
        (True, ["--continue-on-collection-errors"]),
        (False, ["-x"]),
        (False, ["--maxfail=1", "-n2"]),
    ],
)
def test_a_gate_passes_no_run_that_missed_something(
    pytester, write_case, broken, arguments
):
    path = write_case(logic("a", "return 1;") + logic("b", "return 2;"), {"a": "0"})
    assert pytester.runpytest_inprocess("--evalmd-run=base.json").ret == 1
    if broken:
        text = path.read_text().replace("type: prog", "typ: prog")
        (pytester.path / "broken.md").write_text(text)

    result = pytester.runpytest_subprocess(
        "--evalmd-baseline=base.json", "--evalmd-gate=rate:0", *arguments
    )

    result.stdout.fnmatch_lines(["gate: passed"])
    assert result.ret != 0


def test_a_gate_passes_no_result_that_was_not_written(pytester, write_case, run_here):
    path = write_case(logic("a", "return 1;"), {"a": "0"})
    assert run_here("--evalmd-run=base.json").ret == 1
    pytester.makeconftest(
        f"""
        import pathlib, pytest
        @pytest.fixture(autouse=True)
        def somebody_edits_it():
            path = pathlib.Path({str(path)!r})
            path.write_text(path.read_text() + " ")
        """
    )

    result = run_here(
        "--evalmd-baseline=base.json", "--evalmd-gate=rate:0", "--update-results"
    )

    result.stdout.fnmatch_lines(["gate: passed", "*results NOT written*"])
    assert result.ret == 1


def test_an_error_shuts_every_gate(run_here, write_case):
    path = write_case(logic("one", "return 1;"), {"one": "1"})
    assert run_here("--evalmd-run=base.json").ret == 0
    path.write_text(path.read_text().replace("return 1", "return x"))

    result = run_here("--evalmd-baseline=base.json", "--evalmd-gate=rate:0")

    assert result.ret == 1


@pytest.mark.parametrize("content", [None, "{}", "\udcff"])
def test_a_baseline_that_cannot_be_read_fails(run_here, write_case, pytester, content):
    write_case(logic("one", "return 1;"), {"one": "1"})
    if content is not None:
        data = content.encode("utf-8", "surrogateescape")
        (pytester.path / "base.json").write_bytes(data)

    result = run_here("--evalmd-baseline=base.json")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*against the baseline*", "base.json: *"])


def test_a_key_is_never_written(run_here, write_case, pytester, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "very-secret-value")
    write_case(
        logic("one", "return 'very-secret-value';"), {"one": "very-secret-value"}
    )

    result = run_here("--evalmd-run=run.json")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["run.json: not written: it holds the value of an API*"]
    )
    assert not (pytester.path / "run.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--evalmd-gate=any"],
            "--evalmd-gate: expected --evalmd-baseline=FILE with it",
        ),
        (
            ["--evalmd-baseline=b", "--evalmd-gate=x"],
            "--evalmd-gate: got 'x'; expected*",
        ),
    ],
)
def test_a_gate_that_makes_no_sense(run_here, write_case, arguments, said):
    write_case(logic("one", "return 1;"), {"one": "1"})
    result = run_here(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {said}"])


def test_a_measure_that_is_in_error_as_before_is_no_pass(run_here, write_case):
    write_case(logic("one", "return x;") + logic("two", "return 2;"), {"two": "2"})
    assert run_here("--evalmd-run=base.json").ret == 1

    result = run_here("--evalmd-baseline=base.json", "--evalmd-gate=rate:0.5")

    assert result.ret == 1
