"""Shards: which part of a run each of several machines takes; pure (docs/ci.md)."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_evalmd.case.problems import got
from pytest_evalmd.case.values import write_json
from pytest_evalmd.judge.question import digest

MAX_COUNT = 10_000
"""More machines than anybody has: a number beyond it is a slip."""


class ShardError(ValueError):
    """A shard makes no sense; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """One of the parts of a run, with what it takes to tell whether all came back."""

    number: int
    """Which one it is, from 1."""
    count: int
    """How many there are, 1 or more."""
    selected: int = 0
    """How many items this one has."""
    total: int = 0
    """How many all of them have."""
    digest: str = ""
    """Of the items that all of them have."""

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


def read_shard(text: str) -> Shard:
    """Read ``K/N``.

    Raises:
        ShardError: it is no such thing.
    """
    match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text, re.ASCII)
    if match:
        number, count = int(match[1]), int(match[2])
        if 1 <= number <= count <= MAX_COUNT:
            return Shard(number=number, count=count)
    raise ShardError(f"{got(text)}; expected K/N such as 2/5, K from 1 to N")


def split(weights: Mapping[str, int], count: int) -> dict[str, int]:
    """Deal out cases so that every shard has about the same weight.

    The heaviest first, each to the shard that has least: no shard gets more than 4/3 of
    what the best way would give it. The same cases give the same shards in any order.

    Args:
        weights: of each case by its path, 1 or more.
        count: how many shards there are, 1 or more.

    Returns:
        each case's shard, from 1.
    """
    loads = [(0, number) for number in range(1, count + 1)]
    shards: dict[str, int] = {}
    for path, weight in sorted(weights.items(), key=lambda one: (-one[1], one[0])):
        load, number = loads[0]
        heapq.heapreplace(loads, (load + weight, number))
        shards[path] = number
    return shards


def selection_digest(places: Iterable[tuple[str, str, str]]) -> str:
    """Tell selections of items apart, by the ``place`` of each, in any order."""
    return digest(write_json([list(place) for place in sorted(places)]))
