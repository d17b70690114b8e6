"""``evalmd report``: what is written, what is not, and the exit status."""

from __future__ import annotations

import json
import os
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from case_texts import AI, case_text
from report_values import answer, question, report

from pytest_evalmd.cli import main
from pytest_evalmd.cli.schema import read_schema
from pytest_evalmd.publish import publish
from pytest_evalmd.verdict.runs import Run, RunCase, RunHead, RunResult, write_run

EXAMPLES = Path(__file__).parents[2] / "example_cases"
RESULT = RunResult(case="a.md", measure="m", type="ai", outcome="passed")
HEAD = RunHead(plugin="0.1.0", date="2026-11-20")


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("SOME_API_KEY",):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


@pytest.fixture
def evalmd(here, capsys):
    def run(*arguments):
        try:
            status = main(["report", *map(str, arguments)])
        except SystemExit as stop:
            status = stop.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


@pytest.fixture
def cases(here):
    ignored = shutil.ignore_patterns("README.md", "__pycache__")
    return shutil.copytree(EXAMPLES, here / "cases", ignore=ignored)


def write(path, *results, cases=()):
    text = write_run(Run(head=HEAD, results=results, cases=cases))
    path.write_text(text, encoding="utf-8")


def read(path):
    report = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(read_schema("report")))
    return report


def paths(report):
    return [
        answer["path"]
        for question in report["questions"]
        for answer in question["answers"]
    ]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX's")
@pytest.mark.parametrize("command", ["agreement", "report -o out.json"])
def test_recordings_that_are_a_pipe_are_told(cases, capsys, command):
    recordings = next(cases.rglob("__evalmd__/*.json"))
    recordings.unlink()
    os.mkfifo(recordings)
    name, *options = command.split()

    main([name, str(cases), *options])

    assert f"{recordings.name}: " in (said := capsys.readouterr().err)
    assert "it is no file" in said


def test_cases_with_what_is_remembered_of_them(evalmd, cases, here):
    status, out, err = evalmd("cases", "-o", "out/report.json")
    assert (status, err) == (0, "")
    assert out == "out/report.json: 4 questions, 4 answers, 13 measures\n"
    report = read(here / "out/report.json")
    assert report["title"] == "Report of cases"
    assert report["totals"]["states"] == {"recorded": 13}
    assert paths(report)[0] == "cases/brands/published-article.md"
    text = (here / "out/report.json").read_text(encoding="utf-8")
    assert "recorded from handwritten-judge on " in text


