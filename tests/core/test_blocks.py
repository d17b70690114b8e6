"""Markdown text -> blocks with their lines; which files are cases."""

from __future__ import annotations

import pytest
from case_texts import block, case_text, problem, problems, read

from pytest_evalmd.case.blocks import INFOS, may_be_case, read_document, split_lines
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError

FENCES = {
    "plain": ("```answer-text\na\n```\n", 1, 3, "a"),
    "tildes": ("~~~answer-text\na\n~~~\n", 1, 3, "a"),
    "four": ("````answer-text\n```\n````\n", 1, 3, "```"),
    "longer closing": ("```answer-text\na\n`````\n", 1, 3, "a"),
    "space before the info": ("```  answer-text  \na\n```\n", 1, 3, "a"),
    "other character inside": ("```answer-text\n~~~\n```\n", 1, 3, "~~~"),
    "fence inside": ("````answer-text\n```js\nx\n```\n````\n", 1, 5, "```js\nx\n```"),
    "empty": ("```answer-text\n```\n", 1, 2, ""),
    "one blank line": ("```answer-text\n\n```\n", 1, 3, ""),
    "blank lines": ("```answer-text\n\n\n a \n\n```\n", 1, 6, "\n\n a \n"),
    "callout": ("> [!answer]\n> ```answer-text\n> a\n> ```\n", 2, 4, "a"),
    "folded": ("> [!answer]-\n> ```answer-text\n> a\n> ```\n", 2, 4, "a"),
    "bare prefix": (">```answer-text\n>a\n>\n>```\n", 1, 4, "a\n"),
    "mixed prefix": ("> ```answer-text\n>a\n> b\n>```\n", 1, 4, "a\nb"),
    "nested": ("> > ```answer-text\n> > a\n>> b\n> > ```\n", 1, 4, "a\nb"),
    "quote inside": ("> ```answer-text\n> > a\n> ```\n", 1, 3, "> a"),
    "list": ("- ```answer-text\n  a\n  ```\n", 1, 3, "a"),
    "list in quote": ("> 1. ```answer-text\n>    a\n>    ```\n", 1, 3, "a"),
    "indented fence": (
        "   ```answer-text\n   a\n  b\n     c\n   ```\n",
        1,
        5,
        "a\nb\n  c",
    ),
    "tab inside": ("```answer-text\n\ta\tb\n```\n", 1, 3, "\ta\tb"),
    "tab in quote": ("> ```answer-text\n> \ta\n> ```\n", 1, 3, "\ta"),
    "no final newline": ("```answer-text\na\n```", 1, 3, "a"),
    "behind text": ("text\n\n# head\n```answer-text\na\n```\ntext\n", 4, 6, "a"),
    "CRLF": ("\r\n```answer-text\r\na\r\nb\r\n```\r\n", 2, 5, "a\nb"),
    "CR": ("\r```answer-text\ra\rb\r```\r", 2, 5, "a\nb"),
    "mixed ends": ("\n\r\n\r```answer-text\ra\r\n```\n", 4, 6, "a"),
    "BOM": ("\ufeff```answer-text\na\n```\n", 1, 3, "a"),
    "other line separators": (
        "\u2028\x0b\x0c\x85\n```answer-text\na\u2028b\x0bc\x0cd\x85e\x1cf\n```\n",
        *(2, 4, "a\u2028b\x0bc\x0cd\x85e\x1cf"),
    ),
    "frontmatter": ("---\na: 1\n---\n```answer-text\na\n```\n", 4, 6, "a"),
    "frontmatter with dots": ("---\na: 1\n...\n```answer-text\na\n```\n", 4, 6, "a"),
    "dashes that never end": ("---\n```answer-text\na\n```\n", 2, 4, "a"),
}


@pytest.mark.parametrize("name", FENCES)
def test_a_fence_with_our_info_string_is_a_block(name):
    text, line, end_line, content = FENCES[name]
    document = read_document(text)
    (found,) = document.blocks
    assert (found.info, found.line, found.end_line) == ("answer-text", line, end_line)
    assert found.text == content
    assert found.text_line == line + 1
    assert not document.unclosed
    assert "".join(document.lines) == text


