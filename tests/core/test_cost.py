"""What judging costs, counted up and said on one line."""

from __future__ import annotations

from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.model import Usage


def test_nothing_was_judged():
    assert Cost().line() is None


def test_all_was_remembered():
    assert Cost(remembered=3).line() == "judge: 0 asked, 3 remembered"


def test_all_was_skipped():
    assert Cost(skipped=2).line() == "judge: 0 asked, 0 remembered, 2 skipped"


def test_what_was_asked():
    cost = Cost(remembered=1, skipped=1)
    cost.add_usage(Usage(asked=1000, answered=200, cached=300))
    cost.add_usage(Usage(asked=234, answered=34))

    assert cost.line() == (
        "judge: 2 asked, 1 remembered, 1 skipped; "
        "tokens: 1,234 asked (300 cached), 234 answered"
    )


def test_a_server_that_counts_no_tokens():
    cost = Cost()
    cost.add_usage(Usage())
    cost.add_usage(Usage(asked=5, answered=1, cached=0))
    line = "judge: 2 asked, 0 remembered; tokens: 5 asked (0 cached), 1 answered; "

    assert cost.line() == line + "1 request without a count of tokens"
    cost.add_usage(Usage(answered=1))
    assert (cost.line() or "").endswith("; 2 requests without a count of tokens")


def test_it_crosses_processes():
    total, worker = Cost(remembered=1), Cost(skipped=2)
    worker.add_usage(Usage(asked=3, answered=4, cached=5))
    total.add(worker.to_plain())
    total.add(worker.to_plain())

    assert total == Cost(
        requests=2,
        remembered=1,
        skipped=4,
        tokens_asked=6,
        tokens_answered=8,
        tokens_cached=10,
    )
