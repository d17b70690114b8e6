"""Statistics held against scipy, statsmodels and scikit-learn, by a committed table."""

from __future__ import annotations

import json
import math
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.verdict import stats
from pytest_evalmd.verdict.stats import (
    Interval,
    agreement,
    confusion,
    holm,
    kappa,
    mcnemar,
    mean,
    mean_interval,
    needed,
    wilson,
)

TABLE = json.loads(
    Path(__file__).parents[1].joinpath("reference/statistics.json").read_text("utf-8")
)


def agrees(expected):
    if expected is None:
        return None
    return pytest.approx(expected, rel=1e-9, abs=1e-9)


class TestMcnemar:
    @pytest.mark.parametrize("row", TABLE["mcnemar"], ids=str)
    def test_is_the_binomial_test_of_scipy(self, row):
        expected = 1.0 if row["p"] is None else row["p"]
        found = mcnemar(row["worse"], row["better"])
        assert found == agrees(expected)
        assert found == pytest.approx(expected, rel=1e-9)  # tiny ones too

    @given(st.integers(0, 60), st.integers(0, 60))
    def test_is_the_sum_that_it_says(self, worse, better):
        n = worse + better
        tail = sum(math.comb(n, i) for i in range(worse, n + 1))
        assert mcnemar(worse, better) == pytest.approx(tail / 2**n, rel=1e-12)

    def test_of_very_many_changes_neither_overflows_nor_lasts(self):
        assert mcnemar(60_000, 40_000) == 0
        assert mcnemar(40_000, 60_000) == 1

    @pytest.mark.parametrize(
        ("better", "expected"), [(0, 5), (1, 7), (2, 9), (3, 10), (10, 20), (100, 126)]
    )
    def test_how_many_are_needed(self, better, expected):
        assert needed(better) == expected
        assert mcnemar(expected, better) <= 0.05 < mcnemar(expected - 1, better)


@pytest.mark.parametrize("row", TABLE["wilson"], ids=str)
def test_wilson_is_that_of_statsmodels(row):
    assert wilson(row["successes"], row["n"]) == agrees(row["interval"] or [0, 1])


def test_wilson_reaches_the_ends():
    assert wilson(0, 7).low == 0
    assert wilson(7, 7).high == 1


@pytest.mark.parametrize("row", TABLE["holm"], ids=lambda row: str(row["p"]))
def test_holm_is_that_of_statsmodels(row):
    assert holm(row["p"]) == agrees(row["adjusted"])


class TestMeans:
    @pytest.mark.parametrize("row", TABLE["bootstrap"], ids=range(5))
    def test_the_bootstrap_is_the_same_draws_by_numpy_and_near_scipys(self, row):
        found = mean_interval(row["clusters"])
        assert found == agrees(row["interval"])
        if row["scipy"]:
            width = row["scipy"][1] - row["scipy"][0]
            assert found == pytest.approx(row["scipy"], abs=0.05 * width)

    @pytest.mark.parametrize("row", TABLE["standard_error"], ids=range(3))
    def test_many_clusters_have_the_interval_of_statsmodels(self, row):
        assert len(row["clusters"]) > stats.MAX_RESAMPLED
        assert mean_interval(row["clusters"]) == agrees(row["interval"])

    @pytest.mark.parametrize("size", [1, 2])
    def test_where_the_method_changes_the_interval_hardly_does(self, size, monkeypatch):
        clusters = [[(i * 37 % 11 - 6) / 4] * (i % size + 1) for i in range(500)]
        resampled = mean_interval(clusters)
        monkeypatch.setattr(stats, "MAX_RESAMPLED", 499)
        by_error = mean_interval(clusters)
        width = by_error.high - by_error.low
        assert resampled == pytest.approx(by_error, abs=0.05 * width)

    @pytest.mark.parametrize("clusters", [[], [[1.0]], [[1.0, 2.0, 3.0]]])
    def test_one_case_tells_nothing_of_others(self, clusters):
        assert mean_interval(clusters) is None

    def test_the_mean_is_of_values_not_of_clusters(self):
        assert mean([[1.0], [4.0, 4.0, 4.0]]) == 3.25

    def test_the_same_values_give_the_same_interval(self):
        values = [[float(x)] for x in range(20)]
        first = mean_interval(values)
        stats._draws.cache_clear()
        assert mean_interval(values) == first == Interval(7.0, 11.951249999999993)


class TestAgreement:
    @pytest.mark.parametrize("row", TABLE["kappa"].values(), ids=TABLE["kappa"])
    def test_is_that_of_scikit_learn(self, row):
        ranks = [*range(len(row["table"]))]
        pairs = [tuple(pair) for pair in row["sklearn"]["pairs"]]
        table = confusion(pairs, ranks)
        assert table == row["table"]
        assert agreement(table) == agrees(row["sklearn"]["agreement"])
        for name, scores in (("names", None), ("ranks", ranks)):
            found = kappa(table, scores)
            assert (found and found.value) == agrees(row["sklearn"][name])

    @pytest.mark.parametrize("row", TABLE["kappa"].values(), ids=TABLE["kappa"])
    def test_has_the_interval_of_statsmodels(self, row):
        scores = {"names": None, "ranks": [*range(9)], "scores": row["scores"]}
        for name, (value, low, high) in row["statsmodels"].items():
            found = kappa(row["table"], scores[name])
            if value is None:
                assert found is None
            else:
                assert found.value == agrees(value)
                assert found.interval == agrees([max(low, -1), min(high, 1)])

    def test_no_category_at_all(self):
        assert kappa([]) is None
        assert agreement([]) is None

    def test_how_far_apart_matters_only_with_scores(self):
        near, far = [[5, 2, 0], [0, 5, 0], [0, 0, 5]], [[5, 0, 2], [0, 5, 0], [0, 0, 5]]
        scores = [1, 2, 3]
        assert kappa(near, scores).value > kappa(far, scores).value
        assert kappa(near).value == pytest.approx(kappa(far).value, abs=0.02)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_never_lowers(p_values):
    adjusted = holm(p_values)
    assert all(old <= new <= 1 for old, new in zip(p_values, adjusted, strict=True))
    ordered = [new for _, new in sorted(zip(p_values, adjusted, strict=True))]
    assert ordered == [*accumulate(ordered, max)]
