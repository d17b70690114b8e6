"""Results written into a file: nothing else of it changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_texts import AI, block, case_text, read, yaml_text

from pytest_evalmd.case.edit import EditError, set_results
from pytest_evalmd.case.problems import CaseError

N = ("id: n", "description: E", "type: programmatic", "input: m", "logic: return 1;")
EVALUATION = block("evaluation-yaml", "- measure: D", "  type: ai")


def recorded(evaluation, result, eol="\n"):
    """Write a case whose evaluation and result blocks look like this."""
    return (case_text() + "\n" + evaluation + result).replace("\n", eol)


CALLOUT = "> [!evaluation]\n> ```evaluation-yaml\n> - measure: D\n> ```\n\n"
STYLES = {
    "plain": (EVALUATION, "```evaluation-result-text\nRESULT\n```\n"),
    "tildes": (EVALUATION, "~~~~evaluation-result-text  \nRESULT\n~~~~~ \n"),
    "callout": (CALLOUT, "> [!x]+ y \n> ```evaluation-result-text\n> RESULT\n> ```\n"),
    "folded": (
        CALLOUT,
        "> [!x]-\n> ```evaluation-result-text\n> RESULT\n> ```\nbehind",
    ),
    "bare": (CALLOUT, ">[!x]\n>```evaluation-result-text\n>RESULT\n>```"),
    "nested": (CALLOUT, "> > ```evaluation-result-text\n> > RESULT\n> > ```\n"),
    "list": (EVALUATION, "- ```evaluation-result-text\n  RESULT\n  ```\n"),
    "quoted list": (CALLOUT, "> 1. ```evaluation-result-text\n>    RESULT\n>    ```\n"),
    "no final newline": (EVALUATION, "```evaluation-result-text\nRESULT\n```"),
    "human": (
        EVALUATION,
        "```evaluation-result-text\nRESULT\n```\n" + block("human-result-text", "h"),
    ),
}


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("name", STYLES)
def test_a_new_result_changes_nothing_else(name, bom, eol):
    text = bom + recorded(*STYLES[name], eol)
    written = set_results(text, {"m": "new"})
    assert written == text.replace("RESULT", "new")
    assert set_results(written, {"m": "RESULT"}) == text
    assert set_results(text, {"m": "RESULT"}) == text
    assert set_results(text, {}) == text


TEXTS = {
    "": ("> ```", "> ", "> ```"),
    "a\n\nb": ("> ```", "> a", "> ", "> b", "> ```"),
    "  a\n\tb": ("> ```", ">   a", "> \tb", "> ```"),
    "> q": ("> ```", "> > q", "> ```"),
    "```": ("> ````", "> ```", "> ````"),
    "```js\nx\n```": ("> ````", "> ```js", "> x", "> ```", "> ````"),
    "x\n  `````": ("> ``````", "> x", ">   `````", "> ``````"),
    "~~~": ("> ```", "> ~~~", "> ```"),
    "a ``` b": ("> ```", "> a ``` b", "> ```"),
    "``": ("> ```", "> ``", "> ```"),
    "a\u2028b\x85": ("> ```", "> a\u2028b\x85", "> ```"),
    "---": ("> ```", "> ---", "> ```"),
}


@pytest.mark.parametrize("new", TEXTS)
def test_a_result_of_many_lines_and_fences(new):
    text = recorded(*STYLES["callout"])
    old = "> ```evaluation-result-text\n> RESULT\n> ```\n"
    opening, *body = TEXTS[new]
    lines = "\n".join([f"{opening}evaluation-result-text", *body, ""])
    written = set_results(text, {"m": new})
    assert written == text.replace(old, lines)
    assert read(written).result_text("m") == new


def test_a_bare_prefix_keeps_the_blanks_of_a_line():
    text = recorded(*STYLES["bare"])
    written = set_results(text, {"m": " a\n\tb\nc\n"})
    assert written == text.replace(">RESULT\n", ">  a\n> \tb\n>c\n>\n")
    assert read(written).result_text("m") == " a\n\tb\nc\n"


@pytest.mark.parametrize("new", ["a\rb", "a\r\nb", "a\0b"])
def test_a_text_that_would_not_read_back_is_refused(new):
    for text in (recorded(*STYLES["callout"]), case_text()):
        with pytest.raises(
            EditError, match="the results of m would not read back from the"
        ):
            set_results(text, {"m": new})


def test_what_is_no_measure_or_no_case_is_refused():
    with pytest.raises(EditError, match="would not read back"):
        set_results(case_text(), {"x": "1"})
    with pytest.raises(EditError, match="it is no case any more"):
        set_results("# Notes", {"m": "1"})
    with pytest.raises(CaseError):
        set_results(case_text((*AI, "x: 1")), {"m": "1"})


def test_missing_blocks_are_not_added_into_a_comment_but_into_a_list():
    text = case_text() + "<!--\n" + EVALUATION + "-->\n"
    written = set_results(text, {"m": "r"})
    assert written.startswith(case_text() + "\n" + HEADS["e"])
    listed = case_text().replace("```measures-md", "- ```measures-md")
    listed = listed.replace("* ---\n", "  * ---\n").replace("  * ", "    * ")
    listed = listed[: -len("```\n")] + "  ```\n      text\n"
    assert read(set_results(listed, {"m": "r"})).result_text("m") == "r"


ADDED = {
    "nothing yet": (case_text(AI, N), "\n{e}```\n\n{r}a\n```\n\n{f}```\n\n{r}b\n```\n"),
    "no final newline": (
        case_text(AI, N)[:-1],
        "\n\n{e}```\n\n{r}a\n```\n\n{f}```\n\n{r}b\n```",
    ),
    "an evaluation": (
        case_text(AI, N) + "\n" + EVALUATION,
        "\n{r}a\n```\n\n{f}```\n\n{r}b\n```\n",
    ),
    "an evaluation without final newline": (
        case_text(AI, N) + "\n" + EVALUATION[:-1],
        "\n\n{r}a\n```\n\n{f}```\n\n{r}b\n```",
    ),
    "an evaluation behind a rule": (
        case_text(AI, N) + "\n* * *\n\n" + EVALUATION,
        "\n{r}a\n```\n\n* * *\n\n{f}```\n\n{r}b\n```\n",
    ),
    "tildes": (
        case_text(AI, N).replace("```", "~~~~"),
        "\n{e}~~~~\n\n{r}a\n~~~~\n\n{f}~~~~\n\n{r}b\n~~~~\n",
    ),
}
HEADS = {
    "e": '```evaluation-yaml\n- measure: "D"\n  type: ai\n',
    "f": '```evaluation-yaml\n- measure: "E"\n  type: programmatic\n',
    "r": "```evaluation-result-text\n",
}


@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ADDED)
def test_missing_blocks_are_added_in_the_style_of_the_file(name, eol):
    text, added = ADDED[name]
    heads = HEADS
    if name == "tildes":
        heads = {key: head.replace("```", "~~~~") for key, head in HEADS.items()}
    written = set_results(text.replace("\n", eol), {"n": "b", "m": "a"})
    assert written == (text + added.format(**heads)).replace("\n", eol)


BEHIND = "\n## Notes\n\ntext\n"


@pytest.mark.parametrize("rule", ["", "***\n\n", "---\n\n", "_ _ _\n\n"])
@pytest.mark.parametrize("behind", ["", BEHIND])
def test_missing_callouts_are_added_behind_the_last_one(rule, behind):
    callout = "> [!{0}]\n> ```{0}-{1}\n> {2}\n> ```\n"
    first = callout.format("evaluation", "yaml", "- measure: D") + "\n"
    first += callout.format("evaluation-result", "text", "r")
    second = callout.format(
        "evaluation", "yaml", '- measure: "E"\n>   type: programmatic'
    )
    second += "\n" + callout.format("evaluation-result", "text", "9")
    text = case_text(AI, N) + "\n" + rule + first
    assert set_results(text + behind, {"n": "9"}) == f"{text}\n{rule}{second}{behind}"


def test_missing_blocks_of_a_new_file_follow_the_style_of_its_measures():
    lines = case_text().splitlines()
    text = "".join(f"> {line}\n" for line in lines)
    text = text.replace("> ```measures-md", "\n***\n\n> [!measures]-\n> ```measures-md")
    assert set_results(text, {"m": "r"}) == text + (
        '\n***\n\n> [!evaluation]\n> ```evaluation-yaml\n> - measure: "D"\n'
        ">   type: ai\n> ```\n\n> [!evaluation-result]\n> ```evaluation-result-text\n> r\n> ```\n"
    )


def test_missing_blocks_of_quotes_without_titles_have_none():
    quoted = "".join(f"> {line}\n" for line in case_text().splitlines())
    assert set_results(quoted, {"m": "r"}) == quoted + (
        '\n> ```evaluation-yaml\n> - measure: "D"\n>   type: ai\n> ```\n\n'
        "> ```evaluation-result-text\n> r\n> ```\n"
    )


def test_missing_blocks_come_behind_the_last_evaluation_wherever_it_is():
    first = EVALUATION.replace("D", "E").replace("ai", "programmatic")
    first += block("evaluation-result-text", "r") + block("human-result-text", "h")
    text = first + case_text(AI, N)
    written = set_results(text, {"m": "```\nnew"})
    assert written.startswith(
        first + "\n" + HEADS["e"] + "```\n\n````evaluation-result"
    )
    assert read(written).result_text("m") == "```\nnew"
    assert read(written).recorded["n"].human.text == "h"


def test_results_of_a_yaml_case():
    text = yaml_text("- {id: m, description: D, type: ai, prompt: P}")
    assert read(set_results(text, {"m": "r"})).result_text("m") == "r"


def test_a_result_line_moves_with_what_is_added_above():
    text = recorded(*STYLES["plain"])
    assert read(text).result_line("m") == 20
    assert read(set_results("\n\n" + text, {"m": "a\nb"})).result_line("m") == 22


SEEDS = Path(__file__).parents[2].parent / "shared" / "seeds"


@pytest.mark.skipif(not SEEDS.exists(), reason="the seed documents are not here")
def test_a_seed_document_emptied_and_filled_again_is_the_same():
    data = (SEEDS / "002_bfbaf079504a3b9a.txt").read_bytes()
    text = data.decode()
    case = read(text)
    results = {id_: case.result_text(id_) for id_ in case.measures}
    assert results == {
        "mentioned_treatments": "Poteligeo",
        "poteligeo_mentioned": "true",
        "poteligeo_position": "1",
        "recommendation_strength": "9",
    }
    outputs = [measure.output for measure in case.measures.values()]
    assert outputs == ["list", "any", "any", "response"]
    emptied = set_results(text, dict.fromkeys(results, ""))
    assert read(emptied).recorded.keys() == results.keys()
    assert not any(map(read(emptied).result_text, results))
    assert set_results(emptied, results).encode() == data
    assert set_results(text, results).encode() == data


@pytest.mark.skipif(not SEEDS.exists(), reason="the seed documents are not here")
def test_a_seed_document_without_its_evaluations_gets_them_back():
    data = (SEEDS / "002_bfbaf079504a3b9a.txt").read_bytes()
    text = data.decode()
    case = read(text)
    results = {id_: case.result_text(id_) for id_ in case.measures}
    bare = text[: text.index("\n\n***\n\n> [!evaluation]")]
    assert set_results(bare, results).encode() == data
