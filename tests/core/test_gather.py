"""Cases -> a report: what stands together, and what recordings add."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_texts import block, case_text, read
from hypothesis import given
from hypothesis import strategies as st
from report_values import measure

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.question import question_of
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.report.document import AnswerReport
from pytest_evalmd.report.gather import (
    LARGEST,
    Entry,
    number_of,
    questions_of,
    report_of_cases,
)

RATING = ("id: m", "description: D", "type: ai", "prompt: P", "output: integer")


def entry(path, query="Q", *, text="A", model="", tags=(), measures=()):
    answer = AnswerReport(model=model, text=text, path=path, measures=measures)
    return Entry(query=query, tags=tags, answer=answer)


def laid_out(*entries):
    """Give folder, name and paths of every question."""
    return [
        (one.folder, one.name, [answer.path for answer in one.answers])
        for one in questions_of(entries)
    ]


def test_files_of_a_folder_that_ask_the_same_are_one_question():
    found = laid_out(
        entry("o/acme/t/query-10/tern.md", "T"),
        entry("o/acme/t/query-10/larch.md", "T"),
        entry("o/acme/t/query-2/larch.md", "L"),
        entry("o/acme/t/query-2/blank.md", "L", text=""),
        entry("o/other/t/query-1/blank.md", "M", text=" "),
    )
    assert found == [
        ("acme/t", "query-2", ["o/acme/t/query-2/larch.md"]),
        (
            "acme/t",
            "query-10",
            ["o/acme/t/query-10/larch.md", "o/acme/t/query-10/tern.md"],
        ),
        ("other/t", "query-1", ["o/other/t/query-1/blank.md"]),
    ]


def test_files_that_ask_different_things_are_named_by_themselves():
    found = laid_out(entry("x/b.md", "B"), entry("x/a.md", "A"), entry("x/blank.md"))
    assert [one[:2] for one in found] == [("", "a"), ("", "b"), ("", "blank")]


def test_two_queries_of_a_folder_with_two_answers_each():
    paths = ("x/1-larch.md", "x/1-tern.md", "x/2-larch.md", "x/2-tern.md")
    found = laid_out(*(entry(path, path[2]) for path in paths))
    assert [one[1] for one in found] == ["1-larch", "2-larch"]


@pytest.mark.parametrize(
    ("path", "model", "expected"),
    [
        ("x/y/q-1/larch-2.md", "Larch 2", ("x/y", "q-1")),
        ("x/y/q-1/notes.md", "larch", ("x/y/q-1", "notes")),
        ("x/y/q-1/notes.md", "", ("x/y/q-1", "notes")),
        ("q.md", "q", ("", "q")),
    ],
)
def test_a_file_alone_in_its_folder(path, model, expected):
    others = entry("z/q.md", "Z")
    found = laid_out(entry(path, model=model), others)
    assert found[0][:2] == expected


def test_only_cases_of_one_folder_have_no_folder():
    assert laid_out(entry("x/y/a.md"), entry("x/y/b.md", "B")) == [
        ("", "a", ["x/y/a.md"]),
        ("", "b", ["x/y/b.md"]),
    ]
    assert questions_of([]) == ()


def test_part_of_a_folders_name_is_no_common_beginning():
    found = laid_out(entry("walks/a.md"), entry("walks-2/a.md"))
    assert [one[0] for one in found] == ["walks", "walks-2"]


def test_a_new_answer_stands_beside_the_recorded_one():
    old = entry("x/a.md", model="larch")
    new = replace(old, answer=replace(old.answer, model="tern", new=True))
    [found] = questions_of([old, new])
    assert [(one.model, one.new) for one in found.answers] == [
        ("larch", False),
        ("tern", True),
    ]
    assert found.name == "a"


def test_a_case_without_an_answer_on_hand_that_was_measured_is_kept():
    run = entry("x/b.md", text="", measures=(measure("passed"),))
    skipped = entry("x/blank.md", text="", measures=(measure("skipped"),))
    [found] = questions_of([run, skipped, entry("x/a.md")])
    assert [one.path for one in found.answers] == ["x/a.md", "x/b.md"]


def test_tags_are_those_of_all_files():
    [found] = questions_of(
        [entry("x/a.md", tags=("b", "a")), entry("x/b.md", tags=("a", "c"))]
    )
    assert found.tags == ("b", "a", "c")


def path_of(file):
    return "/".join([*file[0], file[1]])


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(["a", "b", "10", "9", "x1"]), max_size=3),
            st.sampled_from(["a.md", "b.md", "blank.md", "2.md", "10.md"]),
            st.sampled_from("QRS"),
            st.sampled_from(["", "text"]),
        ),
        unique_by=path_of,
    )
)
def test_no_answer_is_lost_and_order_does_not_matter(files):
    entries = [entry(path_of(file), query=file[2], text=file[3]) for file in files]
    found = questions_of(entries)
    paths = [answer.path for one in found for answer in one.answers]
    assert len(paths) == len(set(paths))
    assert {one.answer.path for one in entries if one.answer.text} <= set(paths)
    assert {one.query for one in found} == {one.query for one in entries}
    assert found == questions_of(reversed(entries))


def reported(case, *replies):
    found = report_of_cases(
        [("x/a.md", case)],
        title="T",
        date="2026-11-21",
        plugin="1",
        replies=lambda path: replies if path == "x/a.md" else (),
    )
    return found.questions[0].answers[0].measures


def results(*texts, human=None):
    lines = [block("evaluation-yaml", '- measure: "D"', "  type: ai")]
    lines += [block("evaluation-result-text", text) for text in texts]
    lines += [block("human-result-text", human)] if human else []
    return "".join(lines)


def remembered(case, response, *, sample=0, date="2026-01-02", prompt=None, **usage):
    measure = case.measures["m"]
    if prompt:
        measure = replace(measure, prompt=prompt)
    texts = {"answer": case.answer.text}
    if measure.inputs:
        texts["input"] = case.query.text
    question = question_of(measure, model="judge", texts=texts, parameters={"t": 1})
    return Remembered(
        measure_id="m",
        question=question,
        sample=sample,
        key=question.key(sample),
        model="judge-2026",
        date=date,
        reason=f"reason {response}",
        response=response,
        usage=Usage(**usage),
    )


def test_what_a_case_records_is_reported_as_it_stands():
    case = read(case_text(RATING, front="---\nmodel: larch\n---\n", tail=results("9")))
    [found] = reported(case)
    assert (found.state, found.recorded_text, found.number) == ("recorded", "9", 9.0)
    assert (found.measure, found.description, found.type) == ("m", "D", "ai")
    assert (found.model, found.computed_text) == ("larch", None)
    assert (found.reason, found.provenance, found.judge_model) == ("", "", None)


def test_the_frontmatters_judge_is_named_for_what_it_judges():
    front = "---\njudge: {model: plumb}\n---\n"
    logic = ("id: n", "description: E", "type: programmatic", "input: m", "logic: x")
    case = read(case_text(RATING, logic, front=front))
    assert [one.judge_model for one in reported(case)] == ["plumb", None]


@pytest.mark.parametrize("tail", ["", results(""), results(" ")])
def test_nothing_recorded(tail):
    case = read(case_text(RATING, tail=tail))
    [found] = reported(case, remembered(case, None))
    assert (found.state, found.number, found.reason) == ("unrecorded", None, "")


def test_not_answered():
    [found] = reported(read(case_text(RATING, answer="", tail=results("9"))))
    assert found.state == "unanswered"


def test_a_result_that_is_not_what_its_measure_gives_is_shown_all_the_same():
    [found] = reported(read(case_text(RATING, tail=results("many"))))
    assert (found.state, found.recorded_text, found.number) == (
        "recorded",
        "many",
        None,
    )


def test_what_a_person_says():
    [found] = reported(read(case_text(RATING, tail=results("9", human="7"))))
    assert found.human_text == "7"


def test_the_reply_that_gave_the_result_tells_why():
    case = read(case_text(RATING, tail=results("9")))
    gave = remembered(case, 9, asked=10, answered=2)
    [found] = reported(case, remembered(case, 8, prompt="Old"), gave)
    assert found.reason == "reason 9"
    assert found.judge_model == "judge-2026"
    assert found.provenance == (
        "recorded from judge-2026 on 2026-01-02; it was asked the same then"
    )
    assert found.usage == Usage(asked=10, answered=2)
    assert found.votes == ()


def test_provenance_says_what_changed_since():
    case = read(case_text(RATING, tail=results("9")))
    [found] = reported(case, remembered(case, 9, prompt="Old"))
    assert "the prompt changed since then" in found.provenance


def test_what_an_input_would_be_is_not_held_against_a_reply():
    case = read(case_text((*RATING, "input: query"), tail=results("9")))
    [found] = reported(case, remembered(case, 9))
    assert "asked the same" in found.provenance


def test_several_samples_are_votes_and_their_tokens_add_up():
    case = read(case_text((*RATING, "samples: 3"), tail=results("9")))
    replies = [
        remembered(case, 9, sample=2, asked=5),
        remembered(case, 8, sample=1, asked=5, cached=1),
        remembered(case, 9, sample=0),
    ]
    [found] = reported(case, *replies, remembered(case, 1, prompt="Old"))
    assert found.votes == ("9", "8", "9")
    assert found.usage == Usage(asked=10, cached=1)


def test_replies_of_other_measures_say_nothing():
    case = read(case_text(RATING, tail=results("9")))
    [found] = reported(case, replace(remembered(case, 9), measure_id="other"))
    assert found.reason == ""


def test_a_report_tells_of_files_that_could_not_be_read():
    problems = []

    def cases():
        problems.append("b.md:1: no query")
        yield "a.md", read(case_text(RATING))

    found = report_of_cases(
        cases(), title="T", date="2026-11-21", plugin="1", problems=problems
    )
    assert found.problems == ("b.md:1: no query",)
    assert (found.title, found.date, found.plugin) == ("T", "2026-11-21", "1")
    assert found.questions[0].query == "Q"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (9, 9.0),
        (0.5, 0.5),
        (True, None),
        ("9", None),
        (None, None),
        (10**400, None),
        (LARGEST * 10, None),
    ],
)
def test_numbers_that_can_be_drawn(value, number):
    assert number_of(value) == number
