"""A measures block -> measures: how values are written, and the keys."""

from __future__ import annotations

import pytest
from case_texts import (
    AI,
    PROGRAMMATIC,
    block,
    bullets,
    case_text,
    measure,
    problem,
    problems,
    read,
    yaml_text,
)

LISTS = {
    "as in the seeds": bullets(AI),
    "dashes": ["- ---", "  - id: m", "  - description: D", "- type: ai", "- prompt: P"],
    "pluses": [
        "+ -----",
        " + id: m",
        "  + description: D",
        "  + type: ai",
        "+ prompt: P",
    ],
    "tabs": [
        "*\t---",
        "\t*\tid:\tm",
        "\t* description: D",
        "\t* type: ai",
        "\t* prompt:P",
    ],
    "blank lines": ["", "* ---", "", *bullets(AI)[1:], " ", ""],
    "space around": [
        "  * ---  ",
        "  *  id : m ",
        *[f"    {x}  " for x in bullets(AI)[2:]],
    ],
    "quoted": [
        line.replace(": ", ': "') + '"' if ": " in line else line
        for line in bullets(AI)
    ],
    "block text": [*bullets(AI)[:-1], "  * prompt: |", "      P"],
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_of_measures(name):
    text = case_text().replace("\n".join(bullets(AI)), "\n".join(LISTS[name]))
    found = read(text).measures["m"]
    assert (found.description, found.type, found.prompt) == ("D", "ai", "P")
    assert found.line == (9 if name == "blank lines" else 8)


BLOCK_TEXTS = {
    "one line": (["      a"], "a"),
    "more": (["      a", "      b"], "a\nb"),
    "indented more": (["      if (x)", "        y"], "if (x)\n  y"),
    "first indented more": (["        a", "      b"], "  a\nb"),
    "blank lines": (["", "      a", "", "      b", ""], "\na\n\nb"),
    "bullets and quotes": (['      * "a": b', "      * ---"], '* "a": b\n* ---'),
    "tabs": (["\t\ta", "\t\t\tb"], "a\n\tb"),
    "space at the end": (["      a  ", "      b  "], "a  \nb"),
    "backslashes": ([r"      /\d\"/"], r"/\d\"/"),
}


@pytest.mark.parametrize("name", BLOCK_TEXTS)
def test_a_pipe_takes_the_deeper_lines_as_one_text(name):
    lines, expected = BLOCK_TEXTS[name]
    entry = "\n".join(["params.x: |", *lines])
    found = measure(entry, "params.y: z")
    assert found.params == {"x": expected, "y": "z"}


def test_a_pipe_without_text_is_empty():
    assert measure("params.x: |").params == {"x": ""}
    assert problem(case_text((*AI[:3], "prompt: |", "params.x: 1"))) == (
        12,
        "prompt: got ''; expected a text that is not empty",
    )


BAD_LINES = {
    "x": (8, "got 'x'; expected '* key: value'"),
    "id: m": (8, "got 'id: m'; expected '* key: value'"),
    "* id": (8, "got '* id'; expected '* key: value'"),
    "* id: m": (8, "got '* id: m'; expected '* ---' first"),
    '* "id": m': (8, "got '* \"id\": m'; expected '* key: value'"),
}


@pytest.mark.parametrize("line", BAD_LINES)
def test_a_line_that_is_no_entry(line):
    text = case_text().replace("* ---", f"{line}\n* ---")
    assert problem(text) == BAD_LINES[line]


def test_a_value_that_cannot_be_read_is_told_once():
    text = case_text((*AI[:3], "prompt: [Draft] P", "samples: [", "type: ai"))
    found = problems(text)
    assert [line for line, _ in found] == [12, 13, 14]
    assert found[0][1].startswith("prompt: not YAML: ")
    assert found[0][1].endswith(" (a text that starts with '[' needs quotes)")
    assert found[2] == (14, "the key 'type' is given twice; keep one")


YAML = ["- id: m", "  description: D", "  type: ai", "  prompt: P"]


def test_measures_as_yaml():
    lines = [
        *(*YAML, "  schema:", "    type: array", "    items: {type: string}"),
        *("", "# a comment", "- id: n", "  description: 'it''s \"so\"'"),
        *("  type: programmatic", "  input: [m, answer]", "  params: {a: yes}"),
        *("  params.b: 2024-01-01", "  logic: |", "    return 1;", "    // x"),
    ]
    case = read(yaml_text(*lines))
    m, n = case.measures.values()
    assert (m.line, n.line) == (8, 17)
    assert (m.output, m.schema) == (
        "list",
        {"type": "array", "items": {"type": "string"}},
    )
    assert n.description == 'it\'s "so"'
    assert n.input == ("m", "answer")
    assert n.params == {"a": "yes", "b": "2024-01-01"}
    assert n.logic == "return 1;\n// x"


BAD_YAML = {
    "no list": (["id: m"], 8, "the measures are not a YAML list; expected '- id: ...'"),
    "nothing": (
        [],
        8,
        "the measures are not a YAML list; expected '- id: ...' for each",
    ),
    "an empty list": (
        ["[]"],
        7,
        "measures-yaml holds no measure; expected one at least",
    ),
    "a text": (
        [*YAML, "- x"],
        12,
        "got 'x'; expected a YAML mapping of keys to values",
    ),
    "no YAML": ([*YAML, "- ["], 12, "not YAML: "),
    "a tab": ([*YAML, "\t- x"], 12, "not YAML: "),
    "a key twice": (
        [*YAML, "  type: ai"],
        12,
        "the key 'type' is given twice; keep one",
    ),
    "an alias": ([*YAML, "  params: {a: &a 1, b: *a}"], 12, "params: YAML aliases"),
    "a tag": (
        [*YAML, "  params.x: !!python/none x"],
        12,
        "params.x: YAML tags are not",
    ),
    "a large number": ([*YAML, "  samples: 1e999"], 12, "samples: the number 1e999 is"),
    "deep": (["- " * 100_000], 8, "nested deeper than 200 levels"),
    "two documents": ([*YAML, "---", "- x"], 13, "a second YAML document starts here"),
    "an anchored bomb": (
        [*YAML, "  params: {a: &a [x], b: &b [*a, *a], c: [*b, *b]}"],
        *(12, "params: YAML aliases (*name) are not supported; write it out"),
    ),
}


@pytest.mark.parametrize("name", BAD_YAML)
def test_yaml_that_is_wrong(name):
    lines, line, message = BAD_YAML[name]
    found = problem(yaml_text(*lines))
    assert (found[0], found[1][: len(message)]) == (line, message)


def test_what_is_wrong_with_one_yaml_measure_does_not_hide_another():
    lines = [*YAML, "  x: *a", "  y: !b c", "- 9", *YAML, "  z: 1"]
    found = problems(yaml_text(*lines))
    assert [line for line, _ in found] == [12, 12, 13, 13, 14, 15, 19]


def test_a_block_without_measures():
    text = block("query-text", "Q") + block("answer-text") + block("measures-md")
    assert problem(text) == (6, "measures-md holds no measure; expected one at least")


def test_ids_are_unique():
    text = case_text(AI, (*PROGRAMMATIC, "logic: return 1;"))
    assert problem(text) == (
        14,
        "the id 'm' is taken by the measure on line 8; expected another one",
    )


INFERRED = {
    "Reply with a JSON array of strings.": "list",
    "reply with a json ARRAY": "list",
    "A JSON\tarray": "any",
    "JSON arrays": "any",
    "A valid JSON object with a 'response' key and a 'comment' key": "response",
    'a JSON object with a \\"response\\" key': "response",
    "a JSON object with a `response` key": "response",
    "a JSON object": "any",
    "the 'response' key": "any",
    "a JSON array in the 'response' of a JSON object": "list",
    "How good is it?": "any",
}


@pytest.mark.parametrize("prompt", INFERRED)
def test_an_output_that_is_left_out_is_inferred(prompt):
    base = (*AI[:3], f'prompt: "{prompt}"')
    assert measure(base=base).output == INFERRED[prompt]
    assert measure("output: text", base=base).output == "text"
    assert measure("range: 1..9", base=base).output == "number"
    assert measure("schema: {type: boolean}", base=base).output == "boolean"


FILLED = {
    "Is {{x}} so?": "Is X so?",
    "{{ x }}{{x}}": "XX",
    "{{n}}, {{b}}, {{l}}": '9, true, ["é", 1]',
    "{x} {{{x}}} {} {{": "{x} {X} {} {{",
    "{{x{{x}}": "{{xX",
    "{{ a.b }}": "{{x}}",
}


@pytest.mark.parametrize("prompt", FILLED)
def test_placeholders_are_filled_once(prompt):
    found = measure(
        *("params.x: X", "params.n: 9", "params.b: true", "params.l: [é, 1]"),
        'params.a.b: "{{x}}"',
        base=(*AI[:3], f'prompt: "{prompt}"'),
    )
    assert found.prompt == FILLED[prompt]


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (
            "Is {{ taget }} so?",
            "prompt: unknown placeholder '{{ taget }}' (did you mean 'target'?); set "
            "params.taget",
        ),
        ("{{}}", "prompt: unknown placeholder '{{}}'; set params.NAME"),
    ],
)
def test_an_unknown_placeholder(prompt, message):
    text = case_text((*AI[:3], f'prompt: "{prompt}"', "params.target: x"))
    assert problem(text) == (12, message)


@pytest.mark.parametrize("fill", [" ", "{", "{{", "{{ ", "a", "{{a"])
def test_no_prompt_takes_long(fill):
    prompt = "x {{" + fill * 50_000
    assert measure(base=(*AI[:3], f"prompt: {prompt}")).prompt == prompt.strip()


def test_judge_defaults_of_the_frontmatter():
    front = "---\njudge:\n  samples: 3\n  context: [query, answer]\n---\n"
    found = measure(front=front)
    assert (found.samples, found.context) == (3, ("query", "answer"))
    found = measure("samples: 1", "context: answer", front=front)
    assert (found.samples, found.context) == (1, ("answer",))
    js = measure(base=(*PROGRAMMATIC, "logic: x"), front=front)
    assert js.samples == 1


def test_a_file_of_a_thousand_errors_is_told_quickly_and_shortly():
    keys = [f"kex{n}: 1" for n in range(10_000)]
    found = problems(case_text((*AI, *keys)))
    assert len(found) == 101
    assert found[-1] == (112, "… (the first 100 problems; mend these to see others)")
