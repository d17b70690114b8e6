"""Recorded results: value <-> text."""

from __future__ import annotations

import pytest

from pytest_evalmd.case.results import (
    ONE_LINE,
    ResultError,
    fits,
    read_result,
    read_result_like,
    write_result,
    write_result_of_any_type,
)
from pytest_evalmd.case.values import (
    MAX_DEPTH,
    ValueTextError,
    read_json,
    same,
    write_json,
)

LONG = ["a, " + "x" * 50, "y" * 50]
LONG_TEXT = f'[\n  "a, {"x" * 50}",\n  "{"y" * 50}"\n]'

BOTH_WAYS = [
    ("text", "N/A", "N/A"),
    ("text", "9", "9"),
    ("text", "true", "true"),
    ("text", " a\n\n b ", " a\n\n b "),
    ("text", "```js\n```", "```js\n```"),
    ("text", "é®😀", "é®😀"),
    ("text", "", '""'),
    ("text", "  \n", '"  \\n"'),
    ("text", "a\rb", '"a\\rb"'),
    ("text", "a\0b", '"a\\u0000b"'),
    ("text", "\ud800", '"\\ud800"'),
    ("text", '""', '"\\"\\""'),
    ("text", '"a"', '"a"'),
    ("boolean", True, "true"),
    ("boolean", False, "false"),
    ("integer", 9, "9"),
    ("integer", -12, "-12"),
    ("integer", 10**30, "1" + "0" * 30),
    ("number", 7.5, "7.5"),
    ("number", 9, "9"),
    ("number", 1e300, "1e+300"),
    ("number", 0.1, "0.1"),
    ("list", ["Adcetris", "Istodax"], "Adcetris,Istodax"),
    ("list", ["Poteligeo"], "Poteligeo"),
    ("list", ["a b", "c/d", "9", "true", "null"], "a b,c/d,9,true,null"),
    ("list", [], "[]"),
    ("list", [""], '[""]'),
    ("list", ["a, b"], '["a, b"]'),
    ("list", ["a\nb"], '["a\\nb"]'),
    ("list", [" a"], '[" a"]'),
    ("list", ["a", ""], '["a", ""]'),
    ("list", ["[x", "y]"], "[x,y]"),
    ("list", ["[1]"], '["[1]"]'),
    ("list", ["[1", "2]"], '["[1", "2]"]'),
    ("list", ["a\rb"], '["a\\rb"]'),
    ("list", [1, 2.5, "a", None, True], '[1, 2.5, "a", null, true]'),
    ("list", [["a"]], '[["a"]]'),
    ("list", LONG, LONG_TEXT),
    ("json", {"a": 1, "b": [True, None]}, '{"a": 1, "b": [true, null]}'),
    ("json", {}, "{}"),
    ("json", ["a", "b"], '["a", "b"]'),
    ("json", None, "null"),
    ("json", "plain", "plain"),
    ("json", "9", '"9"'),
    ("json", "true", '"true"'),
    ("json", '"a"', '"\\"a\\""'),
    ("json", "", '""'),
    ("json", {"é": "®"}, '{"é": "®"}'),
    ("response", "N/A", "N/A"),
    ("response", 9, "9"),
    ("any", "some words, and more", "some words, and more"),
    ("any", ["a", "b"], '["a", "b"]'),
    ("any", None, "null"),
    ("any", "[]", '"[]"'),
]


@pytest.mark.parametrize(("output", "value", "text"), BOTH_WAYS)
def test_a_value_and_its_text(output, value, text):
    assert write_result(value, output) == text
    assert same(read_result(text, output), value)


READ_ONLY = [
    ("list", "Adcetris, Istodax ,Folotyn", ["Adcetris", "Istodax", "Folotyn"]),
    ("list", " a ", ["a"]),
    ("list", "a,", ["a", ""]),
    ("list", "a\n,b", ["a", "b"]),
    ("list", ' ["a"]\n', ["a"]),
    ("list", '["a",]', ['["a"', "]"]),
    ("list", "9", ["9"]),
    ("list", '{"a": 1}', ['{"a": 1}']),
    ("integer", "9.0", 9),
    ("integer", " 9\n", 9),
    ("number", "9.50", 9.5),
    ("number", "1e2", 100),
    ("boolean", " true ", True),
    ("json", "NaN", "NaN"),
    ("json", "1e999", "1e999"),
    ("json", "9" * 5000, "9" * 5000),
    ("json", '{"a": 1, "a": 2}', '{"a": 1, "a": 2}'),
    ("json", "[" * 100_000, "[" * 100_000),
    ("any", " 9 ", 9),
    ("any", " a ", " a "),
]


