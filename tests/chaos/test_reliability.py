"""The table of docs/reliability.md is the one that the tests give."""

from __future__ import annotations

from reliability import PAGE, page, rows


def test_the_table_is_that_of_the_tests():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run: python tests/chaos/reliability.py"


def test_each_fault_is_told_once():
    faults = [row.split(" | ")[0] for row in rows()]
    assert len(faults) == len(set(faults)) > 20
