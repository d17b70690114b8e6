"""The values behind a key, in markdown lists and in YAML."""

from __future__ import annotations

import pytest

from pytest_evalmd.case.scalars import ScalarError, read_scalar, read_yaml
from pytest_evalmd.case.values import same

SCALARS = {
    # 1. between double quotes, taken literally
    '"a"': "a",
    '  "a"  ': "a",
    '""': "",
    '" a "': " a ",
    '"Does it treat "off" episodes?"': 'Does it treat "off" episodes?',
    '"a" and "b"': 'a" and "b',
    r'"say \"hi\""': 'say "hi"',
    r'"/\d+\n/.test(\'x\')"': r"/\d+\n/.test(\'x\')",
    r'"\\"': r"\\",
    r'"C:\x\u00e9"': r"C:\x\u00e9",
    '"# no comment: {}"': "# no comment: {}",
    '"9"': "9",
    # 2. JSON numbers and words, single quotes, flow lists and mappings
    "9": 9,
    "-0.5": -0.5,
    "1e3": 1000.0,
    "9.0": 9.0,
    "true": True,
    "false": False,
    "null": None,
    "'it's'": "it's",
    "''": "",
    "'9'": "9",
    "[]": [],
    "[a, 'b, c', 9, yes, null, \"d\\n\"]": ["a", "b, c", 9, "yes", None, "d\n"],
    "{a: {b: [1.5, true]}, c: }": {"a": {"b": [1.5, True]}, "c": None},
    "[{}]": [{}],
    # 3. bare texts
    "yes": "yes",
    "on": "on",
    "2024-01-01": "2024-01-01",
    "True": "True",
    "NULL": "NULL",
    "~": "~",
    "": "",
    '"': '"',
    "'": "'",
    '"a': '"a',
    'a"': 'a"',
    "a: b # c": "a: b # c",
    "0x10": "0x10",
    "007": "007",
    "+1": "+1",
    "1_000": "1_000",
    ".5": ".5",
    "1.": "1.",
    "NaN": "NaN",
    "-.inf": "-.inf",
    "1..10": "1..10",
    "12:30:00": "12:30:00",
    "!!str 5": "!!str 5",
    "*a": "*a",
    "\u0661": "\u0661",
    "x" * 100: "x" * 100,
}


@pytest.mark.parametrize("text", SCALARS)
def test_a_value_behind_a_key(text):
    value = read_scalar(text)
    assert same(value, SCALARS[text])
    assert type(value) is type(SCALARS[text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "not YAML: "),
        ("[Draft] Is it?", "not YAML: "),
        ("{a: 1}}", "not YAML: "),
        ("[\0]", "not YAML: "),
        ("[\ud800]", "not YAML: "),
        ("[&a x, *a]", "YAML aliases (*name) are not supported; write it out"),
        ("[!!str 5]", "YAML tags are not supported, got 'tag:yaml.org,2002:str'; "),
        ("{a: !x [1]}", "YAML tags are not supported, got '!x'; leave it out"),
        ("{a: 1, a: 2}", "the key 'a' is given twice; keep one"),
        ("{[a]: 1}", "a key of a mapping is no text; put it in quotes"),
        ("[" * 100_000, "nested deeper than 200 levels"),
        ("{a: " * 100_000, "nested deeper than 200 levels"),
        ("[1e999]", "the number 1e999 is too large; put it in quotes to keep it"),
    ],
)
def test_a_flow_value_that_cannot_be_read(text, message):
    with pytest.raises(ScalarError) as caught:
        read_scalar(text)
    assert str(caught.value).startswith(message)
    hint = f"(a text that starts with {text[0]!r} needs quotes)"
    assert str(caught.value).endswith(hint)


@pytest.mark.parametrize("text", ["9" * 5000, "1e999", "-1" + "0" * 5000])
def test_a_number_too_large(text):
    with pytest.raises(ScalarError, match="too large; put it in quotes to keep it"):
        read_scalar(text)


def test_yaml_in_general():
    assert read_yaml("") is None
    assert read_yaml("# only a comment") is None
    assert read_yaml("- |\n  a\n  b\n- > \n  c\n  d\n") == ["a\nb\n", "c d\n"]
    assert read_yaml("[" * 150 + "]" * 150) is not None
    with pytest.raises(ScalarError, match="a second YAML document starts here") as e:
        read_yaml("[1]\n---\n[2]")
    assert e.value.line == 2
    with pytest.raises(ScalarError) as e:
        read_yaml("a: x\u2028y\n\nb: [")
    assert e.value.line == 2, "U+2028 ends no line of a file"
