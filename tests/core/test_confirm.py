from __future__ import annotations

import importlib.util
import itertools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_evalmd.verdict.confirm import decision

SIMULATION = Path(__file__).parents[2] / "benchmarks/gate_simulation.py"


@pytest.mark.parametrize(
    ("agree", "differ", "limit", "expected"),
    [
        (0, 0, 5, None),
        (0, 1, 5, None),
        (2, 2, 5, None),
        (3, 0, 5, True),
        (3, 1, 5, True),
        (0, 3, 5, False),
        (2, 3, 5, False),
        # Even limits: a tie means that it changed.
        (1, 1, 4, None),
        (2, 1, 4, None),
        (3, 0, 4, True),
        (0, 2, 4, False),
        (2, 2, 4, False),
        (1, 0, 2, None),
        (2, 0, 2, True),
        (0, 1, 2, False),
        # No vote: the first reply decides.
        (1, 0, 1, True),
        (0, 1, 1, False),
        (1, 0, 0, True),
        (0, 1, 0, False),
        (0, 0, -1, None),
    ],
)
def test_table(agree, differ, limit, expected):
    assert decision(agree, differ, limit) is expected


@pytest.mark.parametrize("votes", [(-1, 0), (0, -1)])
def test_negative_votes(votes):
    with pytest.raises(ValueError, match="expected 0 or more"):
        decision(*votes, 5)


@pytest.mark.parametrize("limit", range(1, 9))
def test_same_verdict_as_all_votes_and_no_vote_too_many(limit):
    for votes in itertools.product([True, False], repeat=limit):
        agree = differ = 0
        for vote in votes:
            assert decision(agree, differ, limit) is None
            agree, differ = agree + vote, differ + (not vote)
            if decision(agree, differ, limit) is not None:
                break
        stands = sum(votes) > limit - sum(votes)
        assert decision(agree, differ, limit) is stands
        # It stopped only where the votes left can't turn it.
        left = limit - agree - differ
        assert ((agree + left) * 2 > limit) == (agree * 2 > limit) == stands


def simulate(*arguments):
    command = [sys.executable, str(SIMULATION), "--quick", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def table():
    status, said, _ = simulate()
    assert status == 0
    assert simulate()[1] == said  # the draws are seeded
    rows = [line.strip("| ").split(" | ") for line in said.splitlines()[2:-2]]
    return {
        (row[0], int(row[1])): [float(cell.removesuffix(" %")) for cell in row[2:]]
        for row in rows
    }


class TestSimulation:
    def test_settings(self, table):
        assert {cases for _, cases in table} == {30, 100, 300}
        assert [flip for flip, cases in table if cases == 30] == [
            "0 %",
            "2 %",
            "5 %",
            "10 %",
        ]

    def test_no_flips_no_false_alarms(self, table):
        for cases in (30, 100, 300):
            calls, *alarms = table["0 %", cases][:4]
            assert calls == 1
            assert alarms == [0, 0, 0]

    def test_false_alarms_grow_with_flips_and_cases(self, table):
        alarms = [row[2] for row in table.values()]
        for at in range(0, 12, 3):
            assert sorted(alarms[at : at + 3]) == alarms[at : at + 3]
        for at in range(3):
            assert sorted(alarms[at::3]) == alarms[at::3]
        for row in table.values():
            single, voted, significant = row[1:4]
            assert single >= voted >= significant

    def test_larger_drops_and_more_cases_are_caught_more_often(self, table):
        for row in table.values():
            five, five_significant, ten, ten_significant = row[4:8]
            assert five <= ten + 1  # 200 runs: 1 % is two of them
            assert five_significant <= ten_significant
            assert five_significant <= five
        for flip in ("0 %", "2 %", "5 %", "10 %"):
            caught = [table[flip, cases][7] for cases in (30, 100, 300)]
            assert caught == sorted(caught)

    def test_agrees_with_the_formula(self, monkeypatch):
        spec = importlib.util.spec_from_file_location("gate_simulation", SIMULATION)
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        f = 0.05
        # Of the four votes left two more have to differ.
        wrong = f * (1 - (1 - f) ** 4 - 4 * f * (1 - f) ** 3)
        share = module.simulate(f, 100, 0.0, 1000)
        assert share.any == pytest.approx(1 - (1 - wrong) ** 100, abs=0.025)
        assert share.calls == pytest.approx(1.16, abs=0.01)

    def test_write(self, tmp_path):
        document = tmp_path / "model-changes.md"
        begin, end = "<!-- gate-simulation -->", "<!-- /gate-simulation -->"
        document.write_text(f"# Ü\n{begin}\nold\n{end}\nrest\n", encoding="utf-8")

        assert simulate("--write", document) == (0, "", "")

        text = document.read_text(encoding="utf-8")
        assert re.match(f"# Ü\n{begin}\n\\| flips .*\n{end}\nrest\n$", text, re.DOTALL)
        assert "old" not in text

    def test_nothing_to_write_into(self, tmp_path):
        document = tmp_path / "model-changes.md"
        status, _, said = simulate("--write", document)
        assert (status, said) == (
            1,
            f"{document}: no such file; nothing written\n",
        )
        document.write_text("# No table\n")
        status, _, said = simulate("--write", document)
        assert status == 1
        assert said.endswith("once, found 0; nothing written\n")
        assert document.read_text() == "# No table\n"
