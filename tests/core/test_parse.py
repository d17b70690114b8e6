"""A text -> a case: how many blocks, the frontmatter, all errors at once."""

from __future__ import annotations

import pytest
from case_texts import AI, block, case_text, problem, problems, read

from pytest_evalmd.case.problems import CaseError, Problem, shorten

NO_QUERY = "no query-text block; expected a fence '```query-text'"
SPLIT = "expected one; split the case in two files"


def test_a_case():
    case = read(case_text(answer="a\n\nb"))
    assert (case.query.text, case.answer.text) == ("Q", "a\n\nb")
    assert (case.query.line, case.answer.line) == (1, 4)
    assert [b.info for b in case.blocks] == ["query-text", "answer-text", "measures-md"]
    assert list(case.measures) == ["m"]
    assert case.recorded == {}
    assert (case.model, case.tags, case.judge_model) == (None, (), None)
    assert case.answered
    assert case.result_text("m") == case.result_text("unknown") == ""
    assert case.result_line("m") == 10


@pytest.mark.parametrize("answer", ["", " \t", "\n\n"])
def test_an_empty_answer_is_not_answered_yet(answer):
    assert not read(case_text(answer=answer)).answered


def test_the_order_of_blocks_is_free():
    text = block("measures-md", "* ---", *(f"  * {line}" for line in AI))
    text += block("answer-text", "a") + block("query-text", "q")
    assert read(text).query.text == "q"


COUNTS = {
    "no answer": (
        case_text().replace("```answer-text", "```text"),
        *(1, "no answer-text block; expected a fence '```answer-text'"),
    ),
    "two queries": (
        case_text(tail=block("query-text", "q")),
        *(14, f"a second query-text block, the first is on line 1; {SPLIT}"),
    ),
    "two answers": (
        case_text(tail=block("answer-text", "")),
        *(14, f"a second answer-text block, the first is on line 4; {SPLIT}"),
    ),
    "two measures": (
        case_text(tail=block("measures-yaml", "x")),
        *(14, f"a second measures-yaml block, the first is on line 7; {SPLIT}"),
    ),
    "an empty query": (
        case_text().replace("\nQ\n", "\n \n"),
        *(1, "the query is empty; expected the question that was put"),
    ),
}


@pytest.mark.parametrize("name", COUNTS)
def test_how_many_blocks_there_are(name):
    text, line, message = COUNTS[name]
    assert problem(text) == (line, message)


FRONT = """\
---
Status: Pending
model: gpt-5
tags: [a, b/c, d_e-f.9, ärzte]
judge: {model: judge-1, samples: 3, context: [query, answer]}
aliases: [x]
created: {{date}}
other: &x !y [*x, 9e999]
---
"""


def test_a_frontmatter_and_what_is_the_authors_own():
    case = read(case_text(front=FRONT))
    assert case.model == "gpt-5"
    assert case.tags == ("a", "b/c", "d_e-f.9", "ärzte")
    assert case.judge_model == "judge-1"
    assert case.query.line == 10


@pytest.mark.parametrize(
    ("front", "tags"),
    [
        ("---\n---\n", ()),
        ("---\n# nothing\n---\n", ()),
        ("---\nmodel:\ntags:\njudge:\n---\n", ()),
        ("---\ntags: []\njudge: {}\n...\n", ()),
        ("---\ntags: one\n---\n", ("one",)),
        ("\ufeff---\r\ntags:\r\n  - one\r\n---\r\n", ("one",)),
        ("--- \ntags: one\n---\t\n", ("one",)),
    ],
)
def test_a_frontmatter_with_little_in_it(front, tags):
    case = read(case_text(front=front))
    assert (case.model, case.tags, case.judge_model) == (None, tags, None)


