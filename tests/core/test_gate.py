"""Two runs held against each other: what became of each result, and the decision."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.verdict.changes import FATES, SHOWN
from pytest_evalmd.verdict.gate import (
    Decision,
    Gate,
    GateError,
    decide,
    p_value,
    percent,
    read_gate,
)
from pytest_evalmd.verdict.paired import compare_runs
from pytest_evalmd.verdict.runs import RunResult
from pytest_evalmd.verdict.stats import mcnemar, wilson


def result(outcome="passed", output=1, *, case="a.md", measure="m", **fields):
    if outcome in ("error", "blocked", "skipped"):
        fields = {"problem": "no reply", **fields}
    else:
        fields = {"output": output, "output_text": str(output), **fields}
    return RunResult(case=case, measure=measure, type="ai", outcome=outcome, **fields)


def cases(*counted, measure="m", output=1):
    """Give one result a case: ``(outcome, how many)`` in turn."""
    numbers = itertools.count()
    return [
        result(outcome, output, case=f"{next(numbers):03}.md", measure=measure)
        for outcome, n in counted
        for _ in range(n)
    ]


def decided(base, candidate, gate="any", **keys):
    return decide(compare_runs(base, candidate), read_gate(gate, **keys))


PASSED, FAILED, NONE = result(), result("failed"), None
ERROR, BLOCKED, SKIPPED = result("error"), result("blocked"), result("skipped")
UNRECORDED = result("unrecorded")

FATE = [
    (PASSED, PASSED, "unchanged"),
    (PASSED, FAILED, "broke"),
    (FAILED, PASSED, "healed"),
    (FAILED, FAILED, "unchanged"),
    (FAILED, result("failed", 2), "moved"),
    (PASSED, result("passed", 1.0), "unchanged"),
    (PASSED, result("passed", True), "moved"),
    (PASSED, result("updated", 2), "moved"),
    (result("updated"), FAILED, "broke"),
    (PASSED, ERROR, "error"),
    (PASSED, BLOCKED, "error"),
    (NONE, ERROR, "error"),
    (SKIPPED, ERROR, "error"),
    (ERROR, BLOCKED, "still_error"),
    (ERROR, PASSED, "new"),
    (ERROR, FAILED, "fails"),
    (NONE, FAILED, "fails"),
    (UNRECORDED, FAILED, "fails"),
    (SKIPPED, FAILED, "fails"),
    (NONE, PASSED, "new"),
    (NONE, SKIPPED, "new"),
    (PASSED, NONE, "gone"),
    (ERROR, NONE, "gone"),
    (PASSED, SKIPPED, "unmeasured"),
    (PASSED, UNRECORDED, "unmeasured"),
    (FAILED, UNRECORDED, "unmeasured"),
    (ERROR, SKIPPED, "unmeasured"),
    (SKIPPED, SKIPPED, "unchanged"),
    (SKIPPED, PASSED, "new"),
    (UNRECORDED, UNRECORDED, "unchanged"),
    (UNRECORDED, result("unrecorded", 2), "moved"),
    (UNRECORDED, PASSED, "unchanged"),
    (result(output="x" * 99), result(output="x" * 98 + "y"), "moved"),
    (result(output="x" * 99), result(output="x" * 99), "unchanged"),
    (result(output=[1, {"a": 2}]), result(output=[1.0, {"a": 2.0}]), "unchanged"),
    (result(output=["a", "b"]), result(output=["b", "a"]), "moved"),
    (result(output=10**400), result(output=10**400), "unchanged"),
    (result(output="\ud800" * 50), result(output="\ud800" * 50), "unchanged"),
    (result(output=None), result(output=None), "unchanged"),
]


@pytest.mark.parametrize(("before", "after", "expected"), FATE)
def test_fates(before, after, expected):
    found = compare_runs([before] if before else [], [after] if after else [])
    assert found.fates == {expected: 1}
    assert [one.fate for one in found.differences] == [expected] * (
        expected != "unchanged"
    )


class TestMatching:
    def fates(self, base, candidate):
        def run(variants):
            return [result(o, variant=v, case=f"{v}.md" * 0) for v, o in variants]

        found = compare_runs(run(base), run(candidate))
        return {(d.variant, d.fate) for d in found.differences}

    def test_the_same_variants(self):
        base, candidate = {"A": "passed", "B": "failed"}, {"B": "failed", "A": "failed"}
        assert self.fates(base.items(), candidate.items()) == {("A", "broke")}

    def test_a_new_models_answer_against_the_recorded_one(self):
        base = [("", "passed"), ("OLD", "failed")]
        candidate = [("", "passed"), ("NEW", "failed")]
        assert self.fates(base, candidate) == {("NEW", "broke"), ("OLD", "gone")}

    def test_a_new_models_answer_against_the_only_one(self):
        assert self.fates([("OLD", "passed")], [("NEW", "failed")]) == {
            ("NEW", "broke")
        }

    def test_several_others_match_nothing(self):
        base = [("A", "passed"), ("B", "passed")]
        expected = {("C", "fails"), ("A", "gone"), ("B", "gone")}
        assert self.fates(base, [("C", "failed")]) == expected

    def test_a_case_of_another_name_is_another_one(self):
        found = compare_runs([result(case="a.md")], [result("failed", case="b.md")])
        assert found.fates == {"fails": 1, "gone": 1}


class TestDifferences:
    def test_say_what_was_and_what_is(self):
        before = result("passed", "9", recorded_text="9")
        after = result("failed", "4", recorded_text="8" * 50, reason="too\nshort")
        (found,) = compare_runs([before], [after]).differences
        assert (found.base, found.candidate) == ("9", "4")
        assert found.reason == "too short"
        assert found.recorded_changed

    def test_an_error_says_what_is_wrong(self):
        (found,) = compare_runs([PASSED], [ERROR]).differences
        assert (found.base, found.candidate) == ("1", "no reply")

    def test_are_small_however_large_an_output_is(self):
        large = result(output="x" * 10**6, reason="y" * 10**6)
        (found,) = compare_runs([result(output="z")], [large]).differences
        assert len(found.candidate) == len(found.reason) == SHOWN

    def test_come_the_worst_first(self):
        base = [result(case=c) for c in "abcd"]
        candidate = [
            result("failed", case="d"),
            result("failed", case="c"),
            result(output=2, case="a"),
            result("error", case="b"),
        ]
        found = compare_runs(base, candidate).differences
        assert [(d.fate, d.case) for d in found] == [
            ("broke", "c"),
            ("broke", "d"),
            ("error", "b"),
            ("moved", "a"),
        ]


SAYS = [
    ((30, 0, 0), "no worse"),
    ((30, 5, 0), "worse, by more than noise"),
    ((30, 2, 0), "too few to tell from noise: it takes 5 that are worse"),
    ((30, 2, 1), "too few to tell from noise: it takes 7 that are worse"),
    ((30, 1, 2), "no worse"),
    ((4, 4, 0), "too few cases to tell: it takes 5 that are worse"),
    ((5, 1, 1), "too few cases to tell: it takes 7 that are worse"),
    ((2500, 1001, 1001), "no more than noise"),
]


class TestRows:
    def test_errors_count_neither_as_passed_nor_as_failed(self):
        base = cases(("passed", 10), ("error", 2), ("failed", 1))
        candidate = cases(("passed", 7), ("failed", 1), ("error", 3), ("passed", 2))
        total = compare_runs(base, candidate).total
        assert (total.n, total.base_passed, total.candidate_passed) == (9, 8, 8)
        assert (total.broke, total.healed) == (1, 1)
        assert total.candidate_interval == wilson(8, 9)

    def test_a_case_counts_once_however_many_of_its_measures_broke(self):
        base = [result(measure=m) for m in "abcde"]
        candidate = [result("failed", measure=m) for m in "abcde"]
        found = compare_runs(base, candidate)
        assert (found.total.broke, found.total.worse, found.total.p) == (5, 1, 0.5)

    def test_a_case_in_which_as_many_healed_as_broke_is_no_worse(self):
        base = [result(measure="a"), result("failed", measure="b")]
        candidate = [result("failed", measure="a"), result(measure="b")]
        total = compare_runs(base, candidate).total
        assert (total.worse, total.better, total.broke, total.healed) == (0, 0, 1, 1)

    def test_p_values_are_adjusted_across_measures_that_were_tested(self):
        base = cases(("passed", 20), measure="a") + cases(("passed", 20), measure="b")
        base += cases(("skipped", 20), measure="c")
        candidate = cases(("failed", 5), ("passed", 15), measure="a")
        candidate += cases(("passed", 20), measure="b")
        candidate += cases(("passed", 20), measure="c")
        rows = compare_runs(base, candidate).rows
        assert [row.measure for row in rows] == ["a", "b", "c"]
        assert [row.p for row in rows] == [mcnemar(5, 0), 1, 1]
        assert [row.adjusted_p for row in rows] == [2 * mcnemar(5, 0), 1, 1]

    @pytest.mark.parametrize(("counts", "expected"), SAYS)
    def test_too_few_to_tell_is_said(self, counts, expected):
        n, worse, better = counts
        rest = n - worse - better
        base = cases(("passed", worse), ("failed", better), ("passed", rest))
        candidate = cases(("failed", worse), ("passed", better), ("passed", rest))
        assert compare_runs(base, candidate).total.says() == expected

    def test_worse_if_it_were_the_only_measure(self):
        base = [r for m in "ab" for r in cases(("passed", 20), measure=m)]
        candidate = cases(("failed", 5), ("passed", 15), measure="a")
        candidate += cases(("passed", 20), measure="b")
        rows = compare_runs(base, candidate).rows
        assert rows[0].says() == "worse, were it the only measure"

    def test_nothing_to_compare(self):
        assert compare_runs([], []).total.says() == "nothing to compare"


class TestNumbers:
    def numbers(self, before, after):
        base = [result(output=x, case=str(i)) for i, x in enumerate(before)]
        candidate = [result(output=x, case=str(i)) for i, x in enumerate(after)]
        return compare_runs(base, candidate).rows[0].numbers

    def test_means_and_their_difference(self):
        found = self.numbers([9, 8, 9, 7, 9, 8], [8, 7, 8.5, 6, 8, 7])
        assert (found.n, found.cases) == (6, 6)
        assert found.base == pytest.approx(50 / 6)
        assert found.difference == pytest.approx(-5.5 / 6)
        assert found.interval.low < -5.5 / 6 < found.interval.high < 0
        assert found.moved is True

    def test_noise(self):
        assert self.numbers([9, 8] * 5, [8, 9] * 5).moved is False
        assert self.numbers([9] * 10, [9] * 10).moved is False

    @pytest.mark.parametrize("n", [1, 5])
    def test_too_few_cases_to_tell(self, n):
        assert self.numbers([9] * n, [1] * n).moved is None

    @pytest.mark.parametrize("other", [True, "9", None, [9], 10**400, -(10**101)])
    def test_other_outputs_are_no_numbers(self, other):
        assert self.numbers([9], [other]) is None

    def test_of_different_measures_are_not_averaged(self):
        assert compare_runs([PASSED], [PASSED]).total.numbers is None


class TestGates:
    @pytest.mark.parametrize(
        ("text", "gate"),
        [
            ("any", Gate()),
            ("significant", Gate(kind="significant")),
            ("rate:0.95", Gate(kind="rate", rate=0.95)),
            ("0.95", Gate(kind="rate", rate=0.95)),
            ("1", Gate(kind="rate", rate=1)),
        ],
    )
    def test_are_read(self, text, gate):
        assert read_gate(text) == gate

    @pytest.mark.parametrize("text", ["", "some", "95", "-0.1", "nan", "rate:", "1e9"])
    def test_others_are_refused(self, text):
        with pytest.raises(GateError, match="expected any, significant or a rate"):
            read_gate(text)

    def test_any_that_broke(self):
        base, candidate = cases(("passed", 9)), cases(("failed", 1), ("passed", 8))
        assert decided(base, base) == Decision(failed=False, reasons=("nothing broke",))
        assert decided(base, candidate).reasons == ("1 result broke",)
        assert decided(candidate, base).failed is False

    def test_any_that_fails_and_did_not_pass_or_fail_before(self):
        base, candidate = cases(("passed", 1)), cases(("passed", 1), ("failed", 2))
        expected = "2 results fail that did not pass or fail in the base"
        assert decided(base, candidate).reasons == (expected,)
        found = decided(base, cases(("passed", 1), ("failed", 1)))
        assert found.reasons[0].startswith("1 result fails that did not")

    @pytest.mark.parametrize("gate", ["any", "significant", "0.5"])
    def test_a_new_error_fails_unless_errors_are_allowed(self, gate):
        base, candidate = cases(("passed", 9)), cases(("error", 1), ("passed", 8))
        expected = ("1 result can't be computed, new since the base",)
        assert decided(base, candidate, gate) == Decision(failed=True, reasons=expected)
        assert decided(base, candidate, gate, allow_errors=True).failed is False
        assert decided(candidate, candidate, gate).failed is False

    @pytest.mark.parametrize("gate", ["any", "significant", "0.5"])
    def test_a_comparison_of_nothing_fails(self, gate):
        base, candidate = cases(("passed", 9)), cases(("error", 9))
        found = decided(base, candidate, gate, allow_errors=True)
        assert found.failed
        assert found.reasons[-1].startswith("nothing was compared")

    def test_significant(self):
        base = cases(("passed", 30))
        few, many = cases(("failed", 4), ("passed", 26)), cases(("failed", 9))
        assert decided(base, few, "significant") == Decision(
            failed=False,
            reasons=(
                "in all: 4 of 30 cases worse, 0 better (p = 0.062): too few to tell "
                "from noise: it takes 5 that are worse",
            ),
        )
        assert decided(base, many, "significant") == Decision(
            failed=True,
            reasons=(
                "in all: 9 of 9 cases worse, 0 better (p = 0.002): worse, by more "
                "than noise",
            ),
        )

    def test_significant_in_one_measure_of_several(self):
        base = cases(("passed", 12), measure="a")
        base += cases(("failed", 12), measure="b")
        candidate = cases(("failed", 12), measure="a")
        candidate += cases(("passed", 12), measure="b")
        assert decided(base, candidate, "significant") == Decision(
            failed=True,
            reasons=(
                "a: 12 of 12 cases worse, 0 better (p < 0.001): worse, by more than "
                "noise",
            ),
        )

    def test_rate(self):
        base, candidate = cases(("passed", 20)), cases(("passed", 19), ("failed", 1))
        assert decided(base, candidate, "0.95") == Decision(
            failed=False,
            reasons=("the pass rate is 95.0 % (19 of 20), not under 95 %",),
        )
        assert decided(base, candidate, "0.951") == Decision(
            failed=True, reasons=("the pass rate is 95.0 % (19 of 20), under 95.1 %",)
        )

    def test_rate_counts_what_the_base_lacks(self):
        assert decided([], cases(("failed", 1), ("passed", 1)), "0.6").failed

    def test_how_figures_are_written(self):
        assert [percent(n, 3000) for n in (0, 1, 2999, 3000)] == [
            *("0.0 %", "0.0 %", "99.9 %", "100.0 %")
        ]
        assert [p_value(p) for p in (1, 0.0312, 0.0004)] == ["1.000", "0.031", "<0.001"]


OUTCOMES = st.sampled_from(
    ["passed", "failed", "error", "blocked", "skipped", "updated", "unrecorded"]
)
RUNS = st.dictionaries(
    st.tuples(
        st.sampled_from("abc"), st.sampled_from("mn"), st.sampled_from(["", "A"])
    ),
    st.builds(result, OUTCOMES, st.integers(0, 2) | st.sampled_from(["", [1], None])),
).map(
    lambda found: [
        result(r.outcome, r.output, case=c, measure=m, variant=v)
        for (c, m, v), r in found.items()
    ]
)


class TestLaws:
    @given(RUNS, RUNS)
    def test_every_result_has_one_fate(self, base, candidate):
        found = compare_runs(base, candidate)
        assert sum(found.fates.values()) == len(candidate) + found.fates["gone"]
        listed = Counter(d.fate for d in found.differences)
        assert listed == {f: n for f, n in found.fates.items() if f != "unchanged"}
        assert {*found.fates} <= {*FATES}
        assert found.total.n == sum(row.n for row in found.rows)

    @given(RUNS)
    def test_against_itself_nothing_changed(self, run):
        found = compare_runs(run, run)
        assert {*found.fates} <= {"unchanged", "still_error"}
        assert not found.total.significant

    @given(RUNS, RUNS, st.randoms())
    def test_the_order_of_results_makes_no_difference(self, base, candidate, random):
        first = compare_runs(base, candidate)
        random.shuffle(base)
        random.shuffle(candidate)
        assert compare_runs(base, candidate) == first
