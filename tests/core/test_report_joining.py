"""Run files as a report: joined, told apart by answer, in the case's order."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pytest_evalmd.judge.model import Usage
from pytest_evalmd.report.joining import report_of_runs
from pytest_evalmd.verdict.runs import Run, RunCase, RunHead, RunOptions, RunResult

HEAD = RunHead(plugin="0.1.0", date="2026-11-20")
PATH = "cases/Alpha/second-line/query-1/gpt-4.md"
RESULT = RunResult(
    case=PATH,
    measure="named",
    type="ai",
    outcome="passed",
    description="Which ones?",
    judge_model="gpt-4.1",
    output="Zuvira",
    output_text="Zuvira",
    recorded_text="Zuvira",
    tags=("x",),
)
CASE = RunCase(
    case=PATH,
    query="Which one?",
    answer="Take Zuvira.",
    model="gpt-4",
    tags=("x", "y"),
    measures=("named", "score"),
)


def report(*runs):
    return report_of_runs(runs, title="Report", plugin="0.1.0")


def run(*results, cases=(CASE,), head=HEAD):
    return Run(head=head, results=results, cases=cases)


def only(found):
    (question,) = found.questions
    return question


def answers(*runs):
    return only(report(*runs)).answers


def measured(*runs):
    (answer,) = answers(*runs)
    return answer.measures


def test_all_of_a_result_is_there():
    result = replace(
        RESULT,
        variant="v",
        human_text="h",
        reason="r",
        provenance="p",
        problem="q",
        attribution="both",
        today_text="t",
        votes=("a", "b"),
        usage=Usage(asked=1),
        duration_s=0.5,
    )
    (found,) = measured(run(result))
    assert (found.measure, found.variant, found.state) == ("named", "v", "passed")
    assert (found.description, found.type, found.model) == (
        "Which ones?",
        "ai",
        "gpt-4",
    )
    assert (found.judge_model, found.recorded_text) == ("gpt-4.1", "Zuvira")
    assert (found.computed_text, found.number) == ("Zuvira", None)
    assert (found.human_text, found.reason, found.provenance) == ("h", "r", "p")
    assert (found.problem, found.attribution, found.today_text) == ("q", "both", "t")
    assert (found.votes, found.usage.asked) == (("a", "b"), 1)
    assert found.duration_s == 0.5


def test_the_case_says_what_was_asked():
    question = only(report(run(RESULT)))
    assert (question.query, question.tags) == ("Which one?", ("x", "y"))
    (answer,) = question.answers
    assert (answer.model, answer.text, answer.path) == ("gpt-4", "Take Zuvira.", PATH)
    assert not answer.new


def test_the_head_of_a_report():
    newer = replace(
        HEAD,
        date="2026-11-21",
        options=RunOptions(
            mode="live",
            judge_model="gpt-4.1",
            answer_models=("a", "b"),
            confirm=5,
            update_results=True,
        ),
    )
    found = report(run(RESULT, head=newer), run(RESULT))
    assert found.date == "2026-11-21"
    assert found.options == {
        "mode": "live, auto",
        "judge model": "gpt-4.1",
        "answer model": "a, b",
        "asked": "up to 5 times where a result differs",
        "results": "updated",
    }
    assert report(run(RESULT)).options == {"mode": "auto"}


def test_measures_stand_as_in_the_case_then_by_line():
    results = [
        replace(RESULT, measure="a", line=9),
        replace(RESULT, measure="b", line=8),
        replace(RESULT, measure="score"),
        RESULT,
    ]
    found = [one.measure for one in measured(run(*results))]
    assert found == ["named", "score", "b", "a"]


def test_the_order_of_results_and_cases_makes_no_difference():
    other = replace(RESULT, case="cases/b.md", measure="score")
    new = replace(RESULT, answer_model="gpt-5", variant="gpt-5")
    case = replace(CASE, answers={"gpt-5": "No."})
    results, cases = [RESULT, other, new], [case, replace(CASE, case="cases/b.md")]
    assert report(run(*results, cases=cases)) == report(
        run(*results[::-1], cases=cases[::-1])
    )


def test_new_answers_stand_beside_the_recorded_one():
    case = replace(CASE, answers={"gpt-5": "Take Lomanta."})
    new = replace(RESULT, answer_model="gpt-5", variant="gpt-5", outcome="failed")
    old, answer = answers(run(new, RESULT, cases=[case]))
    assert (old.model, old.new, old.text) == ("gpt-4", False, "Take Zuvira.")
    assert (answer.model, answer.new, answer.text) == ("gpt-5", True, "Take Lomanta.")
    assert [one.state for one in answer.measures] == ["failed"]
    assert answer.measures[0].model == "gpt-5"


def test_the_recorded_answer_is_shown_even_if_only_new_ones_were_measured():
    new = replace(RESULT, answer_model="gpt-5")
    old, answer = answers(run(new))
    assert (old.text, old.measures) == ("Take Zuvira.", ())
    assert (answer.text, len(answer.measures)) == ("", 1)


def test_of_several_runs_the_last_one_counts():
    later = replace(RESULT, output_text="Lomanta", outcome="failed")
    score = replace(RESULT, measure="score")
    found = measured(run(RESULT, score), run(later))
    assert [one.state for one in found] == ["failed", "passed"]


def test_results_of_another_text_are_not_mixed():
    other = replace(CASE, answer="Take nothing.")
    first, second = answers(run(RESULT), run(RESULT, cases=[other]))
    assert {first.text, second.text} == {"Take Zuvira.", "Take nothing."}


def test_results_without_their_cases_text_are_shown():
    other = replace(RESULT, case=PATH.replace("gpt-4", "other"))
    found = report(run(RESULT, other, cases=[]))
    assert len(found.questions) == 2
    for question, result in zip(found.questions, (RESULT, other), strict=True):
        (answer,) = question.answers
        assert question.query == f"(the run file does not say: {result.case})"
        assert (answer.text, answer.model, question.tags) == ("", "", ("x",))
        assert len(answer.measures) == 1


@pytest.mark.parametrize(
    ("fields", "number"),
    [
        ({"output": 7, "output_text": "7", "recorded_text": "9"}, 7.0),
        ({"output": None, "output_text": None, "recorded_text": "9"}, 9.0),
        ({"output": None, "output_text": None, "recorded_text": ""}, None),
        ({"output": "7", "output_text": "7", "recorded_text": "9"}, None),
    ],
)
def test_a_number(fields, number):
    assert measured(run(replace(RESULT, **fields)))[0].number == number


@pytest.mark.parametrize(
    ("answer", "outcome", "state"),
    [
        ("", "skipped", "unanswered"),
        ("A", "skipped", "skipped"),
        ("", "error", "error"),
    ],
)
def test_a_case_that_waits_for_an_answer(answer, outcome, state):
    case = replace(CASE, answer=answer)
    assert (
        measured(run(replace(RESULT, outcome=outcome), cases=[case]))[0].state == state
    )