CHARACTERS = "expected letters, digits, '_', '-', '.', '/'"
BAD_FRONTS = {
    "a: [": (2, "frontmatter: not YAML: "),
    "x: 1\n\ty: 2": (3, "frontmatter: not YAML: "),
    "- a": (2, "frontmatter: got ['a']; expected a YAML mapping of keys to values"),
    "- *a": (2, "frontmatter: YAML aliases (*name) are not supported; write it out"),
    "just text": (2, "frontmatter: got 'just text'; expected a YAML mapping"),
    "a: 1\na: 2": (3, "frontmatter: the key 'a' is given twice; keep one"),
    "[a]: 1": (2, "frontmatter: a key of a mapping is no text; put it in quotes"),
    "x: " + "[" * 100_000: (2, "frontmatter: nested deeper than 200 levels"),
    "x: 1\nmodel: 5": (3, "model: got 5; expected a text; put it in double quotes"),
    "model: ''": (2, "model: got ''; expected a text that is not empty"),
    "model: *x": (2, "model: YAML aliases (*name) are not supported; write it out"),
    "tags: 5": (2, "tags: got 5; expected a word or a list of different words"),
    "tags: [a, a]": (2, "tags: got ['a', 'a']; expected a word or a list of different"),
    "tags: a, b": (2, f"tags: got 'a, b'; {CHARACTERS}"),
    "tags: ['#a']": (2, f"tags: got '#a'; {CHARACTERS}"),
    "tags: _a": (2, f"tags: got '_a'; {CHARACTERS}"),
    'tags: "a(b)"': (2, f"tags: got 'a(b)'; {CHARACTERS}"),
    "tags: [x, skip]": (
        2,
        "tags: got ['x', 'skip']; expected another word than 'skip': "
        "as a mark it changes how pytest runs",
    ),
    "tags: flaky": (2, "tags: got 'flaky'; expected another word than 'flaky'"),
    "tags: xfail": (2, "tags: got 'xfail'; expected another word than 'xfail'"),
    "judge: x": (2, "judge: got 'x'; expected a mapping"),
    "x: 1\njudge:\n  modle: x": (
        3,
        "unknown key 'modle' in judge (did you mean 'model'?"
        "); expected one of model, samples, context",
    ),
    "judge: {params.x: 1}": (
        2,
        "unknown key 'params.x' in judge; expected one of model",
    ),
    "judge: {samples: 0}": (
        2,
        "judge.samples: got 0; expected a whole number from 1 to",
    ),
    "judge: {samples: 2.5}": (
        2,
        "judge.samples: got 2.5; expected a whole number from",
    ),
    "judge: {model: 5}": (2, "judge.model: got 5; expected a text"),
    "judge: {model: }": (2, "judge.model: got None; expected a text"),
    "judge: {context: input}": (
        2,
        "judge.context: got 'input'; expected one or more of",
    ),
}


@pytest.mark.parametrize("front", BAD_FRONTS, ids=lambda front: front[:30])
def test_a_frontmatter_that_is_wrong(front):
    line, message = BAD_FRONTS[front]
    found = problem(case_text(front=f"---\n{front}\n---\n"))
    assert (found[0], found[1][: len(message)]) == (line, message)


def test_all_errors_of_a_file_are_told_at_once_in_order():
    text = case_text(
        (*AI, "output: x"),
        ("id: n", "description: E", "type: ai", "prompt: P", "input: o"),
        front="---\nmodel: 1\n---\n",
        tail=block("evaluation-yaml", "- measure: F") + block("human-result-text"),
    )
    with pytest.raises(CaseError) as caught:
        read(text)
    assert caught.value.lines("a/b.md") == [
        "a/b.md:2: model: got 1; expected a text; put it in double quotes",
        "a/b.md:16: output: got 'x'; expected one of list, integer, number, boolean, "
        "text, json",
        "a/b.md:17: n: unknown input 'o'; expected the id of a measure, answer or "
        "query",
        "a/b.md:25: no measure 'F'; expected a description or an id of this file",
    ]
    assert str(caught.value).startswith("case:2: model")


def test_measures_that_cannot_be_read_are_not_told_again_by_their_evaluations():
    tail = block("evaluation-yaml", "- measure: D", "  type: ai")
    assert problem(case_text((*AI[:2], "type: aii", AI[3]), tail=tail))[0] == 11
    text = case_text(tail=tail).replace("measures-md", "measures-yaml")
    assert [line for line, _ in problems(text)] == [8]


def test_a_problem_is_told_once():
    error = CaseError([Problem(line=2, message="b"), Problem(line=1, message="c")] * 2)
    assert error.lines("x") == ["x:1: c", "x:2: b"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("a\n\t b", "a b"),
        ("x" * 10, "x" * 10),
        ("x" * 11, "x" * 9 + "…"),
        ("a" + " " * 100 + "b", "a…"),
    ],
)
def test_a_text_is_shown_short(text, shown):
    assert shorten(text, 10) == shown


ANSWER_WITH_FENCES = ["```answer-text", "a", "```", "code", "```", "b", "```"]


def test_an_answer_that_its_own_fences_cut_short_is_an_error():
    quoted = "".join(f"> {line}\n" for line in ANSWER_WITH_FENCES)
    text = case_text().replace("```answer-text\nA\n```\n", quoted)
    assert quoted in text
    line = text[: text.index("> ```answer-text")].count("\n") + 1
    assert problems(text) == [
        (
            line,
            f"the block 'answer-text' ends on line {line + 2}, and in the same quote a "
            "nameless one follows; where a text itself holds a fence, make the fences "
            "around it longer",
        )
    ]


def test_a_nameless_block_in_another_quote_is_the_authors_own():
    text = case_text() + "\n> ```\n> note\n> ```\n"
    assert read(text).answered


def test_an_empty_block_is_a_block_for_a_result():
    tail = block("evaluation-yaml", "- measure: m")
    assert not read(case_text()).has_result("m")
    assert not read(case_text(tail=tail)).has_result("m")
    assert read(case_text(tail=tail + block("evaluation-result-text"))).has_result("m")
