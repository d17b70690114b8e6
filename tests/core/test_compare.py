"""Outputs held against recorded results."""

from __future__ import annotations

import re

import pytest

from pytest_evalmd.case.model import Measure
from pytest_evalmd.verdict.compare import accept, holds, write_output


def matches(pattern, text, ignore_case):
    return bool(re.fullmatch(pattern, text, re.IGNORECASE if ignore_case else 0))


def ai(**keys):
    return Measure(id="m", description="D", type="ai", line=1, **keys)


def logic(**keys):
    return Measure(id="m", description="D", type="programmatic", line=1, **keys)


def held(measure, recorded, computed):
    return holds(measure, recorded, computed, matches)


EXACT = [
    ("list", "a,b", ["a", "b"], True),
    ("list", "a, b", ["a", "b"], True),
    ("list", '["a", "b"]', ["a", "b"], True),
    ("list", "a,b", ["b", "a"], False),
    ("list", "a,b", ["a", "b", "b"], False),
    ("list", "A", ["a"], False),
    ("list", "[]", [], True),
    ("list", "[]", ["[]"], False),
    ("list", "9", [9], False),
    ("list", "[9.0]", [9], True),
    ("integer", "9", 9, True),
    ("integer", "9.0", 9, True),
    ("integer", "8", 9, False),
    ("integer", "nine", 9, False),
    ("integer", "true", 1, False),
    ("number", "7.50", 7.5, True),
    ("number", "7.5", 7.500001, False),
    ("boolean", "true", True, True),
    ("boolean", "false", True, False),
    ("boolean", "1", True, False),
    ("boolean", "yes", True, False),
    ("text", "N/A", "N/A", True),
    ("text", "9", "9", True),
    ("text", "n/a", "N/A", False),
    ("text", " a", "a", False),
    ("text", '""', "", True),
    ("json", '{"a": 1, "b": [2]}', {"b": [2.0], "a": 1}, True),
    ("json", '{"a": 1}', {"a": 1, "b": None}, False),
    ("json", "null", None, True),
    ("json", "x", {"a": 1}, False),
    ("response", "9", 9, True),
    ("response", "9", "9", False),
    ("any", "some text", "some text", True),
    ("any", '["a", "b"]', ["a", "b"], True),
    ("any", "a,b", ["a", "b"], False),
]


@pytest.mark.parametrize(("output", "recorded", "computed", "agree"), EXACT)
def test_exact(output, recorded, computed, agree):
    assert held(ai(output=output), recorded, computed) is agree


LOGIC = [
    ("true", True, True),
    ("true", "true", True),
    ("1", 1, True),
    ("1", "1", True),
    ("1", True, False),
    ("N/A", "N/A", True),
    ("N/A", 1, False),
    ("1", "N/A", False),
    ("a,b", ["a", "b"], True),
    ('["a", "b"]', ["a", "b"], True),
    ("a,b", "a,b", True),
    ("[]", [], True),
    ("null", None, True),
    ("null", False, False),
    ('{"a": 1}', {"a": 1.0}, True),
    ("{}", [], False),
]


@pytest.mark.parametrize(("recorded", "computed", "agree"), LOGIC)
def test_exact_results_of_logic(recorded, computed, agree):
    assert held(logic(), recorded, computed) is agree


@pytest.mark.parametrize("recorded", ["", " ", "\n\n"])
def test_an_empty_block_equals_an_empty_list_of_a_list_measure_only(recorded):
    assert held(ai(output="list"), recorded, [])
    assert not held(ai(output="list"), recorded, ["a"])
    assert not held(ai(output="list"), recorded, [""])
    assert not held(ai(output="any"), recorded, [])
    assert not held(ai(output="text"), recorded, "")
    assert not held(ai(output="json"), recorded, None)
    assert not held(ai(output="boolean"), recorded, False)
    assert not held(logic(), recorded, [])
    assert not held(logic(), recorded, "")
    assert not held(ai(compare="pattern"), recorded, "")
    assert not held(ai(compare="any-of"), recorded, "")


