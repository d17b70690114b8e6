"""Run files: written for others to read, and read as if a stranger wrote them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.verdict import jsonstream
from pytest_evalmd.verdict.jsonstream import RunFileError
from pytest_evalmd.verdict.runfile import read_run, read_whole_run
from pytest_evalmd.verdict.runs import (
    Run,
    RunCase,
    RunHead,
    RunOptions,
    RunResult,
    write_run,
)

SCHEMA = json.loads(
    files("pytest_evalmd.verdict").joinpath("run.schema.json").read_text()
)
HEAD = RunHead(plugin="0.1.0", date="2026-11-20")
FULL = RunResult(
    case="cases/night_train.md",
    measure="departure",
    variant="gpt-5",
    description="When does it leave?",
    line=42,
    type="ai",
    outcome="failed",
    answer_model="gpt-5",
    judge_model="gpt-4.1",
    output="21:72",
    output_text="21:72",
    today_text="21:27",
    attribution="answer",
    votes=("21:72", "21:72", "21:27"),
    recorded_text="21:27",
    human_text="21:27",
    reason="It says 21:72.",
    provenance="recorded from gpt-4.1 on 2026-11-01",
    tags=("trains",),
    keys=("bedab0145b75f8be",),
    usage=Usage(asked=412, answered=21, cached=0),
    duration_s=1.23456,
)
PLAIN = RunResult(case="a.md", measure="m", type="programmatic", outcome="passed")
CASE = RunCase(
    case="cases/night_train.md",
    query="When does it leave?",
    answer="At 21:27.",
    model="gpt-4.1",
    tags=("trains",),
    measures=("departure",),
    answers={"gpt-5": "At 21:72."},
)

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | ANY_TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(ANY_TEXT, inner),
    max_leaves=5,
)
COUNTS = st.none() | st.integers(0)
RESULTS = st.builds(
    RunResult,
    case=ANY_TEXT,
    measure=ANY_TEXT,
    variant=ANY_TEXT,
    type=st.sampled_from(["ai", "programmatic"]),
    outcome=st.sampled_from(["passed", "error", "updated"]),
    answer_model=st.none() | ANY_TEXT.filter(bool),
    line=st.none() | st.integers(1),
    output=JSON,
    output_text=ANY_TEXT,
    today_text=st.none() | ANY_TEXT,
    attribution=st.none() | st.sampled_from(["answer", "judge", "both"]),
    votes=st.lists(ANY_TEXT, max_size=3).map(tuple),
    reason=ANY_TEXT,
    tags=st.lists(ANY_TEXT).map(tuple),
    usage=st.builds(Usage, asked=COUNTS, answered=COUNTS),
    duration_s=st.none() | st.integers(0, 100),
)
CASES = st.builds(
    RunCase,
    case=ANY_TEXT,
    query=ANY_TEXT,
    answer=ANY_TEXT,
    tags=st.lists(ANY_TEXT, max_size=2).map(tuple),
    answers=st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=2),
)


def written(*results, head=HEAD, cases=()):
    return write_run(Run(head=head, results=results, cases=cases))


def read(*pieces):
    """Read in both ways; of the cases only one keeps anything."""
    run = read_whole_run(pieces)
    head, results = read_run(pieces)
    assert (head, tuple(results)) == (run.head, run.results)
    return run


def problem(*pieces):
    with pytest.raises(RunFileError) as caught:
        read(*pieces)
    return str(caught.value)


def refusal(*pieces):
    """Read and say what is wrong, if anything is."""
    try:
        read(*pieces)
    except RunFileError as error:
        return str(error)
    return ""


def changed(**fields):
    """Give a run file, one of whose results has other fields; ``...`` drops one."""
    document = json.loads(written(FULL))
    result = {**document["results"][0], **fields}
    document["results"] = [{k: v for k, v in result.items() if v is not ...}]
    return json.dumps(document)


class TestWriting:
    def test_a_result_a_line(self):
        assert written(replace(FULL, reason="é"), PLAIN) == (
            "{\n"
            ' "format": "evalmd-run/1",\n'
            ' "plugin": "0.1.0",\n'
            ' "date": "2026-11-20",\n'
            ' "options": {"mode": "auto", "confirm": 0, "update_results": false},\n'
            ' "totals": {"results": 2, "outcomes": {"passed": 1, "failed": 1}, "usage": '
            '{"asked": 412, "answered": 21, "cached": 0}, "duration_s": 1.235},\n'
            ' "results": [\n'
            '  {"case": "a.md", "measure": "m", "type": "programmatic", '
            '"outcome": "passed"},\n'
            '  {"case": "cases/night_train.md", "measure": "departure", '
            '"variant": "gpt-5", "description": "When does it leave?", "line": 42, "type": "ai", "outcome": "failed", '
            '"answer_model": "gpt-5", "judge_model": "gpt-4.1", "output": "21:72", '
            '"output_text": "21:72", "today_text": "21:27", "attribution": "answer", '
            '"votes": ["21:72", "21:72", "21:27"], "recorded_text": "21:27", "human_text": "21:27", '
            '"reason": "é", "provenance": "recorded from gpt-4.1 on 2026-11-01", '
            '"tags": ["trains"], "keys": ["bedab0145b75f8be"], '
            '"usage": {"asked": 412, "answered": 21, "cached": 0}, "duration_s": 1.235}\n'
            " ]\n"
            "}\n"
        )

    def test_a_case_a_line_behind_the_results(self):
        text = written(PLAIN, cases=[CASE, RunCase(case="a.md", query="é")])
        assert text.endswith(
            '"outcome": "passed"}\n'
            " ],\n"
            ' "cases": [\n'
            '  {"case": "a.md", "query": "é"},\n'
            '  {"case": "cases/night_train.md", "query": "When does it leave?", '
            '"answer": "At 21:27.", "model": "gpt-4.1", "tags": ["trains"], '
            '"measures": ["departure"], "answers": {"gpt-5": "At 21:72."}}\n'
            " ]\n"
            "}\n"
        )

    def test_the_order_of_results_and_cases_makes_no_difference(self):
        cases = [CASE, replace(CASE, case="a.md")]
        turned = written(PLAIN, FULL, cases=cases[::-1])
        assert written(FULL, PLAIN, cases=cases) == turned

    @given(
        st.lists(RESULTS, max_size=3, unique_by=lambda result: result.place),
        st.lists(CASES, max_size=3, unique_by=lambda case: case.case),
    )
    def test_what_was_written_fits_the_schema_and_comes_back(self, results, cases):
        text = written(*results, cases=cases)
        text.encode()
        jsonschema.validate(json.loads(text), SCHEMA)
        ordered = tuple(sorted(results, key=lambda result: result.place))
        by_name = sorted(cases, key=lambda case: case.case)
        assert read(text) == Run(head=HEAD, results=ordered, cases=by_name)

    def test_options_come_back(self):
        options = RunOptions(
            mode="live",
            judge_model="gpt-4.1",
            answer_models=("a", "b"),
            confirm=5,
            update_results=True,
        )
        head = replace(HEAD, options=options)
        text = written(head=head)
        jsonschema.validate(json.loads(text), SCHEMA)
        assert read(text).head == head

    def test_the_schema_is_one_and_knows_no_other_keys(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        for bad in ({"url": "x"}, {"output": ...}, {"outcome": "odd"}, {"case": ...}):
            with pytest.raises(jsonschema.ValidationError):
                jsonschema.validate(json.loads(changed(**bad)), SCHEMA)


class TestDocs:
    TEXT = Path(__file__).parents[2].joinpath("docs/runs.md").read_text("utf-8")

    def test_the_file_shown_is_one_as_it_is_written(self):
        (text,) = re.findall("```json\n(.*?)```", self.TEXT, re.DOTALL)
        jsonschema.validate(json.loads(text), SCHEMA)
        run = read(text)
        assert run.cases
        assert write_run(run) == text

    def test_the_python_runs(self):
        (text,) = re.findall("```python\n(.*?)```", self.TEXT, re.DOTALL)
        found: dict[str, object] = {}
        exec(text, found)
        assert found["comparison"].fates == {"unchanged": 1}


class TestReading:
    @pytest.mark.parametrize("size", [1, 2, 7, 100])
    @pytest.mark.parametrize("indent", [None, 2])
    def test_the_text_may_be_cut_and_laid_out_in_any_way(self, size, indent):
        document = {"n": 1.5e1, **json.loads(written(FULL, PLAIN)), "later": [-12]}
        document["results"][1]["duration_s"] = 12.5
        text = json.dumps(document, indent=indent)
        pieces = [text[i : i + size] for i in range(0, len(text), size)]
        assert read(*pieces, "") == read(text)
        assert read(text).results[1].duration_s == 12.5

    def test_only_a_result_at_a_time_is_read(self):
        taken = []

        def pieces():
            for line in written(FULL, PLAIN).splitlines():
                taken.append(line)
                yield line

        _, results = read_run(pieces())
        assert next(results) == PLAIN
        assert not any("night_train" in line for line in taken[:-1])

    def test_keys_of_later_versions_are_left_out(self):
        expected = replace(FULL, duration_s=1.235)
        assert read(changed(later=[1, 2])).results == (expected,)

    def test_a_file_of_before_there_were_cases_is_read(self):
        assert read(written(PLAIN)).cases == []

    def test_the_cases_are_larger_than_any_value_may_be(self, monkeypatch):
        text = written(PLAIN, cases=[replace(CASE, case=str(n)) for n in range(9)])
        monkeypatch.setattr(jsonstream, "MAX_VALUE", 500)
        assert len(text) > 1500
        assert len(read(*text).cases) == 9

    def test_an_empty_object_has_no_results(self):
        assert problem("{}") == "there are no 'results'"

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "not JSON, or cut off: the file ends; expected '{'"),
            ("[]", "not JSON, or cut off: got '['; expected '{'"),
            ('{"a": 1, "a": 1', "'a' is given twice"),
            ('{"a" 1}', "not JSON, or cut off: got '1'; expected ':'"),
            ("{1: 1}", "not JSON: a key is no text"),
            ('{"a": NaN}', "not JSON: NaN is not JSON"),
            ('{"a": 1e999}', "not JSON: 1e999 is too large for a number"),
            ('{"a": {"b": 1, "b": 1}}', "not JSON: a key is given twice"),
            ('{"a": tru', "not JSON, or cut off: Expecting value"),
            ('{"a": 12', "not JSON, or cut off: cut off"),
            ('{"results": []}', "format: missing; expected 'evalmd-run/1', before the"),
            ('{"format": 2, "results": []}', "format: got 2; expected 'evalmd-run/1'"),
            (written(PLAIN)[:-3], "not JSON, or cut off: the file ends; expected '}'"),
            (written(PLAIN)[:-5], "not JSON, or cut off: the file ends; expected ']'"),
            (written(PLAIN) + "x", "something follows the end of the JSON"),
            (written(PLAIN)[:-2] + ', "results": []}', "'results' is given twice"),
            ('{"cases": []}', "'cases' stands before 'results'; expected behind them"),
            (
                written(cases=[CASE])[:-2] + ', "cases": []}',
                "'cases' is given twice",
            ),
            (
                written(cases=[CASE, CASE]),
                "cases[1]: the same case a second time",
            ),
            (
                written().replace("auto", "odd"),
                "mode: got 'odd'; expected one of auto, replay,",
            ),
            (
                written().replace("0,", "true,"),
                "confirm: got True; expected an integer",
            ),
            (
                written().replace("false", "0"),
                "update_results: got 0; expected true or",
            ),
        ],
        ids=lambda text: text[:20],
    )
    def test_what_is_no_run_file_is_refused(self, text, expected):
        assert problem(text).startswith(expected)

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"case": ...}, "there is no 'case'"),
            ({"measure": None}, "measure: got None; expected a text"),
            ({"outcome": "odd\x1b" + "x" * 99}, r"outcome: got 'odd\x1bxxx"),
            ({"type": []}, "type: got a list; expected a text"),
            ({"tags": {}}, "tags: got a mapping; expected a list"),
            ({"line": 0}, "line: got 0; expected 1 or more"),
            ({"attribution": "x"}, "attribution: got 'x'; expected one of answer, ju"),
            ({"keys": [1]}, "keys: got 1; expected a text"),
            ({"usage": {"asked": -1}}, "asked: got -1; expected 0 or more"),
            ({"duration_s": "1"}, "duration_s: got '1'; expected a number"),
            ({"duration_s": True}, "duration_s: got True; expected a number"),
            ({"output": ...}, "there is 'output' without 'output_text', or"),
            ({"output_text": ...}, "there is 'output' without 'output_text', or"),
        ],
        ids=str,
    )
    def test_what_is_no_result_is_refused(self, fields, expected):
        assert problem(changed(**fields)).startswith(f"results[0]: {expected}")

    @pytest.mark.parametrize(
        ("case", "expected"),
        [
            ([], "a case: got a list; expected a mapping"),
            ({"case": "a"}, "there is no 'query'"),
            (
                {"case": "a", "query": "?", "answers": {"m": 1}},
                "answers: got 1; expected a text",
            ),
        ],
        ids=str,
    )
    def test_what_is_no_case_is_refused(self, case, expected):
        document = json.loads(written(PLAIN)) | {"cases": [case]}
        assert problem(json.dumps(document)).startswith(f"cases[0]: {expected}")

    def test_the_same_item_twice_is_refused(self):
        text = written(PLAIN, PLAIN)
        assert problem(text) == "results[1]: the same item a second time"

    @pytest.mark.parametrize("depth", [300, 100_000])
    def test_deep_nesting_is_refused(self, depth):
        text = changed(output="?").replace('"?"', "[" * depth + "]" * depth)
        assert "nested" in problem(text) or "recursion" in problem(text)

    def test_a_value_without_end_is_refused_before_memory_is_full(self, monkeypatch):
        monkeypatch.setattr(jsonstream, "MAX_VALUE", 1000)
        asked = []

        def pieces():
            yield '{"a": "'
            for n in range(10**6):
                asked.append(n)
                yield "x" * 100

        with pytest.raises(RunFileError, match="a value of over 1,000 characters"):
            read_run(pieces())
        assert len(asked) < 50

    def test_a_number_that_is_too_long_is_refused(self):
        assert problem('{"a": ' + "9" * 5000 + "}").startswith("not JSON: Exceeds")


PIECES = st.sampled_from(
    [
        *written(FULL, PLAIN, cases=[CASE]).replace("\n", " ").split(" "),
        *'{}[]",:\\ 1-e.',
        '"format": "evalmd-run/1",',
        '"results": [',
        "null",
    ]
)


class TestLaws:
    @given(st.lists(PIECES | ANY_TEXT, max_size=40))
    def test_any_text_is_read_or_refused(self, pieces):
        assert len(refusal(*pieces)) < 300

    @given(st.data())
    def test_a_run_file_with_a_value_replaced_is_read_or_refused(self, data):
        document = json.loads(written(FULL, PLAIN, cases=[CASE]))
        lines = [*document["results"], *document["cases"]]
        top = data.draw(st.sampled_from([document, *lines]))
        top[data.draw(st.sampled_from([*top]))] = data.draw(JSON)
        assert len(refusal(json.dumps(document))) < 300

    @given(st.integers(0, len(written(FULL, PLAIN, cases=[CASE])) - 3))
    def test_a_run_file_that_is_cut_is_refused(self, length):
        problem(written(FULL, PLAIN, cases=[CASE])[:length])
