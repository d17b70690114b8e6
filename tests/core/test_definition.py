"""The keys of a measure: good and bad values, defaults, inferred outputs."""

from __future__ import annotations

import pytest
from case_texts import AI, PROGRAMMATIC, case_text, measure, problem, problems

JS = (*PROGRAMMATIC, "logic: return 1;")
WHOLE = "expected a whole number from 1 to 99"
WORDS = "expected a word or a list of different words, such as [one, two]"
SOURCES = "expected one or more of query, answer"

GOOD = {
    "output: list": {"output": "list"},
    "output: integer": {"output": "integer"},
    "output: number": {"output": "number"},
    "output: boolean": {"output": "boolean"},
    "output: text": {"output": "text"},
    "output: json": {"output": "json"},
    "context: query": {"context": ("query",)},
    "context: [query, answer]": {"context": ("query", "answer")},
    "input: query": {"input": "query", "inputs": ("query",), "needs": ()},
    "input: [answer]": {"input": ("answer",), "inputs": ("answer",), "needs": ()},
    "range: 1..10": {"range": (1, 10), "output": "number"},
    'range: "-0.5 .. 0.5"': {"range": (-0.5, 0.5)},
    "range: 3..3": {"range": (3, 3)},
    "schema: {}": {"schema": {}, "output": "json"},
    "schema: {type: array}": {"output": "list"},
    "schema: {type: string}": {"output": "text"},
    "schema: {type: object}": {"output": "json"},
    "schema: {type: [integer, 'null']}": {"output": "json"},
    "schema: {$ref: '#/$defs/a', $defs: {a: {}}}": {"output": "json"},
    "samples: 1": {"samples": 1},
    "samples: 99": {"samples": 99},
    "aggregate: mode": {"aggregate": "mode"},
    "aggregate: median": {"aggregate": "median"},
    "aggregate: any": {"aggregate": "any"},
    "compare: exact": {"compare": "exact"},
    "compare: unordered": {"compare": "unordered"},
    "compare: pattern": {"compare": "pattern"},
    "compare: any-of": {"compare": "any-of"},
    "tolerance: 0.5": {"compare": "within", "tolerance": 0.5},
    "tolerance: 0": {"compare": "within", "tolerance": 0},
    "ignore: case": {"ignore": ("case",)},
    "ignore: [case, marks, space]": {"ignore": ("case", "marks", "space")},
    "params: {a: 1, b: [x]}": {"params": {"a": 1, "b": ["x"]}},
    "params.a.b: null": {"params": {"a.b": None}},
    "params.NAME: 1": {"params": {"NAME": 1}},
}


@pytest.mark.parametrize("line", GOOD)
def test_a_key_of_an_ai_measure(line):
    found = measure(line)
    assert {name: getattr(found, name) for name in GOOD[line]} == GOOD[line]


def test_keys_that_go_together():
    assert measure("output: integer", "range: 1..5").output == "integer"
    assert measure("compare: overlap", "threshold: 0.8").threshold == 0.8
    assert measure("compare: within", "tolerance: 2").tolerance == 2
    assert measure("output: integer", "aggregate: mean").aggregate == "mean"
    assert measure("output: boolean", "aggregate: all").aggregate == "all"
    assert measure("params: {a: 1}", "params.b: 2").params == {"a": 1, "b": 2}


def test_defaults():
    found = measure()
    assert (found.context, found.output, found.compare) == (("answer",), "any", "exact")
    assert (found.samples, found.aggregate, found.ignore) == (1, None, ())
    assert (found.tolerance, found.threshold, found.params) == (0, 1, {})
    assert (found.input, found.inputs, found.needs) == (None, (), ())


def test_a_programmatic_measure():
    found = measure("params.x: 1", "compare: unordered", base=JS)
    assert (found.type, found.input, found.logic) == (
        *("programmatic", "answer", "return 1;"),
    )
    assert (found.params, found.compare, found.output) == ({"x": 1}, "unordered", "any")


