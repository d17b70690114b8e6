"""Reports as Markdown and JSON: nothing of a stranger has an effect, nothing is lost."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import jsonschema
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.request import visible
from pytest_evalmd.report.document import (
    AnswerReport,
    MeasureReport,
    QuestionReport,
    Report,
)
from pytest_evalmd.report.escaping import code, fenced, words
from pytest_evalmd.report.json_report import write_json_report
from pytest_evalmd.report.markdown_measure import IN_CELL, NOT_PASSED, STATES
from pytest_evalmd.report.markdown_report import LISTED, write_markdown_report

SCHEMA = json.loads(
    files("pytest_evalmd.report").joinpath("report.schema.json").read_text()
)
NASTY = (
    "a|b `x` ``` ~~~ \\| \\\\ $x$ $$y$$ [[link]] ![[embed]] #tag @all %%hidden%% ==hi==\n"
    "<script>alert(1)</script> &amp; {{x}} \"'\n"
    "```query-text\n> [!query]\n"
    "````\n"
    "# heading\n| table |\n|---|\n"
    "👩\u200d🔬 שלום עולم \u202e\x1b[31m"
)
MEASURE = MeasureReport(
    measure="brands",
    description="Which brands are named?",
    type="ai",
    state="failed",
    variant="v",
    model="gpt-5",
    judge_model="gpt-4.1",
    recorded_text="Zuvira",
    computed_text="Zuvira,Lomanta",
    number=9.0,
    human_text="Lomanta",
    reason="It says so.",
    provenance="recorded from gpt-4.1 on 2026-11-01",
    attribution="answer",
    today_text="Zuvira",
    votes=("Zuvira,Lomanta", "Zuvira,Lomanta"),
    usage=Usage(asked=3, answered=2),
    duration_s=1.23456,
)
PLAIN = MeasureReport(measure="m", description="", type="ai", state="passed")
ANSWER = AnswerReport(
    model="gpt-5", text="Take Zuvira.", path="c/Alpha/t/q/gpt-5.md", new=True
)
QUESTION = QuestionReport(
    query="Which one?", folder="Alpha/second-line", name="query-1"
)
REPORT = Report(title="Report of cases", date="2026-11-20", plugin="0.1.0")
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
SIGNS = st.text(alphabet="|`\\ \n<>$=%#@[]!*_~-+:.1aÄé(\u202e\u2028\r\t&;")


def of(*measures, question=QUESTION, **fields):
    """Give a report of one answer."""
    answer = replace(ANSWER, measures=measures, **fields)
    return replace(REPORT, questions=(replace(question, answers=(answer,)),))


def tokens(text):
    return MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)


def cells(text):
    """Give every cell of every table as a reader sees it."""
    found, parsed = [], tokens(text)
    for before, token in pairwise(parsed):
        if before.type == "td_open":
            found.append("".join(map(_seen, token.children)))
    return found


def _seen(token):
    if token.type == "html_inline":
        return {"<br>": "\n"}.get(token.content, "")
    assert token.type in ("text", "code_inline", "text_special"), token
    return token.content.lstrip("\u200b")


class TestMarkdown:
    def test_it_reads_as_a_note(self):
        other = replace(MEASURE, measure="m", state="passed", reason="", votes=())
        other = replace(other, recorded_text="Zuvira,Lomanta", variant="gpt-5")
        other = replace(other, attribution=None, provenance="", human_text="")
        report = of(MEASURE, replace(other, today_text=None))
        report = replace(report, options={"mode": "auto"}, problems=("a.md:1: bad",))
        assert write_markdown_report(report) == (
            """\
# Report of cases

2026-11-20 · pytest-evalmd 0.1.0 · mode auto

**Not read: 1**

- `a.md:1: bad`

| folder | measures | ✅ passed | ❌ failed |
|---|--:|--:|--:|
| Alpha | 2 | 1 | 1 |

| model | measures | ✅ passed | ❌ failed |
|---|--:|--:|--:|
| gpt-5 | 2 | 1 | 1 |

**Not passed: 1**