LISTS = {
    "unordered": [
        ("a,b", ["b", "a"], True),
        ("a,b", ["a"], False),
        ("a,b", ["a", "b", "b"], False),
        ("a,a,b", ["a", "b", "a"], True),
        ("[1, true]", [True, 1.0], True),
        ("[1]", [True], False),
        ("[]", [], True),
        ("a,b", "a,b", False),
    ],
    "subset": [
        ("a,b", ["a"], True),
        ("a,b", ["b", "a", "a"], True),
        ("a,b", [], True),
        ("a,b", ["a", "c"], False),
        ("[]", ["a"], False),
        ("a,b", {"a": 1}, False),
    ],
    "superset": [
        ("a,b", ["c", "b", "a"], True),
        ("a,b", ["a"], False),
        ("[]", [], True),
        ("a", None, False),
    ],
    "overlap": [
        ("a,b,c,d", ["a", "b", "c", "d"], True),
        ("a,b,c,d", ["a", "b", "c", "x"], True),
        ("a,b,c,d", ["a", "b"], False),
        ("a,b", ["a", "a", "b"], True),
        ("[]", [], True),
        ("[]", ["a"], False),
        ("a", "a", False),
    ],
}


@pytest.mark.parametrize(
    ("compare", "recorded", "computed", "agree"),
    [(compare, *row) for compare, rows in LISTS.items() for row in rows],
)
def test_lists(compare, recorded, computed, agree):
    measure = ai(output="list", compare=compare, threshold=0.6)
    assert held(measure, recorded, computed) is agree
    assert held(logic(compare=compare, threshold=0.6), recorded, computed) is agree


def test_lists_need_a_list_on_both_sides():
    assert not held(ai(output="any", compare="superset"), "a,b", ["a,b"])
    assert not held(ai(output="json", compare="unordered"), '{"a": 1}', {"a": 1})


def test_an_overlap_just_at_the_threshold_is_enough():
    for shared, union in ((1, 3), (2, 3), (3, 5), (4, 5), (7, 10)):
        measure = ai(output="list", compare="overlap", threshold=shared / union)
        computed = [str(n) for n in range(union)]
        assert held(measure, ",".join(computed[:shared]), computed)


WITHIN = [
    ("1.0", 1.1, 0.1, True),
    ("1.1", 1.0, 0.1, True),
    ("1.0", 1.11, 0.1, False),
    ("0.3", 0.1, 0.2, True),
    ("9", 8, 1, True),
    ("9", 7, 1, False),
    ("9", 9.0, 0, True),
    ("-1", 1, 2, True),
    ("1e300", 1e300, 1, True),
    ("9007199254740993", 9007199254740992, 0.5, False),
    ("9", 10**400, 1, False),
    ("N/A", 9, 1, False),
    ("9", "N/A", 1, False),
    ("N/A", "N/A", 1, True),
    ("9", True, 10, False),
    ("true", 1, 10, False),
    ("true", True, 10, True),
    ("a,b", ["a", "b"], 1, True),
]


@pytest.mark.parametrize(("recorded", "computed", "tolerance", "agree"), WITHIN)
def test_within(recorded, computed, tolerance, agree):
    measure = logic(compare="within", tolerance=tolerance)
    assert held(measure, recorded, computed) is agree


def test_within_a_declared_type():
    measure = ai(output="integer", compare="within", tolerance=1)
    assert held(measure, "9", 10)
    assert not held(measure, "about 9", 10)


PATTERN = [
    ("N/A|[12]", "N/A", True),
    ("N/A|[12]", 1, True),
    ("N/A|[12]", 12, False),
    ("a.*", "b a", False),
    ("a,b|b,a", ["b", "a"], True),
    (r"\{.*\}", {"a": 1}, True),
    ("(?s)a.b", "a\nb", True),
    ("A", "a", False),
]


@pytest.mark.parametrize(("recorded", "computed", "agree"), PATTERN)
def test_pattern(recorded, computed, agree):
    assert held(logic(compare="pattern"), recorded, computed) is agree


