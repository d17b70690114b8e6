"""A report -> what it comes to: counts, rates, scores, moves; and its matrix."""

from __future__ import annotations

import pytest
from report_values import answer, measure, question, rating, report, report_of

from pytest_evalmd.report.matrix import tables_of
from pytest_evalmd.report.summary import summary_of
from pytest_evalmd.verdict.stats import wilson


def summed(*measures):
    return summary_of(report_of(*measures))


def test_nothing_at_all():
    found = summary_of(report())
    assert (found.run, found.checked, found.broken, found.rate) == (False, 0, 0, None)
    assert (found.rates, found.scores, found.failed) == ([], [], [])


def test_recorded_cases_are_no_run():
    found = summed(rating(9, state="recorded"), measure("unanswered"))
    assert not found.run
    assert found.rate is None
    assert summed(measure("error")).run


def test_what_was_held_against_a_result_counts():
    states = ("passed", "updated", "failed", "error", "blocked", "skipped")
    found = summed(*map(measure, states), measure("unrecorded"))
    assert (found.checked, found.broken) == (3, 2)
    assert (found.rate.passed, found.rate.n) == (2, 3)
    assert found.rate.interval == wilson(2, 3)


def test_rates_are_by_measure_the_worst_first():
    found = summed(
        *(measure(name="good"), measure(name="bad"), measure("failed", name="bad")),
        measure("error", name="none"),
    )
    rates = [(rate.measure, rate.passed, rate.n) for rate in found.rates]
    assert rates == [("bad", 1, 2), ("good", 1, 1)]


def test_scores_are_means_by_model():
    answers = (
        answer(rating(4), rating(8), model="tern"),
        answer(rating(5), model="larch"),
    )
    found = summary_of(report(question(*answers)))
    scores = [(s.model, s.n, s.mean, s.interval is None) for s in found.scores]
    assert scores == [("larch", 1, 5.0, True), ("tern", 2, 6.0, False)]
    assert not any(score.share for score in found.scores)


def test_scores_of_yes_or_no_are_shares():
    texts = ("true", "false", "true", "perhaps")
    found = summed(*(measure("recorded", recorded_text=text) for text in texts))
    [score] = found.scores
    assert (score.share, score.n, score.mean) == (True, 3, pytest.approx(2 / 3))
    assert score.interval == wilson(2, 3)


def test_what_was_computed_counts_and_not_what_was_recorded():
    found = summed(measure("failed", recorded_text="true", computed_text="false"))
    assert found.scores[0].mean == 0
    assert summed(rating(9, 4)).scores[0].mean == 4


def test_a_measures_own_model_goes_before_the_answers():
    assert summed(rating(9, model="larch")).scores[0].model == "larch"


def test_moves_are_sorted_by_their_share_of_the_range():
    found = summed(
        rating(9, 8, name="rating"),
        rating(1, 10, name="rating", state="passed"),
        rating(0, 1000, name="metres"),
        measure("failed", name="text", recorded_text="a", computed_text="b"),
    )
    names = [one.measure.measure for one in found.failed]
    assert names == ["text", "metres", "rating"]
    assert found.ranges == {"rating": (1, 10), "metres": (0, 1000)}
    assert (found.down, found.up) == (1, 1)
    assert [one.place for one in found.failed] == [(0, 0, 3), (0, 0, 2), (0, 0, 0)]


def test_a_number_that_differs_without_having_moved_is_the_least():
    found = summed(
        rating(7, 7, state="failed", name="same"), rating(1, 2, name="moved")
    )
    assert [one.measure.measure for one in found.failed] == ["moved", "same"]
    assert (found.down, found.up) == (0, 1)


def test_numbers_need_both_sides():
    texts = [{"recorded_text": "many"}, {"recorded_text": ""}]
    found = summed(
        *(measure("failed", computed_text="1", number=1, **one) for one in texts),
        measure("failed", recorded_text="1", number=1),
    )
    assert [one.numbers for one in found.failed] == [None, None, None]


def test_votes_say_how_sure():
    found = summed(
        rating(9, 4, votes=("4", "4", "4")),
        rating(9, 5, votes=("5", "9", "5")),
        rating(9, 6, votes=("6",)),
        rating(9, 7),
        rating(9, 9, votes=("9", "8")),
    )
    assert (found.asked_again, found.unanimous) == (2, 1)
    votes = [one.votes for one in found.failed]
    assert votes == ["3 of 3 votes", "2 of 3 votes", "", ""]


def test_why_results_moved():
    whys = ("answer", "judge", "answer", None)
    found = summed(*(measure("failed", attribution=why) for why in whys))
    assert found.attributions == {"answer": 2, "judge": 1, None: 1}


def test_a_measure_with_several_descriptions_has_none():
    found = summed(
        measure(name="a", description="One?"),
        measure(name="a", description="One?"),
        measure(name="b", description="One?"),
        measure(name="b", description="Two?"),
        measure(name="b", description="One?"),
    )
    assert found.descriptions == {"a": "One?", "b": ""}


def test_numbers_that_no_picture_holds_are_left_out():
    found = summed(rating(1, float("inf")), rating(1, float("nan")))
    assert [one.numbers for one in found.failed] == [None, None]
    assert found.scores == []


def test_folders_with_the_same_measures_share_a_table():
    one, other = answer(measure(name="m")), answer(measure(name="n"))
    tables = tables_of(
        [
            question(one, folder="a", name="1"),
            question(one, one, folder="a", name="2"),
            question(one, folder="b"),
            question(other, folder="c"),
        ]
    )
    assert [table.measures for table in tables] == [("m",), ("n",)]
    groups = [[group.folder for group in table.groups] for table in tables]
    assert groups == [["a", "b"], ["c"]]
    places = [(row.number, row.place) for row in tables[0].groups[0].rows]
    assert places == [(0, 0), (1, 0), (1, 1)]


def test_columns_are_all_measures_of_the_folder():
    answers = answer(measure(name="b")), answer(measure(name="a"), measure(name="b"))
    [table] = tables_of([question(*answers)])
    assert table.measures == ("b", "a")
    first, second = table.groups[0].rows
    assert [cell and cell.measure.measure for cell in first.cells] == ["b", None]
    assert [cell.index for cell in second.cells] == [1, 0]


def test_of_variants_the_worst_is_shown():
    measures = (
        measure(variant="x"),
        measure("failed", variant="y", recorded_text="9", computed_text="4"),
        measure("error", variant="z"),
    )
    [table] = tables_of([question(answer(*measures))])
    [cell] = table.groups[0].rows[0].cells
    assert (cell.measure.variant, cell.index, cell.more) == ("y", 1, 2)
    assert cell.text == "9 → 4"


def test_long_results_are_cut_in_the_matrix():
    long = measure("failed", recorded_text="x" * 99, computed_text="y\nz")
    [table] = tables_of([question(answer(long), query="why " * 99)])
    [row] = table.groups[0].rows
    assert row.cells[0].text == "x" * 21 + "… → y z"
    assert len(row.excerpt) == 120


@pytest.mark.parametrize("state", ["error", "blocked", "unanswered", "skipped"])
def test_what_has_no_result_shows_no_recorded_one(state):
    [table] = tables_of([question(answer(measure(state, recorded_text="9")))])
    assert table.groups[0].rows[0].cells[0].text == ""
