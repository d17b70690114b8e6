"""Which measure needs which."""

from __future__ import annotations

import time

import pytest
from case_texts import case_text, problem, problems, read

from pytest_evalmd.case.graph import ancestors, dependents, order
from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.problems import Problems


def measures(**inputs):
    """Make measures by id, on lines 1, 2, … , each with its inputs."""
    return {
        id_: Measure(
            id=id_, description=id_, type="ai", line=line, input=tuple(given) or None
        )
        for line, (id_, given) in enumerate(inputs.items(), 1)
    }


def ordered(**inputs):
    noted = Problems()
    found = order(measures(**inputs), noted)
    assert all(found[id_].id == id_ for id_ in found)
    return list(found), [(p.line, p.message) for p in noted.found]


ORDERS = {
    "none": ({}, []),
    "as in the file": ({"b": "", "a": "", "c": ""}, ["b", "a", "c"]),
    "an input below": ({"a": "c", "b": "", "c": ""}, ["c", "a", "b"]),
    "a chain upwards": ({"a": "b", "b": "c", "c": ""}, ["c", "b", "a"]),
    "a diamond": ({"a": "bc", "b": "d", "c": "d", "d": ""}, ["d", "b", "c", "a"]),
    "an input twice": ({"a": "bb", "b": ""}, ["b", "a"]),
    "of the case": ({"a": ["query", "answer", "b"], "b": ["answer"]}, ["b", "a"]),
}


@pytest.mark.parametrize("name", ORDERS)
def test_inputs_come_before_what_needs_them(name):
    inputs, expected = ORDERS[name]
    assert ordered(**inputs) == (expected, [])


UNKNOWN = "expected the id of a measure, answer or query"


def test_an_unknown_input():
    found, noted = ordered(first=["frist", "x"], other=["anwser"])
    assert found == ["first", "other"]
    assert noted == [
        (1, f"first: unknown input 'frist' (did you mean 'first'?); {UNKNOWN}"),
        (1, f"first: unknown input 'x'; {UNKNOWN}"),
        (2, f"other: unknown input 'anwser' (did you mean 'answer'?); {UNKNOWN}"),
    ]


CYCLES = {
    "itself": ({"a": "a"}, [(1, "a -> a")]),
    "two": ({"a": "b", "b": "a"}, [(1, "a -> b -> a")]),
    "below": ({"x": "b", "a": "b", "b": "c", "c": "b"}, [(3, "b -> c -> b")]),
    "two cycles": (
        {"a": "b", "b": "ac", "c": "b"},
        [(1, "a -> b -> a"), (2, "b -> c -> b")],
    ),
    "apart": ({"a": "a", "b": "c", "c": "b"}, [(1, "a -> a"), (2, "b -> c -> b")]),
    "ten": (
        {a: b for a, b in zip("abcdefghij", "bcdefghija", strict=True)},
        [(1, "a -> b -> c -> d -> e -> f -> g -> h -> i -> j -> a")],
    ),
    "eleven": (
        {a: b for a, b in zip("abcdefghijk", "bcdefghijka", strict=True)},
        [(1, "a -> b -> c -> d -> e -> … -> g -> h -> i -> j -> k -> a")],
    ),
}


@pytest.mark.parametrize("name", CYCLES)
def test_a_cycle_is_told_once(name):
    inputs, circles = CYCLES[name]
    found, noted = ordered(**inputs)
    assert sorted(found) == sorted(inputs)
    assert noted == [
        (line, f"the inputs form a cycle: {shown}; remove one of these inputs")
        for line, shown in circles
    ]


def test_a_cycle_in_a_file():
    a = ("id: a", "description: D", "type: ai", "prompt: P", "input: b")
    b = ("id: b", "description: E", "type: ai", "prompt: P", "input: a")
    message = "the inputs form a cycle: a -> b -> a; remove one of these inputs"
    assert problem(case_text(a, b)) == (8, message)
    assert list(read(case_text(a, b[:4])).measures) == ["b", "a"]


def test_ancestors():
    found = measures(a="bc", b="d", c=["d", "answer"], d="", e="")
    assert [m.id for m in ancestors(found, "a")] == ["b", "c", "d"]
    assert [m.id for m in ancestors(found, "c")] == ["d"]
    assert ancestors(found, "e") == []


def test_dependents():
    found = order(measures(a="bc", b="d", c=["d", "answer"], d="", e=""), Problems())
    assert [m.id for m in dependents(found, "d")] == ["b", "c", "a"]
    assert [m.id for m in dependents(found, "c")] == ["a"]
    assert dependents(found, "a") == dependents(found, "e") == []


LONG = 5_000


def many(input_of):
    listed = (
        (f"id: m{n}", f"description: d{n}", "type: ai", "prompt: P", *input_of(n))
        for n in range(LONG)
    )
    return case_text(*listed)


@pytest.mark.parametrize("step", [1, -1])
def test_a_long_chain(step):
    last = LONG - 1 if step == 1 else 0
    text = many(lambda n: () if n == last else (f"input: m{n + step}",))
    start = time.monotonic()
    found = read(text).measures
    assert next(iter(found)) == f"m{last}"
    assert len(ancestors(found, f"m{LONG - 1 - last}")) == LONG - 1
    assert time.monotonic() - start < 10


def test_many_errors_of_a_long_chain_are_told_quickly():
    start = time.monotonic()
    assert len(problem(many(lambda n: (f"input: m{(n + 1) % LONG}",)))[1]) < 200
    for inputs in (
        lambda n: (f"input: [m{(n + 1) % LONG}, m{n // 2}]",),
        lambda n: (f"input: mx{n}",),
    ):
        found = problems(many(inputs))
        assert len(found) == 101
        assert sum(len(message) for _, message in found) < 30_000
    assert time.monotonic() - start < 20
