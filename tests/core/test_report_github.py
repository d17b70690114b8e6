"""GitHub's annotations: one line each, whatever they hold."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pytest_evalmd.case.problems import printable
from pytest_evalmd.report.github import LONGEST, SHOWN, Annotation, write_annotations

ONE = Annotation(path="a/case.md", line=7, title="named: Which?", message="no reply")


def test_an_annotation():
    assert write_annotations([ONE]) == [
        "::error file=a/case.md,line=7,title=named%3A Which?::no reply"
    ]


def test_more_than_are_shown_are_counted():
    many = [Annotation(path="a.md", line=n, title="t", message="m") for n in range(13)]
    lines = write_annotations(many[::-1])
    assert [line.split(",")[1] for line in lines[:-1]] == [
        f"line={n}" for n in range(SHOWN)
    ]
    assert lines[-1] == "::notice::3 more failures are in the report and in the log"


@given(
    st.text(alphabet=st.characters(exclude_categories=()))
    | st.text(alphabet=":%,\n\r;a")
)
@example("x\n::set-output name=a::b\r\n::stop-commands::x")
@example("a%0Ab,c=d::e")
@example("x" * 9999)
def test_nothing_ends_an_annotation_or_a_property(text):
    (line,) = write_annotations(
        [Annotation(path=text, line=1, title=text, message=text)]
    )
    assert "\n" not in line
    assert "\r" not in line
    _, head, data = line.split("::", 2)
    properties = dict(one.split("=", 1) for one in head[len("error ") :].split(","))
    assert [*properties] == ["file", "line", "title"]
    decoded = properties["title"].replace("%3A", ":").replace("%2C", ",")
    assert decoded == data or len(text) > LONGEST


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("::error::x", r"\x3a:error::x"),
        ("  ::add-mask::x", r"  \x3a:add-mask::x"),
        ("see ##[error]x", r"see #\x23[error]x"),
        ("case.md::measure", "case.md::measure"),
        ("## [x]", "## [x]"),
    ],
)
def test_no_text_in_the_log_is_a_command(text, shown):
    assert printable(text) == shown