def test_markdown(evalmd, cases, here):
    assert evalmd("cases/brands", "cases/everyday", "-o", "report.md")[0] == 0
    text = (here / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# Report of brands, everyday\n")
    assert "## brands\n\n### published-article\n" in text
    # It is no case, so it may be replaced, and stands beside cases without harm.
    assert evalmd("cases", "report.md", "-o", "cases/report.md")[0] == 0
    assert evalmd("cases", "-o", "cases/report.md")[1].endswith(" 13 measures\n")


def test_a_case_that_is_named_twice_is_there_once(evalmd, cases, here):
    (here / "link.md").symlink_to(cases / "everyday/mountain-hike.md")
    one = "cases/everyday/mountain-hike.md"
    assert evalmd("cases", "cases/everyday", one, "link.md", "-o", "r.json")[0] == 0
    assert len(paths(read(here / "r.json"))) == 4


def test_no_path_is_absolute(evalmd, cases, here, monkeypatch):
    other = here / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    hike = cases / "everyday/mountain-hike.md"
    assert evalmd(cases / "brands", "../cases/everyday", hike, "-o", "r.json")[0] == 0
    assert {path.split("/")[0] for path in paths(read(other / "r.json"))} == {
        "brands",
        "everyday",
    }


def test_a_case_that_cannot_be_read_is_told_and_the_rest_is_written(
    evalmd, cases, here
):
    (cases / "bad.md").write_text(case_text(("id: x",)), encoding="utf-8")
    (cases / "brands/__evalmd__/second-line.json").write_text("{", encoding="utf-8")
    status, out, err = evalmd("cases", "-o", "r.json")
    assert status == 1
    assert out == "r.json: 4 questions, 4 answers, 13 measures\n"
    problems = read(here / "r.json")["problems"]
    assert err.splitlines() == problems
    assert problems[0].startswith("cases/bad.md:")
    assert problems[-1].startswith("cases/brands/__evalmd__/second-line.json: can't be")


def test_only_cases_that_cannot_be_read(evalmd, here):
    (here / "bad.md").write_text(case_text(("id: x",)), encoding="utf-8")
    assert evalmd("bad.md", "-o", "r.json")[0] == 1
    assert read(here / "r.json")["questions"] == []


def test_runs_are_joined(evalmd, here):
    case = RunCase(case="a.md", query="Which?", answer="This.")
    write(here / "one.json", RESULT, cases=[case])
    write(here / "two.json", replace(RESULT, outcome="failed"), cases=[case])
    write(here / "old.json", replace(RESULT, case="b.md"))
    status, out, _ = evalmd("one.json", "two.json", "old.json", "-o", "r.json")
    assert (status, out) == (0, "r.json: 2 questions, 2 answers, 2 measures\n")
    report = read(here / "r.json")
    assert report["date"] == "2026-11-20"
    assert report["totals"]["states"] == {"failed": 1, "passed": 1}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["empty", "-o", "r.md"], "no case found"),
        (["case.md", "gone", "-o", "r.md"], "gone: no such file or folder"),
        (["empty.json", "-o", "r.md"], "the run files hold no result"),
        (["gone.json", "-o", "r.md"], "gone.json: can't be read: No such file or dir"),
        (["bad.json", "-o", "r.md"], "bad.json: not JSON, or cut off: the file ends"),
        (["cases", "run.json", "-o", "r.md"], "got both cases and run files; expected"),
        (["run.json", "-o", "run.json"], "run.json: it is what the report is made of"),
        (
            ["run.json", "-o", "empty.json"],
            "empty.json: not written: it is a run file,",
        ),
        (["run.json", "-o", "case.md"], "case.md: not written: it is a case, which no"),
        (
            ["run.json", "-o", "bad.md"],
            "bad.md: not written: it is a case, which no re",
        ),
        (["run.json", "-o", "link.md"], "link.md: not written: it is a case, which no"),
        (["run.json", "-o", "folder.md"], "folder.md: not written: Is a directory"),
        (["run.json", "-o", "case.md/r.md"], "case.md/r.md: not written: Not a dir"),
        (["run.json", "-o", "r.txt"], "argument -o: got 'r.txt'; expected a file that"),
        (["run.json"], "the following arguments are required: -o"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_makes_no_report(evalmd, cases, here, arguments, said):
    (here / "empty").mkdir()
    (here / "folder.md").mkdir()
    write(here / "empty.json")
    write(here / "run.json", RESULT)
    (here / "bad.json").write_text("", encoding="utf-8")
    (here / "case.md").write_text(case_text(AI), encoding="utf-8")
    (here / "link.md").symlink_to("case.md")
    (here / "bad.md").write_text(case_text(("id: x",)), encoding="utf-8")
    before = {path: path.read_bytes() for path in here.rglob("*.*") if path.is_file()}
    status, out, err = evalmd(*arguments)
    assert status == 2
    assert out == ""
    assert said in err
    after = {path: path.read_bytes() for path in here.rglob("*.*") if path.is_file()}
    assert {path: after[path] for path in before} == before


def test_a_key_is_never_written(evalmd, here, monkeypatch):
    secret = 'very"secret&value'
    monkeypatch.setenv("SOME_API_KEY", secret)
    write(here / "run.json", replace(RESULT, reason=f"It is {secret}."))
    status, _, err = evalmd("run.json", "-o", "r.md")
    assert status == 2
    assert err == "r.md: not written: it holds the value of an API key\n"
    assert not (here / "r.md").exists()


def test_a_large_page_is_never_in_memory_as_a_whole(tmp_path, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    asked = question(answer(text="word " * 10_000))
    large, path = report(*[asked] * 200), tmp_path / "report.html"
    publish(report(asked), path)  # what is made once is no part of it
    tracemalloc.start()
    try:
        publish(large, path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < path.stat().st_size / 2