NO_BLOCKS = {
    "nothing": "",
    "prose": "```query-text``` and ```measures-md``` are the names",
    "another language": "```python\nquery-text\n```\n",
    "HTML comment": "<!--\n```answer-text\na\n```\n-->\n",
    "indented code": "    ```answer-text\n    a\n    ```\n",
    "a longer fence": "````markdown\n```answer-text\na\n```\n````\n",
    "tildes around": "~~~\n```answer-text\na\n```\n~~~\n",
    "two backticks": "``answer-text\na\n``\n",
    "frontmatter": "---\na: |\n  ```answer-text\n  ```\n---\n",
    "backtick in the info string": "```answer-text`\na\n",
}


@pytest.mark.parametrize("name", NO_BLOCKS)
def test_what_markdown_does_not_take_as_our_fence_is_no_block(name):
    document = read_document(NO_BLOCKS[name])
    assert document.blocks == document.unknown == document.unclosed == ()
    assert not document.is_case


def test_a_quote_ends_where_its_prefix_does():
    text = "> ```answer-text\n> a\nlazy\n> ```\n"
    (found,) = read_document(text).blocks
    assert found.text == "a"
    assert [b.line for b in read_document(text).unclosed] == [1, 4]


UNCLOSED = {
    "end of the file": (
        "```answer-text\na\n",
        "'answer-text' is not closed before line 3",
    ),
    "without newline": (
        "```answer-text\na",
        "'answer-text' is not closed before line 3",
    ),
    "shorter closing": ("````answer-text\n```\n", "is not closed before line 3"),
    "other closing": ("```answer-text\n~~~\n", "is not closed before line 3"),
    "closing with info": ("```answer-text\n```x\n", "is not closed before line 3"),
    "end of the quote": ("> ```answer-text\n\n> ```x\n> ```\n", "closed before line 2"),
    "lazy line": ("> ```answer-text\nlazy\n", "is not closed before line 2"),
    "end of the list item": ("- ```answer-text\na\n", "is not closed before line 2"),
    "nothing inside": ("```answer-text", "is not closed before line 2"),
}


@pytest.mark.parametrize("name", UNCLOSED)
def test_an_unclosed_fence_of_ours_is_an_error_even_if_it_swallows_the_case(name):
    text, message = UNCLOSED[name]
    found = [message for _, message in problems(text) if "is not closed" in message]
    assert message in found[0]


def test_an_unclosed_fence_is_told_with_its_line_and_what_to_do():
    text = case_text(tail="\n> ```js\n> x\n")
    assert problem(text) == (
        15,
        "the fence of 'js' is not closed before line 17; close it with the same "
        "character, at least as long, behind the same '>' prefix; where a text "
        "itself holds a fence, make the fences around it longer",
    )
    line, message = problem(case_text(tail="```\n"))
    assert (line, message[:35]) == (14, "a fence is not closed before line 1")


TOO_EARLY = (
    "the block 'measures-md' is inside another one, since a fence above it ended too "
    "early; where a text itself holds a fence, make the fences around it longer"
)


@pytest.mark.parametrize("quote", ["", "> "])
def test_an_answer_with_a_fence_as_long_as_its_own_is_told_and_no_silence(quote):
    text = case_text(answer="text\n```\nmore")
    quoted = "".join(quote + line for line in split_lines(text))
    assert (9, TOO_EARLY) in problems(quoted)


def test_a_rule_on_the_first_line_that_makes_a_frontmatter_is_no_silence():
    quoted = "".join("> " + line for line in split_lines(case_text()))
    text = "---\n\n" + quoted.replace("> ```answer", "\n---\n\n> ```answer")
    assert problems(text) == [
        (1, "no query-text block; expected a fence '```query-text'"),
        (
            3,
            "the block 'query-text' is inside the frontmatter, which '---' on line 1 "
            "begins; write that rule as '***'",
        ),
    ]


def test_a_longer_fence_around_a_block_may_show_it():
    shown = "````\n```evaluation-yaml\n```\n````\n```text\n~~~answer-text\n```\n"
    assert parse_case(case_text(tail=shown)) is not None


