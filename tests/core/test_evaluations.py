"""Which recorded result belongs to which measure."""

from __future__ import annotations

import pytest
from case_texts import AI, block, case_text, problem, problems, read

from pytest_evalmd.case.edit import set_results

TWO = (
    (
        "id: one",
        'description: "Does it treat "off" episodes?"',
        "type: ai",
        "prompt: P",
    ),
    (
        "id: two",
        "description: Two",
        "type: programmatic",
        "input: one",
        "logic: return 1;",
    ),
)
EXPECTED = "expected '- measure: \"<description>\"' and '  type: <type>'"


def case_with(*lines, result="r"):
    """Write a case whose evaluation block starts on line 20, its result after it."""
    tail = block("evaluation-yaml", *lines) + block("evaluation-result-text", result)
    return case_text(*TWO, tail=tail)


NAMED = {
    ('- measure: "Does it treat "off" episodes?"', "  type: ai"): "one",
    ('- measure: "Does it treat "off" episodes?"',): "one",
    (r'- measure: "Does it treat \"off\" episodes?"',): "one",
    ('-  measure :  Does it treat "off" episodes?  ', "", "  type: 'ai'"): "one",
    ("measure: Two", "type: programmatic"): "two",
    ("- type: programmatic", "  measure: 'Two'"): "two",
    ("- measure: two",): "two",
    ("- id: two", "  type: programmatic"): "two",
    ("- id: 'one'",): "one",
}


@pytest.mark.parametrize("lines", NAMED)
def test_an_evaluation_names_a_measure(lines):
    case = read(case_with(*lines))
    (found,) = case.recorded.values()
    assert list(case.recorded) == [NAMED[lines]]
    assert (found.evaluation.line, found.result.text, found.human) == (20, "r", None)
    assert case.result_text(NAMED[lines]) == "r"
    assert case.result_line(NAMED[lines]) == found.result.line + 1


BAD = {
    (): (20, f"the evaluation names no measure; {EXPECTED}"),
    ("- type: ai",): (20, f"the evaluation names no measure; {EXPECTED}"),
    ("- measure: Two", "  id: two"): (20, "the evaluation names two measures; "),
    ("- measure: Tow",): (
        21,
        "no measure 'Tow' (did you mean 'Two'?); expected a description or an id of "
        "this file",
    ),
    ("- measure: 'two '",): (
        21,
        "no measure 'two' (did you mean 'two'?); expected a des",
    ),
    ("- measure:",): (
        21,
        "no measure ''; expected a description or an id of this file",
    ),
    ("- measure: null",): (21, "no measure 'null'; expected a description or an id"),
    ("- measure: 5",): (21, "no measure '5'; expected a description or an id"),
    ("- id: Two",): (
        21,
        "no measure 'Two' (did you mean 'two'?); expected an id of this",
    ),
    ("- measure: [x",): (21, "not YAML: "),
    ("", "- measure: two", "  type: ai"): (
        23,
        "type: got 'ai'; expected programmatic, as the measure says",
    ),
    ("- id: one", "  type: AI"): (
        22,
        "type: got 'AI'; expected ai, as the measure says",
    ),
    ("- mesure: two", "  type: x"): (
        21,
        f"got '- mesure: two' (did you mean 'measure'?); {EXPECTED}",
    ),
    ("- measure: two", "- measure: one"): (
        22,
        "the key 'measure' is given twice; expected one evaluation a block",
    ),
    ("two",): (21, f"got 'two'; {EXPECTED}"),
    ("- measure: two", "# so"): (22, f"got '# so'; {EXPECTED}"),
}


@pytest.mark.parametrize("lines", BAD)
def test_an_evaluation_that_is_wrong_is_told_once(lines):
    found = problem(case_with(*lines))
    line, message = BAD[lines]
    assert (found[0], found[1][: len(message)]) == (line, message)


def tail_of(*infos):
    """Write blocks of one line, from line 14 on, three lines each."""
    texts = {"evaluation-yaml": "- measure: D"}
    return case_text(
        tail="".join(block(i, texts.get(i, f"r{n}")) for n, i in enumerate(infos))
    )


E, R, H = "evaluation-yaml", "evaluation-result-text", "human-result-text"
ORDERS = {
    (): (False, None, None),
    (E,): (True, None, None),
    (E, R): (True, "r1", None),
    (E, R, H): (True, "r1", "r2"),
    (E, "python", R, "python", H): (True, "r2", "r4"),
}