@pytest.mark.parametrize(("output", "text", "value"), READ_ONLY)
def test_other_texts_that_people_write(output, text, value):
    assert same(read_result(text, output), value)


@pytest.mark.parametrize(
    ("output", "text", "message"),
    [
        ("integer", "9.5", "the recorded result '9.5' is not an integer"),
        ("integer", "nine", "the recorded result 'nine' is not an integer"),
        ("integer", "true", "the recorded result 'true' is not an integer"),
        ("integer", '"9"', "the recorded result '\"9\"' is not an integer"),
        ("integer", "1e999", "the recorded result '1e999' is not an integer"),
        ("number", "7,5", "the recorded result '7,5' is not a number"),
        ("number", "null", "the recorded result 'null' is not a number"),
        ("number", "N/A", "the recorded result 'N/A' is not a number"),
        ("boolean", "yes", "the recorded result 'yes' is not a boolean"),
        ("boolean", "True", "the recorded result 'True' is not a boolean"),
        ("boolean", "1", "the recorded result '1' is not a boolean"),
        ("boolean", "x" * 99, f"the recorded result '{'x' * 59}…' is not a boolean"),
    ],
)
def test_a_recorded_text_that_cannot_be_read(output, text, message):
    with pytest.raises(ResultError) as caught:
        read_result(text, output)
    assert str(caught.value) == message


UNTYPED = [
    ("N/A", "N/A"),
    ("9", "9"),
    ("", '""'),
    ('"a"', '"a"'),
    (9, "9"),
    (3.0, "3"),
    (-0.0, "0"),
    (True, "true"),
    (None, "null"),
    (["a", "b"], "a,b"),
    (["9"], "9"),
    ([9], "[9]"),
    ([], "[]"),
    ([1.0, {"a": [2.0]}], '[1, {"a": [2]}]'),
    ({"a": 1.0}, '{"a": 1}'),
    (2.0**53, "9007199254740992.0"),
    (LONG, LONG_TEXT),
]


@pytest.mark.parametrize(("value", "text"), UNTYPED)
def test_what_logic_returned(value, text):
    assert write_result_of_any_type(value) == text
    assert same(read_result_like(text, value), value)


def test_what_was_recorded_is_read_as_what_was_computed():
    assert read_result_like("9", "N/A") == "9"
    assert read_result_like("9", 1) == 9
    assert read_result_like("a,b", []) == ["a", "b"]
    assert read_result_like("a,b", None) == "a,b"
    assert read_result_like("a,b", {}) == "a,b"


def test_long_json_is_indented():
    fits_exactly = ["a, " + "x" * (ONE_LINE - 7)]
    assert len(write_result(fits_exactly, "list")) == ONE_LINE
    assert write_result(["x" + fits_exactly[0]], "list").startswith('[\n  "xa, ')
    assert write_result({"a": {"b": "x" * 88}}, "json") == (
        '{\n  "a": {\n    "b": "' + "x" * 88 + '"\n  }\n}'
    )
    assert write_result("x" * 1000, "text") == "x" * 1000


@pytest.mark.parametrize(
    ("value", "output", "fitting"),
    [
        (True, "boolean", True),
        (1, "boolean", False),
        (9.0, "integer", True),
        (9.5, "integer", False),
        (True, "integer", False),
        ("9", "number", False),
        (9.5, "number", True),
    ],
)
def test_a_value_fits_a_declared_type(value, output, fitting):
    assert fits(value, output) is fitting


@pytest.mark.parametrize(
    "text",
    ["", "x", "[1,]", "NaN", "-Infinity", "1e999", '{"a": 1, "a": 1}', "9" * 5000],
)
def test_what_is_no_json(text):
    with pytest.raises(ValueTextError):
        read_json(text)


def test_json_nests_only_so_deep():
    deep = "[" * MAX_DEPTH + "9" + "]" * MAX_DEPTH
    assert write_json(read_json(deep)) == deep
    with pytest.raises(ValueTextError, match="nested deeper than 200 levels"):
        read_json(f"[{deep}]")
    with pytest.raises(ValueTextError):
        read_json("[" * 100_000)


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        (9, 9.0, True),
        (1, True, False),
        (0, False, False),
        (True, True, True),
        ("9", 9, False),
        (None, False, False),
        ([1, [2.0]], [1.0, [2]], True),
        ([1], [1, 1], False),
        ([], {}, False),
        ({"a": 1, "b": 2}, {"b": 2.0, "a": 1}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 1}, {"b": 1}, False),
        (10**30, 1e30, False),
    ],
)
def test_values_are_the_same_as_json(left, right, equal):
    assert same(left, right) is equal