BAD = {
    "output: string": "output: got 'string'; expected one of list, integer, number, "
    "boolean, text, json",
    "output: lst": "output: got 'lst'; expected one of list, integer, number, "
    "boolean, text, json (did you mean 'list'?)",
    "output: response": "output: got 'response'; expected one of list, ",
    "context: []": f"context: got []; {WORDS}",
    "context: anwser": f"context: got 'anwser'; {SOURCES} (did you mean 'answer'?)",
    "context: [answer, answer]": f"context: got ['answer', 'answer']; {WORDS}",
    "context: [answer, 1]": f"context: got ['answer', 1]; {WORDS}",
    "input: 1": f"input: got 1; {WORDS}",
    "input:": f"input: got ''; {WORDS}",
    "input: ['']": f"input: got ['']; {WORDS}",
    "input: {a: 1}": f"input: got {{'a': 1}}; {WORDS}",
    "range: 5": "range: got 5; expected two numbers, the lower first, such as 1..10",
    "range: 5..1": "range: got '5..1'; expected two numbers, the lower first",
    "range: 1-5": "range: got '1-5'; expected two numbers, the lower first",
    "range: 1..": "range: got '1..'; expected two numbers, the lower first",
    "schema: x": "schema: got 'x'; expected a JSON Schema mapping",
    "schema: []": "schema: got []; expected a JSON Schema mapping",
    "schema: {type: lst}": "schema: $.type: 'lst' is not valid under any of the given",
    "schema: {pattern: '('}": "schema: $.pattern: '(' is not a 'regex'",
    "schema: {$ref: 'http://x/y'}": "schema: $ref 'http://x/y' points elsewhere; "
    "expected '#/...'",
    "schema: {allOf: [{$dynamicRef: y}]}": "schema: $ref 'y' points elsewhere; ",
    f"schema: {'{items: ' * 190}1{'}' * 190}": "schema: nested too deeply to be",
    "samples: 0": f"samples: got 0; {WHOLE}",
    "samples: 100": f"samples: got 100; {WHOLE}",
    "samples: 2.0": f"samples: got 2.0; {WHOLE}",
    "samples: true": f"samples: got True; {WHOLE}",
    "samples: many": f"samples: got 'many'; {WHOLE}",
    "aggregate: sum": "aggregate: got 'sum'; expected one of median, mean, "
    "mode, all, any",
    "compare: equal": "compare: got 'equal'; expected one of exact, unordered, ",
    "compare: []": "compare: got []; expected one of exact, unordered, ",
    "compare: within": "missing key 'tolerance'; expected how far a number may be off, "
    "such as 1",
    "compare: overlap": "missing key 'threshold'; expected the least share in common, "
    "such as 0.8",
    "tolerance: -1": "tolerance: got -1; expected a number, 0 or more",
    "tolerance: x": "tolerance: got 'x'; expected a number, 0 or more",
    "threshold: 0.5": "threshold: got 0.5; expected none with compare: exact; it is "
    "for overlap",
    "ignore: []": f"ignore: got []; {WORDS}",
    "ignore: [case, spaces]": "ignore: got ['case', 'spaces']; expected one or more of "
    "case, marks, space (did you mean 'space'?)",
    "params: x": "params: got 'x'; expected a mapping",
    "params.: x": "unknown key 'params.' for type ai (did you mean 'params'?); ",
    "logic: return 1;": "unknown key 'logic' for type ai; expected one of id, ",
    "promt: x": "unknown key 'promt' for type ai (did you mean 'prompt'?); expected "
    "one of id, description, type, input, params, params.NAME, compare, tolerance, "
    "threshold, ignore, prompt, context, output, range, schema, samples, aggregate",
}


@pytest.mark.parametrize("line", BAD)
def test_a_bad_value_of_an_ai_measure(line):
    found = problem(case_text((*AI, line)))
    at = 8 if BAD[line].startswith("missing") else 13
    assert (found[0], found[1][: len(BAD[line])]) == (at, BAD[line])


