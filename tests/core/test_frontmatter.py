"""The settings of the frontmatter, and its model set anew."""

from __future__ import annotations

import pytest
from case_texts import block, case_text, problem, read

from pytest_evalmd.case.edit import EditError, set_answer
from pytest_evalmd.case.model import AnswerSettings


def front(*lines):
    return "\n".join(["---", *lines, "---", ""])


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        ("Status: x", AnswerSettings()),
        ("answer:", AnswerSettings()),
        ("answer: {}", AnswerSettings()),
        ("answer: {system: Be brief.}", AnswerSettings(system="Be brief.")),
        ("answer: {temperature: 0}", AnswerSettings(temperature=0)),
        (
            "answer:\n  temperature: 1.5\n  system: |\n    Be\n    brief.",
            AnswerSettings(system="Be\nbrief.\n", temperature=1.5),
        ),
    ],
)
def test_how_a_query_is_put(line, settings):
    assert read(case_text(front=front(line))).answer_settings == settings


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("answer: brief", "answer: got 'brief'; expected a mapping"),
        ("answer: {system: ''}", "answer.system: got ''; expected a text that is not"),
        ("answer: {system: 1}", "answer.system: got 1; expected a text"),
        (
            "answer: {temperature: 2.1}",
            "answer.temperature: got 2.1; expected a number from 0 to 2",
        ),
        ("answer: {temperature: -1}", "answer.temperature: got -1; expected a number"),
        ("answer: {temperature: true}", "answer.temperature: got True; expected a"),
        ("answer: {temprature: 1}", "unknown key 'temprature' in answer (did you mean"),
    ],
)
def test_what_is_wrong_with_it(line, said):
    at, message = problem(case_text(front=front("Status: x", line)))
    assert at == 3
    assert message.startswith(said)


@pytest.mark.parametrize("measure_id", ["answer", "query"])
def test_no_measure_has_an_id_of_the_case_itself(measure_id):
    lines = (f"id: {measure_id}", "description: D", "type: ai", "prompt: P")
    _, message = problem(case_text(lines))
    assert message.startswith(f"id: got '{measure_id}'; expected another name")


FRONTS = {
    "none": ("", front("model: m")),
    "empty": ("---\n---\n", front("model: m")),
    "a blank line": (front(""), front("", "model: m")),
    "others": (front("Status: x"), front("Status: x", "model: m")),
    "dots": ("---\nStatus: x\n...\n", "---\nStatus: x\nmodel: m\n...\n"),
    "another": (front("a: 1", "model: old", "b: 2"), front("a: 1", "model: m", "b: 2")),
    "a comment": (front("model: old  # c"), front("model: m  # c")),
    "quotes": (front('model:   "o #"  # c'), front("model:   m  # c")),
    "no value": (front("model:", "b: 2"), front("model: m", "b: 2")),
    "null": (front("model: ~"), front("model: m")),
    "many lines": (front("model: >-", "  a", "  b", "c: 1"), front("model: m", "c: 1")),
    "the next line": (front("model:", "  old", "c: 1"), front("model:", "  m", "c: 1")),
    "a flow": (front("{a: 1, model: old}"), front("{a: 1, model: m}")),
    "a text at the end": (
        front("answer:", "  system: |", "    Be", "    brief."),
        front("answer:", "  system: |", "    Be", "    brief.", "model: m"),
    ),
    "an inner one": (front("a: {model: x}"), front("a: {model: x}", "model: m")),
    "emoji": (front("é: 😀", "model: 😀", "b: 2"), front("é: 😀", "model: m", "b: 2")),
}


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("name", FRONTS)
def test_the_model_is_set_and_nothing_else(name, bom, eol):
    old, new = FRONTS[name]
    text = bom + (old + case_text(answer="A")).replace("\n", eol)
    written = bom + (new + case_text(answer="So.")).replace("\n", eol)
    assert set_answer(text, "So.", "m") == written
    assert set_answer(written, "So.", "m") == written


@pytest.mark.parametrize(
    ("model", "yaml"),
    [
        ("gpt-5", "gpt-5"),
        ("qwen2.5:7b", "qwen2.5:7b"),
        ("meta/llama@v1", "meta/llama@v1"),
        ("4", '"4"'),
        ("1e999", '"1e999"'),
        ("true", '"true"'),
        ("a: b", '"a: b"'),
        ("a:", '"a:"'),
        ('é 😀 "x" \\ \'', '"é 😀 \\"x\\" \\\\ \'"'),
        ("#", '"#"'),
        ("a\nb", '"a\\nb"'),
    ],
)
def test_any_name_of_a_model(model, yaml):
    written = set_answer(case_text(), "A", model)
    assert written == front(f"model: {yaml}") + case_text()
    assert read(written).model == model


@pytest.mark.parametrize("model", ["", " ", "\x7f", "\ud800"])
def test_names_that_are_none(model):
    with pytest.raises(EditError, match=r"the answer of .* would not read back"):
        set_answer(case_text(), "A", model)


def test_a_flow_takes_no_further_line():
    with pytest.raises(EditError, match="would not read back"):
        set_answer(case_text(front=front("{a: 1}")), "A", "m")


ANSWERS = [
    "",
    "So.",
    " a  \n\n\tb ",
    "> [!answer]\n> ```answer-text\n> x\n> ```",
    "***\n---\n# Query",
    "```js\nx\n```\n````\n",
    "~~~",
    "\u2028\x85\ufeff",
]


@pytest.mark.parametrize("prefix", ["", "> ", ">", "> > "])
@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_reads_back(answer, prefix):
    result = block("evaluation-yaml", "- measure: D") + block(
        "evaluation-result-text", "9"
    )
    text = "".join(
        f"{prefix}{line}\n" for line in (case_text(tail=result)).splitlines()
    )
    after = read(set_answer(text, answer, "m", {"m": ""}))
    assert (after.answer.text, after.model, after.result_text("m")) == (answer, "m", "")
    assert after.query.text == "Q"


@pytest.mark.parametrize("answer", ["a\0b", "a\rb", "a\r\nb"])
def test_an_answer_that_would_not_read_back(answer):
    with pytest.raises(EditError, match="the answer of m would not read back from the"):
        set_answer(case_text(), answer, "m")
