"""Laws of the case core, held against generated texts and values."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_evalmd.case.blocks import ANSWER, read_document, split_lines
from pytest_evalmd.case.edit import EditError, set_answer, set_results
from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.case.results import (
    read_result,
    read_result_like,
    write_result,
    write_result_of_any_type,
)
from pytest_evalmd.case.values import canonical, same

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
TEXT = st.text()
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3)
    ),
    max_leaves=8,
)
TRICKY_TEXTS = st.sampled_from(['""', '"\\"\\""', " ", '"\\n"', '"a"', "", "\r", "9"])
TRICKY_ITEMS = st.sampled_from(["a", "b c", "[x", "[1]", "9", " a", ",", "", "null"])
VALUES = {
    "text": ANY_TEXT | TRICKY_TEXTS,
    "list": st.lists(JSON | TRICKY_ITEMS, max_size=4),
    "integer": st.integers(),
    "number": NUMBERS,
    "boolean": st.booleans(),
    "json": JSON | TRICKY_TEXTS,
    "response": JSON | TRICKY_TEXTS,
    "any": JSON | TRICKY_TEXTS,
}


@pytest.mark.parametrize("output", VALUES)
def test_value_to_text_to_value_is_the_identity(output):
    @settings(max_examples=300)
    @given(VALUES[output])
    def law(value):
        text = write_result(value, output)
        assert text.strip(), "an empty block means: not recorded"
        assert same(read_result(text, output), value)
        untyped = write_result_of_any_type(value)
        assert untyped.strip()
        assert same(read_result_like(untyped, value), value)

    law()


@given(JSON, JSON)
def test_values_are_the_same_just_when_their_canonical_texts_are(left, right):
    assert same(left, right) == (canonical(left) == canonical(right))
    assert same(left, left)


EOLS = st.sampled_from(["\n", "\r\n", "\r"])
PREFIXES = st.sampled_from(["", "> ", ">", "> > ", "   "])
FENCES = st.sampled_from(["```", "~~~", "`````"])
LINES = st.lists(
    st.text(alphabet="ab,\"'`~>-*#: \t[]{}<é😀\u2028", max_size=12), max_size=4
)


@st.composite
def cases(draw):
    """Draw the text of a case, in some style."""
    eol, prefix, fence = draw(EOLS), draw(PREFIXES), draw(FENCES)

    def block(info, lines):
        inner = [line.replace(fence, "") for line in lines]
        return [f"{prefix}{fence}{info}", *[prefix + i for i in inner], prefix + fence]

    measures = draw(st.integers(1, 3))
    texts = [
        *(["---", "Status: x", "---"] if draw(st.booleans()) else []),
        *draw(
            LINES.map(lambda lines: [line.strip(" \t`~<>-*[]{}:") for line in lines])
        ),
        "",
        *block("query-text", ["why?"]),
        "",
        *block("answer-text", draw(LINES)),
        "",
        *block(
            "measures-md",
            [
                line
                for n in range(measures)
                for line in (
                    "* ---",
                    f"  * id: m{n}",
                    f'  * description: "Is "{n}" so?"',
                    "  * type: ai",
                    "  * prompt: so",
                )
            ],
        ),
    ]
    for n in range(draw(st.integers(0, measures))):
        head = [f'- measure: "Is "{n}" so?"', "  type: ai"]
        texts += ["", *block("evaluation-yaml", head)]
        if draw(st.booleans()):
            texts += ["", *block("evaluation-result-text", draw(LINES))]
    text = eol.join(texts) + draw(st.sampled_from(["", eol, eol + eol]))
    return draw(st.sampled_from(["", "\ufeff"])) + text


@settings(max_examples=300)
@given(cases())
def test_a_case_rewritten_with_its_own_results_is_unchanged(text):
    case = parse_case(text)
    assert case is not None
    own = {i: r.result.text for i, r in case.recorded.items() if r.result}
    assert set_results(text, own) == text


@settings(max_examples=300)
@given(cases(), TEXT | LINES.map("\n".join))
def test_a_new_result_reads_back_and_nothing_else_changes(text, new):
    try:
        written = set_results(text, {"m0": new})
    except EditError:
        return  # refused: nothing is written
    case, before = parse_case(written), parse_case(text)
    assert case is not None
    assert before is not None
    assert case.result_text("m0") == new
    assert set_results(written, {"m0": new}) == written
    old = before.recorded["m0"].result if "m0" in before.recorded else None
    block = case.recorded["m0"].result
    if old is not None and block is not None:
        was, now = split_lines(text), split_lines(written)
        assert now[: block.line - 1] == was[: old.line - 1]
        assert now[block.end_line :] == was[old.end_line :]


MODELS = TEXT | st.sampled_from(["gpt-5", "qwen2.5:7b", "4", "true", "a: b", "#", "~"])
ANSWER_LINES = st.lists(
    LINES.map("\n".join)
    | st.sampled_from(
        ["> [!answer]", "***", "```", "~~~", "````md", "---", "a  ", "\t"]
    )
)


@settings(max_examples=300)
@given(cases(), TEXT | ANSWER_LINES.map("\n".join), MODELS)
def test_a_new_answer_reads_back_and_nothing_else_changes(text, answer, model):
    try:
        written = set_answer(text, answer, model, {"m0": "r"})
    except EditError:
        return  # refused: nothing is written
    case, before = parse_case(written), parse_case(text)
    assert case is not None
    assert before is not None
    assert (case.answer.text, case.model) == (answer, model)
    assert set_answer(written, answer, model) == written
    assert set_results(text, {"m0": "r"}) == with_the_old_answer(written, text)


def with_the_old_answer(written, text):
    """Undo by hand what an answer changed: its block, and the frontmatter."""
    was, now = read_document(text), read_document(written)
    old = next(block for block in was.blocks if block.info == ANSWER)
    new = next(block for block in now.blocks if block.info == ANSWER)
    front = was.lines[: was.frontmatter_end]
    bom = "" if front or text[0] != "\ufeff" else "\ufeff"
    above = [*front, bom, *now.lines[now.frontmatter_end : new.line - 1]]
    behind = now.lines[new.end_line :]
    return "".join([*above, *was.lines[old.line - 1 : old.end_line], *behind])


SNIPPETS = st.sampled_from(
    [
        *(
            "```query-text\n",
            "```\n",
            "> ",
            "~~~",
            "```answer-text\n",
            "---\n",
            "\ufeff",
        ),
        *("```measures-md\n", "```measures-yaml\n", "* ---\n", "  * id: a\n", "\r\n"),
        *("  * type: ai\n", "  * prompt: {{x}}\n", "  * description: d\n", "- id: a\n"),
        *("```evaluation-yaml\n- measure: d\n```\n", "  * schema: {a: [*x]}\n", "\t"),
        *("```evaluation-result-text\n", "  * range: 1..\n", "  * samples: 1e999\n"),
        *("  * params.x: &a [*a]\n", "  * input: [a, a]\n", "  * logic: |\n", "\0"),
        *("tags: [a, *b]\n", "judge: 3\n", "<!--", "-->", "1. ", "- ", "    "),
    ]
)


@settings(max_examples=500)
@given(st.lists(SNIPPETS | TEXT, max_size=25).map("".join))
def test_no_text_makes_the_parser_raise_anything_but_its_own_error(text):
    try:
        parse_case(text)
    except CaseError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.line >= 1 for problem in problems)
