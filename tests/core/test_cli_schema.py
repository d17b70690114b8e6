"""``evalmd schema``: what it prints says what the parser says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
from case_texts import AI, PROGRAMMATIC, case_text
from jsonschema import Draft202012Validator

from pytest_evalmd.case import definition, model, parse
from pytest_evalmd.case.blocks import MEASURES_MD, MEASURES_YAML, read_document
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.case.scalars import read_scalar, read_yaml
from pytest_evalmd.cli import main
from pytest_evalmd.generate.placeholders import read_raw
from pytest_evalmd.generate.template import read_template

EXAMPLES = Path(__file__).parents[2] / "example_cases"


@pytest.fixture
def schema(capsys):
    def run(*names):
        assert main(["schema", *names]) == 0
        found = json.loads(capsys.readouterr().out)
        Draft202012Validator.check_schema(found)
        return found

    return run


@pytest.fixture
def valid(schema):
    def run(name, value):
        return Draft202012Validator(schema(name)).is_valid(value)

    return run


def test_the_schemas_are_these(schema):
    assert schema() == schema("measures") != schema("frontmatter")
    assert schema("run")["title"] == "A run file of pytest-evalmd"
    with pytest.raises(SystemExit):
        main(["schema", "nope"])


def keys_of(names):
    return {key for key in names if key != definition.ANY_PARAM}


def test_the_keys_are_the_parsers(schema):
    items = schema("measures")["items"]

    every = {key for keys in definition.KEYS.values() for key in keys}
    assert {*items["properties"]} == keys_of(every)
    assert {*items["patternProperties"]} == {"^params\\.."}
    kinds = {
        one["if"]["properties"]["type"]["const"]: one["then"]
        for one in items["allOf"]
        if "type" in one["if"].get("properties", {})
    }
    assert {*kinds} == {*definition.KEYS}
    for kind, keys in definition.KEYS.items():
        assert {*kinds[kind]["properties"]} == keys_of(keys)


def test_the_words_are_the_parsers(schema):
    keys = schema("measures")["items"]["properties"]

    for key, words in {
        "type": model.MeasureType,
        "compare": model.Compare,
        "output": definition.DeclaredOutput,
        "aggregate": model.Aggregate,
    }.items():
        assert keys[key]["enum"] == [*get_args(words)]
    for key, words in {"ignore": model.Ignore, "context": model.Source}.items():
        assert keys[key]["anyOf"][0]["enum"] == [*get_args(words)]
    assert keys["id"]["not"]["enum"] == [*model.SOURCES]
    assert keys["samples"]["maximum"] == definition.MAX_SAMPLES


def test_the_frontmatter_is_the_parsers(schema):
    keys = schema("frontmatter")["properties"]

    assert {*keys} == {*parse._KEYS}
    judge = keys["judge"]["anyOf"][0]["properties"]
    assert {*judge} == {*parse._JUDGE_KEYS}
    measures = schema("measures")["items"]["properties"]
    assert judge["samples"] == measures["samples"]
    assert judge["context"] == measures["context"]
    tag = keys["tags"]["anyOf"][0]
    assert {*tag["not"]["enum"]} == parse._MARKS_WITH_EFFECT


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.md")), ids=lambda p: p.stem)
def test_the_example_cases_are_valid(valid, path):
    document = read_document(path.read_text(encoding="utf-8"))
    for block in document.blocks:
        if block.info == MEASURES_YAML:
            assert valid("measures", read_yaml(block.text))
        if block.info == MEASURES_MD:
            template = read_template(f"# Query\nQ\n# Measures\n{block.text}")
            listed = [
                {entry.key: read_raw(entry.raw) for entry in one.entries}
                for one in template.measures
            ]
            assert valid("measures", listed)
    if document.frontmatter is not None:
        assert valid("frontmatter", read_yaml(document.frontmatter))


def entries(*lines):
    pairs = (line.split(": ", 1) for line in lines)
    return {key: read_scalar(value) for key, value in pairs}


LOGIC = (*PROGRAMMATIC, "logic: return 1")


@pytest.mark.parametrize(
    "lines",
    [
        AI,
        LOGIC,
        AI[1:],
        AI[:3],
        PROGRAMMATIC,
        (*AI, "logic: x"),
        (*LOGIC, "prompt: x"),
        (*AI, "promt: x"),
        (*AI, "params.a: 1"),
        (*AI, "params.: 1"),
        (*AI, "params: {a: 1}"),
        (*AI, "params: [a]"),
        (*AI, "range: 1..10"),
        (*AI, "range: 1.."),
        (*AI, "samples: 99"),
        (*AI, "samples: 100"),
        (*AI, "samples: 1.5"),
        (*AI, "compare: within", "tolerance: 1"),
        (*AI, "compare: within"),
        (*AI, "tolerance: 1"),
        (*AI, "tolerance: -1"),
        (*AI, "compare: exact", "tolerance: 1"),
        (*AI, "compare: overlap", "threshold: 0.5"),
        (*AI, "compare: overlap"),
        (*AI, "compare: overlap", "threshold: 0"),
        (*AI, "threshold: 0.5"),
        (*AI, "ignore: [case, marks]"),
        (*AI, "ignore: [case, case]"),
        (*AI, "ignore: []"),
        (*AI, "ignore: colour"),
        (*AI, "context: [query, answer]"),
        (*AI, "output: list"),
        (*AI, "output: lst"),
        (*AI, "aggregate: mode"),
        (*AI, "input: answer"),
        (*AI, "input: 3"),
        ("id: 3m", *AI[1:]),
        ("id: answer", *AI[1:]),
        (AI[0], "description: 3", *AI[2:]),
        (AI[0], 'description: " "', *AI[2:]),
    ],
    ids=" ".join,
)
def test_the_schema_takes_what_the_parser_takes(valid, lines):
    try:
        parse.parse_case(case_text(lines))
        parses = True
    except CaseError:
        parses = False

    assert valid("measures", [entries(*lines)]) == parses


@pytest.mark.parametrize(
    "front",
    [
        *("model: a", "model: 3", "model:", "tags: [a, b.c/d-e]", "tags: [a, a]"),
        *("tags: a", "tags: [skip]", "tags: _a", "tags: é1", "tags: [a b]", "tags: []"),
        *("judge: {model: a, samples: 3, context: [query]}", "judge: {modl: a}"),
        *("judge: a", "judge: {samples: 100}", "mine: [anything]", "judge:", "tags:"),
    ],
)
def test_the_schema_takes_the_frontmatter_that_the_parser_takes(valid, front):
    try:
        parse.parse_case(case_text(front=f"---\n{front}\n---\n"))
        parses = True
    except CaseError:
        parses = False

    assert valid("frontmatter", read_yaml(front)) == parses