BAD_TOGETHER = {
    ("threshold: 0", "compare: overlap"): "threshold: got 0; expected a number above 0",
    (
        "threshold: 1.1",
        "compare: overlap",
    ): "threshold: got 1.1; expected a number abov",
    ("tolerance: 1", "compare: exact"): "tolerance: got 1; expected none with compare: "
    "exact; it is for within",
    ("tolerance: 1", "output: text"): "tolerance: got 1; expected none with output "
    "text; within holds numbers together",
    ("range: 1..2", "output: text"): "range: got '1..2'; expected no range, or output: "
    "integer or number",
    ("compare: subset", "output: text"): "compare: got 'subset'; expected another one; "
    "subset holds lists together",
    ("aggregate: mean", "output: list"): "aggregate: got 'mean'; expected mode, or "
    "output: number or integer; output is list",
    ("aggregate: all", "output: number"): "aggregate: got 'all'; expected mode, or "
    "output: boolean; output is number",
    ("params.a: 1", "params: {a: 2}"): "params.a is given twice: here and under params",
}


@pytest.mark.parametrize("lines", BAD_TOGETHER)
def test_keys_that_do_not_go_together(lines):
    found = problem(case_text((*AI, *lines)))
    message = BAD_TOGETHER[lines]
    assert (found[0], found[1][: len(message)]) == (13, message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("prompt: x", "unknown key 'prompt' for type programmatic; expected one of id"),
        ("output: list", "unknown key 'output' for type programmatic"),
        ("samples: 2", "unknown key 'samples' for type programmatic"),
        (
            "Logic: x",
            "unknown key 'Logic' for type programmatic (did you mean 'logic'?)",
        ),
    ],
)
def test_a_bad_key_of_a_programmatic_measure(line, message):
    found = problem(case_text((*JS, line)))
    assert (found[0], found[1][: len(message)]) == (14, message)


TEXTS = {"id": AI, "description": AI, "prompt": AI, "logic": JS}


@pytest.mark.parametrize("key", TEXTS)
def test_texts_that_are_missing_or_empty_or_no_text(key):
    base = TEXTS[key]
    at = next(n for n, line in enumerate(base) if line.startswith(f"{key}: "))
    changed = {
        "": (8, f"missing key '{key}'; expected a text"),
        f"{key}:": (9 + at, f"{key}: got ''; expected a text that is not empty"),
        f'{key}: " "': (9 + at, f"{key}: got ' '; expected a text that is not empty"),
        f"{key}: 5": (
            9 + at,
            f"{key}: got 5; expected a text; put it in double quotes",
        ),
        f"{key}: true": (
            9 + at,
            f"{key}: got True; expected a text; put it in double ",
        ),
    }
    for line, (number, message) in changed.items():
        kept = [*base[:at], *([line] if line else []), *base[at + 1 :]]
        found = problem(case_text(kept))
        assert (found[0], found[1][: len(message)]) == (number, message)


@pytest.mark.parametrize(
    "bad", ["1a", "_a", "a b", "a.b", "é", "ärger", "m\u0301", "a\u2028"]
)
def test_an_id_is_ascii_and_says_so(bad):
    assert problem(case_text((f'id: "{bad}"', *AI[1:]))) == (
        9,
        f"id: got {bad!r}; expected a letter, then letters, digits, '_' or '-' (ASCII "
        "only)",
    )


@pytest.mark.parametrize("bad", ["answer", "query"])
def test_an_id_is_none_of_the_cases_own_names(bad):
    assert problem(case_text((f"id: {bad}", *AI[1:]))) == (
        9,
        f"id: got '{bad}'; expected another name; 'answer' and 'query' are the case's "
        "own",
    )


def test_a_type_that_is_missing_or_unknown():
    kinds = "expected one of ai, programmatic"
    assert problem(case_text((*AI[:2], AI[3]))) == (8, f"missing key 'type'; {kinds}")
    assert problem(case_text((*AI[:2], "type: AI", AI[3]))) == (
        11,
        f"type: got 'AI'; {kinds}",
    )
    assert problem(case_text((*JS[:2], "type: programatic", *JS[3:]))) == (
        11,
        f"type: got 'programatic'; {kinds} (did you mean 'programmatic'?)",
    )
    assert problem(case_text(JS[:3] + JS[4:])) == (
        8,
        "missing key 'input'; expected the id of a measure, a list of ids, answer or "
        "query",
    )


def test_everything_that_is_wrong_is_told_at_once():
    found = problems(case_text(("id: 1", "type: x", "smples: 2"), ("output: x",)))
    assert [line for line, _ in found] == [8, 8, 9, 10, 11, 12, 12, 12, 12, 13]
