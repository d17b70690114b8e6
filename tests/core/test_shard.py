"""How cases are dealt out to shards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd.verdict.shard import (
    Shard,
    ShardError,
    read_shard,
    selection_digest,
    split,
)

WEIGHTS = st.dictionaries(st.text(), st.integers(1, 1000))
COUNTS = st.integers(1, 8)


def loads(weights, count):
    found = [0] * count
    for path, number in split(weights, count).items():
        found[number - 1] += weights[path]
    return found


@pytest.mark.parametrize(("text", "number", "count"), [("1/1", 1, 1), ("2/5", 2, 5)])
def test_a_shard_is_read_as_it_is_written(text, number, count):
    shard = read_shard(text)
    assert shard == Shard(number=number, count=count)
    assert str(shard) == text


@pytest.mark.parametrize(
    "text",
    ["", "2", "0/5", "6/5", "0/0", "-1/5", "2/5/7", "a/b", " 1/2", "1/2\n", "\u0661/\u0662",
     "1/10001", "1/" + "9" * 5000],
)  # fmt: skip
def test_what_is_no_shard(text):
    with pytest.raises(ShardError, match=r"got .*; expected K/N such as 2/5"):
        read_shard(text)


def test_the_heaviest_cases_are_dealt_out_first():
    weights = {"a": 1, "b": 7, "c": 3, "d": 3, "e": 1}
    assert split(weights, 2) == {"b": 1, "c": 2, "d": 2, "a": 2, "e": 1}
    assert loads(weights, 2) == [8, 7]


def test_more_shards_than_cases_leave_some_empty():
    assert split({"a": 1, "b": 9}, 3) == {"b": 1, "a": 2}


@given(WEIGHTS, COUNTS)
def test_every_case_has_one_shard_whatever_the_order(weights, count):
    shards = split(weights, count)
    assert shards.keys() == weights.keys()
    assert set(shards.values()) <= set(range(1, count + 1))
    assert split(dict(reversed(weights.items())), count) == shards


@given(WEIGHTS.filter(bool), COUNTS)
def test_no_shard_is_overloaded(weights, count):
    """Graham's bound on the longest processing time first."""
    lower_bound = max(sum(weights.values()) / count, *weights.values(), 0)
    ordered = sorted(weights.values(), reverse=True)
    if len(ordered) > count:
        lower_bound = max(lower_bound, ordered[count - 1] + ordered[count])
    assert max(loads(weights, count)) <= lower_bound * (2 - 1 / count)
    if len(ordered) >= count:
        assert min(loads(weights, count)) > 0


def test_a_digest_tells_selections_apart_in_any_order():
    one, two = ("a.md", "m", ""), ("a.md", "m", "x")
    assert selection_digest([one, two]) == selection_digest([two, one])
    digests = [selection_digest(p) for p in ([], [one], [two], [one, two])]
    assert len(set(digests)) == 4
    assert selection_digest([("a\udcff.md", "m", "")])