NEAR_MISSES = {
    "answer_text": "answer-text",
    "anwser-text": "answer-text",
    "Answer-Text": "answer-text",
    "answer-txt": "answer-text",
    "answer-text\ttitle": "answer-text",
    "measures-yml": "measures-yaml",
    "measure-md": "measures-md",
    "evaluation-yml": "evaluation-yaml",
    "evaluations-yaml": "evaluation-yaml",
    "evaluation-result-txt": "evaluation-result-text",
    "evaluation-results-text": "evaluation-result-text",
    "humans-result-text": "human-result-text",
}


@pytest.mark.parametrize("info", NEAR_MISSES)
def test_an_info_string_that_is_almost_ours_is_an_error_in_a_case(info):
    text = case_text(tail=block(info, "x"))
    assert problem(text) == (
        14,
        f"unknown block {info!r} (did you mean {NEAR_MISSES[info]!r}?); expected one "
        f"of {', '.join(INFOS)}",
    )


@pytest.mark.parametrize(
    "info", ["", "text", "yaml", "md", "plain-text", "rich-text", "summary-text", "js"]
)
def test_other_info_strings_are_the_authors_own(info):
    assert parse_case(case_text(tail=block(info, "x"))) is not None


@pytest.mark.parametrize("info", ["measures-json", "measures_md", "Measures-yml"])
def test_measures_of_an_unknown_kind_are_an_error_and_no_silence(info):
    text = block("query-text", "q") + block(info, "[]")
    found = problems(text)
    assert [line for line, _ in found] == [1, 1, 4]
    assert found[2][1].startswith(f"unknown block '{info}' (did you mean 'measures-")
    assert may_be_case(text.lower().encode())


NOT_CASES = {
    "empty": "",
    "no measures": block("query-text", "q") + block("answer-text", "a"),
    "no query": block("measures-md", "* ---"),
    "near misses only": block("answer_text", "a"),
    "broken frontmatter": "---\n[\n---\n" + block("query-text", "q"),
    "unclosed fence of another": "```python\nquery-text measures-md\n",
    "readme": "# Cases\n\n````markdown\n" + case_text() + "````\n",
    "readme in a quote": "> ~~~~\n> ```query-text\n> ```\n> ```measures-md\n> ~~~~\n",
}


@pytest.mark.parametrize("name", NOT_CASES)
def test_other_markdown_is_left_alone(name):
    assert parse_case(NOT_CASES[name]) is None


def test_a_file_is_told_cheaply():
    assert may_be_case(case_text().encode())
    assert may_be_case(("\ufeff" + case_text()).encode())
    assert may_be_case(case_text().encode("utf-16"))
    assert not may_be_case(b"query-text alone")
    assert not may_be_case(b"measures-md alone")


@pytest.mark.parametrize(
    ("data", "line", "byte"),
    [
        (b"\xff", 1, "0xff"),
        (b"a\nb\xe9\n", 2, "0xe9"),
        (b"a\rb\r\n\xe9", 3, "0xe9"),
        (case_text().encode("utf-16"), 1, "0xff"),
        (b"caf\xc3", 1, "0xc3"),
    ],
)
def test_bytes_that_are_not_utf8_are_told_with_their_line(data, line, byte):
    with pytest.raises(CaseError) as caught:
        decode(data)
    assert caught.value.lines("a.md") == [
        f"a.md:{line}: not UTF-8, got byte {byte}; save the file with the encoding "
        "UTF-8"
    ]


def test_utf8_is_read_as_it_is():
    assert decode("\ufeffé\r\n😀".encode()) == "\ufeffé\r\n😀"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a\n"]),
        ("\n\r\n\r", ["\n", "\r\n", "\r"]),
        ("a\u2028b\x0b\x0c\x85\nc", ["a\u2028b\x0b\x0c\x85\n", "c"]),
    ],
)
def test_lines_end_at_line_feeds_and_carriage_returns_only(text, lines):
    assert split_lines(text) == lines


@pytest.mark.parametrize(
    "answer",
    [
        "x" * 1_000_000,
        "," * 1_000_000,
        "a,\n" * 300_000,
        "> " * 500_000,
        "`" * 1_000_000,
    ],
    ids=["one line", "commas", "lines", "quotes", "backticks"],
)
def test_a_megabyte_is_read_verbatim(answer):
    longer = "~~~~answer-text\n" + answer + "\n~~~~\n"
    text = case_text().replace("```answer-text\nA\n```\n", longer)
    assert read(text).answer.text == answer