- ❌ failed: Alpha/second-line / query-1 / gpt-5, Which brands are named? `v`: \
`Zuvira,Lomanta`<br>recorded: `Zuvira`<br>the recorded answer, judged today: `Zuvira`\
<br>a person says: `Lomanta`

## Alpha

### second-line

#### query-1

> Which one?

##### gpt-5 (new answer)

`c/Alpha/t/q/gpt-5.md`

```text
Take Zuvira.
```

| measure | result | outcome |
|---|---|---|
| Which brands are named? `v` | `Zuvira,Lomanta`<br>recorded: `Zuvira`<br>\
the recorded answer, judged today: `Zuvira`<br>a person says: `Lomanta` | ❌ failed |
| Which brands are named? | `Zuvira,Lomanta` | ✅ passed |

- **Which brands are named? `v`** the answer changed; asked 2 times: \
`Zuvira,Lomanta`, `Zuvira,Lomanta`; the judge's reason (gpt-4.1): It says so.; \
recorded from gpt-4.1 on 2026-11-01
"""
        )

    def test_a_folder_has_its_headings_once(self):
        names = [("", "a"), ("A", "b"), ("A/t", "c"), ("A/t", "d"), ("B/t/u", "e")]
        questions = tuple(
            replace(QUESTION, folder=folder, name=name, answers=())
            for folder, name in names
        )
        text = write_markdown_report(replace(REPORT, questions=questions))
        assert re.findall("^##.*", text, re.MULTILINE) == [
            "## a",
            "## A",
            "### b",
            "### t",
            "#### c",
            "#### d",
            "## B",
            "### t/u",
            "#### e",
        ]
        assert "|" not in text

    def test_many_are_counted_but_not_listed(self):
        many = tuple(
            replace(
                QUESTION, folder=f"f{n:03}", answers=(replace(ANSWER, measures=(m,)),)
            )
            for n in range(LISTED + 2)
            for m in [replace(MEASURE, state="error", problem="no reply")]
        )
        text = write_markdown_report(replace(REPORT, questions=many))
        head = text[: text.index("## f000")]
        assert f"**Not passed: {LISTED + 2}**" in head
        assert head.count("- ⚠️ error: ") == LISTED
        assert "| … and 2 more |  |  |" in head
        assert "- … and 2 more" in head
        assert f"| **all** | {LISTED + 2} | {LISTED + 2} |" in head

    @pytest.mark.parametrize("state", STATES)
    def test_every_state_is_said_in_words(self, state):
        text = write_markdown_report(of(replace(PLAIN, state=state)))
        assert f"| m | - | {STATES[state]} |" in text
        assert ("Not passed" in text) == (state in NOT_PASSED)

    @pytest.mark.parametrize(
        ("state", "said"),
        [
            ("unanswered", "_Not answered yet._"),
            ("skipped", "_Not answered yet._"),
            ("passed", "_The run file does not hold its text._"),
        ],
    )
    def test_an_answer_without_text(self, state, said):
        assert said in write_markdown_report(of(replace(PLAIN, state=state), text=" "))

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"recorded_text": "9", "state": "recorded"}, "`9`"),
            ({"computed_text": "", "recorded_text": "9"}, "` `<br>recorded: `9`"),
            ({"problem": "no reply"}, "no reply"),
            (
                {"problem": "no reply", "recorded_text": "9"},
                "no reply<br>recorded: `9`",
            ),
            ({"human_text": "8"}, "a person says: `8`"),
        ],
        ids=str,
    )
    def test_a_result(self, fields, said):
        text = write_markdown_report(of(replace(PLAIN, **fields)))
        assert f"| m | {said} |" in text

    def test_a_long_result_stands_below(self):
        long = "\n".join(map(str, range(100)))
        fields = {"computed_text": long, "recorded_text": "x" * (IN_CELL + 1)}
        text = write_markdown_report(of(replace(PLAIN, **fields)))
        assert (
            f"\nm:\n\n{fenced(long)}\n\nm, recorded:\n\n{fenced('x' * 401)}\n" in text
        )
        assert max(map(len, cells(text))) < 200

    def test_nothing_of_a_stranger_has_an_effect(self):
        measure = replace(
            MEASURE,
            **dict.fromkeys(
                ("description", "computed_text", "recorded_text", "reason"), NASTY
            ),
            variant=NASTY,
            judge_model=NASTY,
            problem=NASTY,
            provenance=NASTY,
            votes=(NASTY, NASTY),
        )
        question = replace(
            QUESTION, query=NASTY, name=NASTY, folder=f"{NASTY}/{NASTY}", tags=(NASTY,)
        )
        report = of(measure, question=question, text=NASTY, model=NASTY, path=NASTY)
        report = replace(report, title=NASTY, problems=(NASTY,), options={"m": NASTY})
        text = write_markdown_report(report)
        fences = [token for token in tokens(text) if token.type == "fence"]
        assert {token.info for token in fences} == {"text"}
        assert [token.content for token in fences] == [visible(NASTY) + "\n"] * 2
        headings = [token for token in tokens(text) if token.type == "heading_open"]
        assert len(headings) == 5
        assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
        inline = [child for token in tokens(text) for child in token.children or ()]
        kinds = {"text", "code_inline", "html_inline"}
        assert {one.type for one in inline} == {*kinds, "strong_open", "strong_close"}
        in_code = False
        for child in inline:
            if child.type == "html_inline":
                assert child.content in ("<br>", "<code>", "</code>")
                in_code = child.content == "<code>" or (
                    in_code and "/" not in child.content
                )
            elif child.type == "text" and not in_code:
                assert not set(child.content) & set("<>[]`#@$*=&\\|")

    @given(ANY_TEXT | SIGNS)
    @example(NASTY)
    @example(" a ")
    @example("`")
    @example("=dv.x")
    @example("$=dv.x")
    def test_a_result_is_seen_as_it_is(self, text):
        fields = {"computed_text": text, "recorded_text": text}
        written = write_markdown_report(of(replace(PLAIN, **fields)))
        _, seen, outcome = cells(written)[-3:]
        assert outcome == "✅ passed"
        lines = zip(seen.split("\n"), visible(text).split("\n"), strict=False)
        for shown, line in lines:
            if "(below)" not in seen:
                assert shown == line or (shown, line) == (" ", "")

    @given(ANY_TEXT | SIGNS)
    @example("1. one")
    @example("0\xa0")
    @example("www.example.com")
    @example("see GH-12")
    @example("100 % of 18:30 in snake_case")
    def test_words_are_words_or_code(self, text):
        line = visible(text).replace("\n", " ")
        inline = MarkdownIt("commonmark", {"html": True}).parse(words(line))
        assert [token.type for token in inline] == [
            "paragraph_open",
            "inline",
            "paragraph_close",
        ]
        kinds = [child.type for child in inline[1].children]
        if kinds == ["text"]:
            assert inline[1].content == line
            assert not re.search(r"[<>\[\]`#@$*~|&\\{}=^]|www\.|GH-\d|//:|%%", line)
        else:
            assert set(kinds) <= {"code_inline", "html_inline", "text", "text_special"}
            assert "code_inline" in kinds or "<code>" in inline[1].content

    @given(ANY_TEXT | SIGNS)
    @example(NASTY)
    def test_a_fence_holds_everything(self, text):
        (token,) = tokens(fenced(text))
        assert (token.type, token.info) == ("fence", "text")
        assert token.content == visible(text).replace("\0", "\ufffd") + "\n"

    def test_code_with_pipes_is_no_code_span(self):
        assert code("a|`b`") == "<code>a&#124;&#96;b&#96;</code>"
        assert html.unescape(code("a|`b`")) == "<code>a|`b`</code>"


class TestLimit:
    MANY = replace(
        REPORT,
        questions=tuple(
            replace(QUESTION, name=f"query-{n}", answers=(ANSWER,)) for n in range(9)
        ),
    )

    def test_what_fits_is_whole(self):
        whole = write_markdown_report(self.MANY)
        room = len(whole.encode()) + 100
        assert write_markdown_report(self.MANY, limit=room) == whole

    @pytest.mark.parametrize("room", range(200, 1100, 97))
    def test_what_does_not_fit_is_left_out_and_said(self, room):
        text = write_markdown_report(self.MANY, limit=room)
        assert len(text.encode()) <= room
        shown = text.count("#### query-")
        assert re.search(rf"_{9 - shown} questions? (is|are) left out here", text)
        assert text.count("```") == 2 * shown

    def test_one(self):
        whole = len(write_markdown_report(self.MANY).encode())
        text = write_markdown_report(self.MANY, limit=whole)
        assert text.endswith(
            "_1 question is left out here: there is no room for more._\n"
        )


class TestJson:
    def test_a_question_a_line(self):
        report = replace(of(MEASURE), options={"mode": "auto"}, problems=("a.md:1: x",))
        text = write_json_report(report)
        assert text == (
            "{\n"
            ' "format": "evalmd-report/1",\n'
            ' "title": "Report of cases",\n'
            ' "date": "2026-11-20",\n'
            ' "plugin": "0.1.0",\n'
            ' "options": {"mode": "auto"},\n'
            ' "problems": ["a.md:1: x"],\n'
            ' "totals": {"questions": 1, "answers": 1, "measures": 1, '
            '"states": {"failed": 1}},\n'
            ' "questions": [\n'
            '  {"folder": "Alpha/second-line", "name": "query-1", "query": "Which one?", '
            '"answers": [{"path": "c/Alpha/t/q/gpt-5.md", "model": "gpt-5", '
            '"text": "Take Zuvira.", "new": true, "measures": [{"measure": "brands", '
            '"variant": "v", "description": "Which brands are named?", "type": "ai", '
            '"state": "failed", "model": "gpt-5", "judge_model": "gpt-4.1", '
            '"number": 9.0, "computed_text": "Zuvira,Lomanta", "today_text": "Zuvira", '
            '"recorded_text": "Zuvira", "human_text": "Lomanta", "reason": "It says so.", '
            '"provenance": "recorded from gpt-4.1 on 2026-11-01", "attribution": '
            '"answer", "votes": ["Zuvira,Lomanta", "Zuvira,Lomanta"], '
            '"usage": {"asked": 3, "answered": 2}, "duration_s": 1.235}]}]}\n'
            " ]\n"
            "}\n"
        )
        jsonschema.validate(json.loads(text), SCHEMA)

    def test_the_file_in_the_docs_is_one_as_it_is_written(self):
        page = Path(__file__).parents[2].joinpath("docs/reports.md").read_text("utf-8")
        (text,) = re.findall("```json\n(.*?)```", page, re.DOTALL)
        document = json.loads(text)
        jsonschema.validate(document, SCHEMA)
        (question,) = document["questions"]
        (answer,) = question.pop("answers")
        measures = [MeasureReport(**one) for one in answer.pop("measures")]
        answers = (AnswerReport(**answer, measures=tuple(measures)),)
        head = {key: document[key] for key in ("title", "date", "plugin", "options")}
        questions = (QuestionReport(**question, answers=answers),)
        assert write_json_report(Report(**head, questions=questions)) == text

    def test_the_schema_knows_no_other_keys(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        document = json.loads(write_json_report(of(MEASURE)))
        document["questions"][0]["answers"][0]["measures"][0]["url"] = "x"
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document, SCHEMA)

    @given(ANY_TEXT, st.sampled_from([*STATES]))
    @example(NASTY, "passed")
    def test_any_text_survives(self, text, state):
        measure = replace(
            MEASURE, computed_text=text, today_text=text, reason=text, state=state
        )
        written = write_json_report(of(measure, text=text, model=text, path=text))
        written.encode()
        document = json.loads(written)
        jsonschema.validate(document, SCHEMA)
        (answer,) = document["questions"][0]["answers"]
        assert answer.get("text", "") == text
        (found,) = answer["measures"]
        assert found["computed_text"] == found["today_text"] == text
        assert found.get("reason", "") == text