ANY_OF = [
    ("any", '["a", "b"]', "b", True),
    ("any", '["a", "b"]', "c", False),
    ("integer", "[8, 9.0]", 9, True),
    ("integer", "[true]", 1, False),
    ("list", '[["a"], ["a", "b"]]', ["a", "b"], True),
    ("list", '[["a"], ["a", "b"]]', ["b", "a"], False),
    ("json", '[{"a": 1, "b": 2}]', {"b": 2, "a": 1}, True),
    ("text", "a", "a", False),
    ("integer", "9", 9, False),
    ("any", "[]", [], False),
    ("any", "[null]", None, True),
]


@pytest.mark.parametrize(("output", "recorded", "computed", "agree"), ANY_OF)
def test_any_of(output, recorded, computed, agree):
    assert held(ai(output=output, compare="any-of"), recorded, computed) is agree


IGNORE = [
    (("case",), "adcetris,STRASSE", ["Adcetris", "straße"], True),
    (("case",), "Adcetris®", ["adcetris"], False),
    (("marks",), "Adcetris®,Istodax™", ["Adcetris", "Istodax"], True),
    (("marks",), "Adcetris ®", ["Adcetris"], False),
    (("space",), '[" a  b\\n"]', ["a b"], True),
    (("space",), "ab", ["a b"], False),
    (("case", "marks", "space"), "ADCETRIS ®", ["adcetris"], True),
    ((), "Adcetris®", ["Adcetris"], False),
]


@pytest.mark.parametrize(("ignore", "recorded", "computed", "agree"), IGNORE)
def test_ignore(ignore, recorded, computed, agree):
    assert held(ai(output="list", ignore=ignore), recorded, computed) is agree
    measure = ai(output="list", ignore=ignore, compare="superset")
    assert held(measure, recorded, [*computed, "x"]) is agree


def test_ignore_reaches_every_text_but_no_key():
    measure = ai(output="json", ignore=("case",))
    assert held(measure, '{"a": ["X", 1, null]}', {"a": ["x", 1, None]})
    assert not held(measure, '{"A": 1}', {"a": 1})
    pattern = ai(output="json", ignore=("marks", "space"), compare="pattern")
    assert held(pattern, '{"a": "x y"}'.replace("{", r"\{"), {"a": "x®  y"})
    assert held(ai(compare="any-of", ignore=("case",)), '["A"]', "a")
    assert held(ai(compare="pattern", ignore=("case",)), "A", "a")


ACCEPTED = [
    (ai(output="list"), "x", ["a", "b"], "a,b"),
    (ai(output="list", compare="superset"), "x", ["a"], "a"),
    (ai(output="integer", compare="within"), "8", 9, "9"),
    (logic(), "", 3.0, "3"),
    (logic(), "x", "", '""'),
    (ai(compare="any-of"), "", "a", '["a"]'),
    (ai(compare="any-of"), '["a"]', "b", '["a", "b"]'),
    (ai(output="list", compare="any-of"), '[["a"]]', [], '[["a"], []]'),
    (ai(output="text", compare="any-of"), "a", "b", '["a", "b"]'),
    (ai(compare="pattern"), "x.*", "a.b (c) [1]?", r"a\.b \(c\) \[1\]\?"),
    (ai(output="text", compare="pattern"), "", r"C:\d^$*+{}|", r"C:\\d\^\$\*\+\{\}\|"),
    (ai(output="text", compare="pattern"), "", "", '""'),
    (logic(compare="pattern"), "", ["a", "b"], "a,b"),
    (logic(compare="pattern"), "", {"a": [1.5]}, r'\{"a": \[1\.5\]\}'),
    (ai(compare="pattern", ignore=("case", "marks")), "", "A®", "A"),
]


@pytest.mark.parametrize(("measure", "recorded", "computed", "text"), ACCEPTED)
def test_what_is_accepted_holds(measure, recorded, computed, text):
    assert accept(measure, recorded, computed) == text
    assert held(measure, text, computed)


def test_an_output_is_written_as_its_type_is():
    assert write_output(ai(output="list"), ["a", "b"]) == "a,b"
    assert write_output(logic(), ["a", "b"]) == "a,b"
