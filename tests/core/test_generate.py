"""Templates and configs -> the texts of cases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.problems import CaseError, Problems
from pytest_evalmd.generate import combining
from pytest_evalmd.generate.combining import Union, combinations, generate
from pytest_evalmd.generate.config import Config, is_config, read_config
from pytest_evalmd.generate.names import folded, name_problem
from pytest_evalmd.generate.placeholders import (
    UnwritableError,
    fill_raw,
    read_filled,
    read_raw,
    write_raw,
)
from pytest_evalmd.generate.template import is_template, read_template

AI = ("id: a", 'description: "D"', "type: ai", 'prompt: "P"')


def template_text(query, *measures):
    listed = "\n".join(
        "\n".join(["* ---", *(f"  * {one}" for one in measure)])
        for measure in measures or (AI,)
    )
    return f"# Query\n\n{query}\n\n# Measures\n\n{listed}\n"


def config(**values):
    found = {name: tuple(texts) for name, texts in values.items()}
    return Config(name="c", line=1, values=found)


def made(query, *measures, allow_undefined=False, **values):
    template = read_template(template_text(query, *measures))
    return generate(template, config(**values), allow_undefined=allow_undefined)


def cases(*arguments, **values):
    return [parse_case(text) for text in made(*arguments, **values)]


def wrong(run, *arguments, **values):
    with pytest.raises(CaseError) as caught:
        run(*arguments, **values)
    return [(one.line, one.message) for one in caught.value.problems]


def test_the_layout_is_exact():
    measure = (
        "id: sure",
        'description: "Is "{{drug}}" named?"',
        "type: programmatic",
        "input: answer",
        'params.target:   "{{drug}}"',
        "logic: |\n      const x = params.target;\n\n      return x;",
    )

    (text,) = made("Why\n\n{{drug}}?", measure, drug=["Q"])

    assert text == (
        "---\nStatus: Pending\n---\n\n***\n\n"
        "> [!query]\n> ```query-text\n> Why\n> \n> Q?\n> ```\n\n***\n\n"
        "> [!answer]\n> ```answer-text\n> \n> ```\n\n***\n\n"
        "> [!measures]-\n> ```measures-md\n> * ---\n"
        '>   * params.target: "Q"\n>   * id: sure\n'
        '>   * description: "Is "Q" named?"\n>   * type: programmatic\n'
        ">   * input: answer\n>   * logic: |\n"
        ">     const x = params.target;\n> \n>     return x;\n> ```\n\n***\n\n"
        '> [!evaluation]\n> ```evaluation-yaml\n> - measure: "Is "Q" named?"\n'
        ">   type: programmatic\n> ```\n\n"
        "> [!evaluation-result]\n> ```evaluation-result-text\n> \n> ```"
    )


def test_combinations_come_in_order_the_last_placeholder_fastest():
    found = made("{{b}} {{a}} {{b}}", a=["1", "2"], b=["x", "y"], unused=["z"])

    queries = [parse_case(text).query.text for text in found]
    assert queries == ["x 1 x", "x 2 x", "y 1 y", "y 2 y"]


def test_cases_of_the_same_query_are_united():
    first = ("id: a", 'description: "D"', "type: ai", 'prompt: "P"')
    second = (
        *("id: b", 'description: "Is {{drug}}?"', "type: programmatic", "input: a"),
        'logic: "return 1"',
    )
    third = (
        *("id: c", 'description: "And {{drug}}?"', "type: programmatic"),
        *("input: [a, b]", 'logic: "return input.b"'),
    )
    fourth = (
        *("id: d", 'description: "Or {{drug}}?"', "type: programmatic"),
        *("input: b", 'logic: "return 1"'),
    )

    (case,) = cases("Q", first, second, third, fourth, drug=["x", "y"])

    assert {id_: one.input for id_, one in case.measures.items()} == {
        "a": None,
        "b": "a",
        "c": ("a", "b"),
        "d": "b",
        "b_2": "a",
        "c_2": ("a", "b_2"),
        "d_2": "b_2",
    }
    assert case.measures["c"].logic == "return input.b"
    assert case.measures["c_2"].logic == (
        'input = {"a": input["a"], "b": input["b_2"]}; return input.b'
    )
    assert [*case.recorded] == ["a", "b", "c", "d", "b_2", "c_2", "d_2"]


def test_a_renamed_ai_measure_has_no_logic_and_a_free_id():
    taken = ("id: a_2", 'description: "E"', "type: ai", 'prompt: "P"')
    first = ("id: a", 'description: "D {{x}}"', "type: ai", 'prompt: "P"')
    both = (
        *("id: b", 'description: "B {{x}}"', "type: ai", 'prompt: "P"'),
        'input: ["a", answer]',
    )

    (case,) = cases("Q", taken, first, both, x=["1", "2", "3"])

    assert [*case.measures] == ["a_2", "a", "b", "a_3", "b_2", "a_4", "b_3"]
    assert case.measures["b_2"].input == ("a_3", "answer")


def test_logic_of_several_lines_gets_its_names_first():
    one = ("id: a", 'description: "D {{x}}"', "type: ai", 'prompt: "P"')
    two = (
        *("id: b", 'description: "B {{x}}"', "type: programmatic", "input: [a]"),
        "logic: |\n      const y = input.a;\n      return y;",
    )

    (case,) = cases("Q", one, two, x=["1", "2"])

    assert case.measures["b_2"].logic == (
        'input = {"a": input["a_2"]};\nconst y = input.a;\nreturn y;'
    )


def test_a_placeholder_of_the_measures_only_makes_no_new_case():
    assert len(made("Q {{a}}", AI, a=["1", "1", "2"])) == 2


def test_undefined_placeholders():
    text = template_text("Is {{drgu}} {{x y}}?", AI)
    found = wrong(generate, read_template(text), config(drug=["a"]))

    assert found == [
        (
            3,
            "undefined placeholder, got 'drgu' (did you mean 'drug'?); expected one "
            "that the config 'c' defines (or --allow-undefined)",
        ),
        (
            3,
            "undefined placeholder, got 'x y'; expected one that the config 'c' "
            "defines (or --allow-undefined)",
        ),
    ]
    measure = ("id: {{drgu}}", *AI[1:])
    (made_,) = generate(
        read_template(template_text("Is {{drgu}}?", measure)),
        config(),
        allow_undefined=True,
    )
    assert "> Is [DRGU_UNDEFINED]?" in made_
    assert '* id: "[DRGU_UNDEFINED]"' in made_


def test_too_many_combinations(monkeypatch):
    monkeypatch.setattr(combining, "MAX_COMBINATIONS", 3)

    found = wrong(made, "{{a}} {{b}}", a=["1", "2"], b=["1", "2"])

    assert found == [(3, "4 combinations; expected at most 3")]


def test_what_is_no_case_is_told_at_the_templates_line():
    measure = (*AI[:2], "type: oracle", AI[3])
    found = wrong(made, "{{a}}", measure, a=["1", "2"])

    assert [line for line, _ in found] == [10]
    assert found[0][1].startswith("type: got 'oracle'; expected one of ai,")
    assert found[0][1].endswith("(query-1) with config 'c'")
    assert wrong(made, "{{a}}", AI, a=[" "])[0][0] == 3


@pytest.mark.parametrize("bad", ["a\rb", "a\0b", "a\ud800"])
def test_values_that_markdown_would_change_are_refused(bad):
    assert [line for line, _ in wrong(made, "{{a}}", AI, a=[bad])] == [3]


def test_a_value_that_no_line_holds():
    measure = (*AI[:1], 'description: "{{a}}"', *AI[2:])

    assert wrong(made, "Q", measure, a=["x\n"]) == [
        (
            9,
            "description can't be written: expected a text without blanks or line "
            "feeds around it with config 'c'",
        )
    ]


def test_values_that_a_prompt_would_misread_become_params():
    measure = (
        *(*AI[:3], 'prompt: "{{x y}} {{x_y}} {{limit}} {{x y}}"', "params.limit: 3"),
        "params.x_y: 4",
    )
    (case,) = cases("Q", measure, **{"x y": ["{{z}}\n"]})

    assert case.measures["a"].prompt == "{{z}}\n 4 3 {{z}}\n"
    assert case.measures["a"].params == {"limit": 3, "x_y": 4, "x_y_": "{{z}}\n"}


def test_params_that_a_line_can_not_hold_join_the_mapping():
    given = "params: {kept: [{{n}}, '{{n}}', 1]}"
    measure = (*AI, given, 'params.x: "{{x}}"', "params.y: {{x}}")
    (case,) = cases("Q", measure, x=[" a\u2028\n"], n=["7"])

    both = " a\u2028\n"
    assert case.measures["a"].params == {"kept": [7, "7", 1], "x": '" a', "y": both} | {
        "x": both
    }


def test_params_that_can_not_be_written_at_all():
    half = wrong(made, "Q", (*AI, 'params.x: "{{x}}"'), x=["a\ud800\n"])
    no_mapping = wrong(made, "Q", (*AI, "params: []", 'params.x: "{{x}}"'), x=["a\n"])

    assert half[0] == (
        7,
        "params can't be written: expected a text without blanks or line feeds "
        "around it with config 'c'",
    )
    assert no_mapping[0][1].startswith("params: got []; expected a mapping")


HARD = st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"),
    max_size=12,
) | st.sampled_from(
    [
        *('say "hi"', '"', '\\"', "\\", "a\\", "|", "a | b", "{{b}}", "{", "}}", "$1"),
        *("$&", "[a", "{a: 1}", "'x'", "true", "null", "1e999", "1.10", " x ", "a\nb"),
        *(
            "```",
            "````\n> x",
            "a\n",
            "\n",
            "😀",
            "שלום",
            "\u202eabc",
            "* ---",
            "#",
            "é",
        ),
        *("<!--", "\u2028", "\x0b", "> a", "~~~", "a\n\n  b", "EVALMD0END", "\tx"),
    ]
)
TEXTS = (
    *("id: a", 'description: "D"', "type: ai"),
    "prompt: \"Is '{{v}}' or {{w}} it, \\{{v}}?\"",
    *('params.quoted: "{{v}}"', "params.both: ({{v}}) {{w}}", "params.own: x"),
    "params.list: ['{{v}}', \"{{w}}\", k]",
)


@settings(max_examples=400, deadline=None)
@given(HARD, HARD)
def test_values_survive(v, w):
    query = f"About {v} and {w}."
    (case,) = cases("About {{v}} and {{w}}.", TEXTS, v=[v], w=[w])

    measure = case.measures["a"]
    assert case.query.text == query
    assert measure.prompt == f"Is '{v}' or {w} it, \\{v}?"
    assert measure.params["quoted"] == v
    assert measure.params["both"] == f"({v}) {w}"
    assert measure.params["list"] == [v, w, "k"]


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.lists(st.text(max_size=3), min_size=1, max_size=3)
    )
)
def test_combinations_are_all_and_sorted(values):
    places = [
        tuple(values[name].index(one[name]) for name in values)
        for one in combinations(values)
    ]
    assert {*places} == {*map(tuple, _places([*values.values()]))}
    if all(len({*texts}) == len(texts) for texts in values.values()):
        assert places == sorted(places)
        assert len(places) == len({*places})


def _places(lists):
    if not lists:
        return [[]]
    return [
        [lists[0].index(value), *rest]
        for value in lists[0]
        for rest in _places(lists[1:])
    ]


IDS = st.sampled_from(["a", "a_2", "b", "a_2_2", "a_3"])
MEASURES = st.lists(st.tuples(IDS, st.sampled_from("DEFGHIJ")), max_size=4)


@given(st.lists(MEASURES, max_size=5))
def test_a_union_has_each_description_once_and_no_id_twice(groups):
    union = Union(query="Q")
    for group in groups:
        listed = [(f"id: {id_}", f"description: {text}") for id_, text in group]
        if listed:
            union.add(read_template(template_text("Q", *listed)).measures)

    ids = [one.raw("id") for one in union.measures]
    seen = [one.raw("description") for one in union.measures]
    assert seen == [*dict.fromkeys(text for group in groups for _, text in group)]
    assert len({*ids}) == len(ids)
    firsts = {}
    for group in groups:
        for id_, text in group:
            firsts.setdefault(text, id_)
    for id_, text in zip(ids, seen, strict=True):
        assert id_ == firsts[text] or id_.startswith(firsts[text] + "_")


def test_a_measure_without_id_or_description_is_told():
    assert wrong(made, "Q", ("type: ai", 'prompt: "P"'), ("id: 3", *AI[1:]))


@pytest.mark.parametrize(
    ("raw", "value", "written", "read"),
    [
        ("{{x}}", "21", "21", 21),
        ("{{x}}", "1.10", "1.10", 1.1),
        ("{{x}}", "[a", '"[a"', "[a"),
        ("{{x}}", "[a, b]", '"[a, b]"', "[a, b]"),
        ("{{x}}", "'a'", "\"'a'\"", "'a'"),
        ("{{x}}", " a", '" a"', " a"),
        ("{{x}}", "|", '"|"', "|"),
        ("{{x}}", "1e999", '"1e999"', "1e999"),
        ("{{x}}", "a\nb", '"a\nb"', None),
        ('"{{x}}"', "21", '"21"', "21"),
        ('"{{x}}"', '\\"', '"\\\\""', '\\"'),
        ("'{{x}}'", "21", "'21'", "21"),
        ("[{{x}}, EVALMD0END]", "a, b", '["a, b", "EVALMD0END"]', None),
        ("{k: {{x}}}", "true", "{k: true}", {"k": True}),
        ("|\na {{x}}", "b", "|\na b", "a b"),
        ("|", "b", "|", ""),
        ("null", "b", "null", None),
    ],
)
def test_filled_values(raw, value, written, read):
    if value == "a\nb":
        assert fill_raw(raw, {"x": value}) == "|\na\nb"
        return
    assert fill_raw(raw, {"x": value}) == written
    assert read is None or read_raw(written) == read
    assert read_filled(raw, {"x": value}) == read_raw(written)


def test_a_text_that_can_not_be_written():
    with pytest.raises(UnwritableError):
        write_raw("a\n")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", [(1, "no heading '# Query'"), (1, "no heading '# Measures'")]),
        ("# Measures\n# Query", [(1, "'# Measures' is above")]),
        ("# Query\n# Measures", [(1, "the query is empty"), (2, "no measure")]),
        ("# Query\nx\n# Query\n# Measures", [(3, "a second '# Query'")]),
        ("# Query\nx\n# Measures\nfoo", [(4, "got 'foo'; expected '* key: value'")]),
        ("# Query\nx\n# Measures\n* a: b", [(4, "got '* a: b'; expected '* ---'")]),
        (
            "# Query\nx\n# Measures\n* ---\n  * a: b\n  * a: [",
            [(6, "the key 'a' is given twice"), (6, "a: not YAML")],
        ),
    ],
)
def test_templates_that_are_none(text, expected):
    found = wrong(read_template, text)

    assert len(found) == len(expected)
    for line, start in expected:
        assert any(one == line and message.startswith(start) for one, message in found)


def test_headings_in_fences_quotes_and_of_other_levels_are_the_querys():
    query = "```\n# Measures\n```\n\n> # Measures\n\n## Measures\n\n# Notes\n"
    text = "\ufeff---\na: b\n---\n" + template_text(query).replace("\n", "\r\n")

    template = read_template(text)

    assert template.query == query.strip()
    assert template.query_line == 6
    assert is_template(text)
    assert not is_template("# Notes\n")


def test_blocks_of_a_template_end_where_the_indentation_does():
    text = (
        "# Query\nx\n# Measures\n- ---\n\n\t- k: |\n\n\t\t  a {{p}}\n\n\t\t b\n\t- l: m"
    )
    template = read_template(text)

    assert template.measures[0].raw("k") == "|\n\n a {{p}}\n\nb"
    assert template.measures[0].raw("l") == "m"
    assert template.placeholders == {"p": 8}


GOOD = "name: N\nplaceholders:\n  a: [1.10, yes, ~x, \"q\\nr\", '']\n  b: [x]\nother: &y [*z]\n"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        (GOOD.replace("[*z]", "z"), False),
        (f"---\n{GOOD.replace('[*z]', 'z')}---\n\ntext", True),
        (f"---\r\n{GOOD.replace('[*z]', 'z')}---\r\n", False),
        ("\ufeff" + GOOD.replace("[*z]", "z").replace("name:", "drug_name:"), False),
    ],
)
def test_configs(text, markdown):
    found = read_config(text, markdown=markdown)

    assert found.name == "N"
    assert found.values == {"a": ("1.10", "yes", "~x", "q\nr", ""), "b": ("x",)}
    assert is_config(text, markdown=markdown)


PLACED = "placeholders: {a: [b]}"


@pytest.mark.parametrize(
    ("text", "line", "start"),
    [
        ("", 1, "no name; expected"),
        (PLACED, 1, "no name; expected"),
        (f"a_name: x\nb_name: y\n{PLACED}", 2, "got a_name and b_name; expected"),
        (f"name: [a]\n{PLACED}", 1, "name: got ['a']; expected a text"),
        (f"name:\n{PLACED}", 1, "name: got None; expected a text"),
        (f"name: ../x\n{PLACED}", 1, "name: got '../x' as a folder's name"),
        ("name: x", 1, "missing key 'placeholders'"),
        ("name: x\nplaceholders: [a]", 2, "placeholders: got ['a']; expected"),
        ("name: x\nplaceholders:\n  a: b", 3, "a: got 'b'; expected a list"),
        ("name: x\nplaceholders:\n  a: []", 3, "a: got []; expected a list"),
        ("name: x\nplaceholders:\n  a: [b, {}]", 3, "a: got {} in the list"),
        ("name: x\nplaceholders:\n  a: [~]", 3, "a: got None in the list"),
        (f"name: x\n{PLACED}\nother: [*b]", 1, "not YAML"),
        ("name: x\nplaceholders: &b {a: [*b]}", 2, "placeholders: YAML aliases"),
        ("- a", 1, "got ['a']; expected a YAML mapping"),
    ],
)
def test_configs_that_are_none(text, line, start):
    found = wrong(read_config, text, markdown=False)

    assert any(at == line and message.startswith(start) for at, message in found), found


def test_markdown_without_frontmatter_is_no_config():
    assert not is_config("# Notes", markdown=True)
    assert wrong(read_config, "# Notes", markdown=True)[0][0] == 1


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "a/b", "a\\b", "C:", "a\0", "a\n", " a", "a ", ".a", "a."),
        *("con", "COM1.txt", "é" * 101, "a\u202eb", "a*"),
    ],
)
def test_names_that_are_no_folders(name):
    assert name_problem(name)


def test_names_of_folders():
    for name in ("Poteligeo", "A b-c_1.2", "שלום", "😀", "console"):
        assert name_problem(name) is None
    assert folded("É") == folded("e\u0301")


def test_problems_of_a_rendered_measure_are_gathered():
    template = read_template(template_text("Q", (*AI, 'context: "{{a}}"')))
    problems = Problems()

    combining.unite(template, {"a": ["x\n", "y"]}, problems)

    assert [one.line for one in problems.found] == [12]