@pytest.mark.parametrize("infos", ORDERS)
def test_results_follow_their_evaluation(infos):
    there, result, human = ORDERS[infos]
    case = read(tail_of(*infos))
    assert ("m" in case.recorded) == there
    if there:
        found = case.recorded["m"]
        assert (found.result and found.result.text) == result
        assert (found.human and found.human.text) == human
    assert case.result_text("m") == (result or "")


SECOND = (
    "for 'm', the first is on line {}; expected one a measure; delete the one that is"
)
BAD_ORDERS = {
    (R,): (
        14,
        f"{R} without an evaluation; expected evaluation-yaml before it, naming",
    ),
    (H,): (
        14,
        f"{H} without an evaluation; expected evaluation-yaml before it, naming",
    ),
    (E, R, R): (20, f"a second {R} {SECOND.format(17)}"),
    (E, R, H, R): (23, f"a second {R} {SECOND.format(17)}"),
    (E, R, H, H): (23, f"a second {H} {SECOND.format(20)}"),
    (E, R, E): (20, f"a second {E} {SECOND.format(14)}"),
    (E, H): (17, f"{H} before the {R} of 'm'; put it after"),
}


@pytest.mark.parametrize("infos", BAD_ORDERS)
def test_results_that_do_not_follow_their_evaluation(infos):
    found = problem(tail_of(*infos))
    line, message = BAD_ORDERS[infos]
    assert (found[0], found[1][: len(message)]) == (line, message)


def test_results_of_a_second_evaluation_are_second_ones_too():
    found = problems(tail_of(E, R, E, R))
    assert [line for line, _ in found] == [20, 23]


def test_a_block_of_the_case_ends_an_evaluation():
    head = block("query-text", "Q") + block("answer-text", "A")
    measures = case_text().removeprefix(head)
    text = measures + block(E, "- measure: D") + head + block(R, "r")
    assert problem(text)[0] == 17


def test_an_evaluation_that_names_no_measure_does_not_leave_its_results_alone():
    tail = block(E, "- measure: x") + block(R, "r") + block(H, "h")
    assert problem(case_text(tail=tail))[0] == 15


SAME = (AI, ("id: n", *AI[1:]), ("id: D", "description: E", "type: ai", "prompt: P"))


def test_a_name_of_several_measures_has_to_be_an_id():
    assert problem(case_text(*SAME, tail=block(E, "- measure: D"))) == (
        25,
        "'D' names m and n and D; name one of them as in '- id: m'",
    )
    assert list(read(case_text(*SAME, tail=block(E, "- id: D"))).recorded) == ["D"]
    assert list(read(case_text(*SAME, tail=block(E, "- measure: m"))).recorded) == ["m"]


DESCRIPTIONS = {
    "Two": '- measure: "Two"',
    'Is "it" so?': '- measure: "Is "it" so?"',
    " a ": '- measure: " a "',
    '"': '- measure: """',
    "a: #b": '- measure: "a: #b"',
    "a\u2028b": '- measure: "a\u2028b"',
    'a \\" b': "- id: m",
    "a\nb": "- id: m",
    "a\rb": "- id: m",
}


@pytest.mark.parametrize("description", DESCRIPTIONS)
def test_an_evaluation_is_written_so_that_it_names_its_measure(description):
    quoted = description.replace("\\", "\\\\").replace('"', '\\"')
    quoted = quoted.replace("\n", "\\n").replace("\r", "\\r").replace("\u2028", "\\L")
    lines = ("- id: m", f'  description: "{quoted}"', "  type: ai", "  prompt: P")
    listed = block("measures-yaml", *lines)
    text = block("query-text", "Q") + block("answer-text", "A") + listed
    assert read(text).measures["m"].description == description
    written = set_results(text, {"m": "r"})
    assert f"```evaluation-yaml\n{DESCRIPTIONS[description]}\n  type: ai\n" in written
    assert read(written).result_text("m") == "r"


def test_a_description_that_is_not_unique_is_written_as_an_id():
    written = set_results(case_text(*SAME), {"m": "a", "n": "b", "D": "c"})
    assert [read(written).result_text(i) for i in ("m", "n", "D")] == ["a", "b", "c"]
    assert "- id: n\n" in written
    assert '- measure: "E"\n' in written
