"""``evalmd compare``: what is printed, and the exit status."""

from __future__ import annotations

import html
import json
import random
import re
import time
import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pytest_evalmd.case.problems import printable
from pytest_evalmd.cli import main
from pytest_evalmd.report import words
from pytest_evalmd.report.markdown import cell, code
from pytest_evalmd.verdict.runs import Run, RunHead, RunResult, write_run

HEAD = RunHead(plugin="0.1.0", date="2026-11-20")
NASTY = "\x1b[31m`|` ``` </details>\n# @all <script> \u202e{}"


def result(outcome="passed", output="9", **fields):
    fields = {"case": "trains.md", "measure": "rating", "recorded_text": "9", **fields}
    if outcome == "error":
        return RunResult(type="ai", outcome=outcome, problem="no reply", **fields)
    return RunResult(
        type="ai", outcome=outcome, output=output, output_text=str(output), **fields
    )


def ratings(*outputs):
    """Give a rating a case; 7 and more pass."""
    return [
        result("passed" if x >= 7 else "failed", x, case=f"c{n}.md", judge_model="J")
        for n, x in enumerate(outputs)
    ]


@pytest.fixture
def compare(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(base, candidate, *options):
        for name, results in (("base.json", base), ("new.json", candidate)):
            text = results
            if not isinstance(results, (str, bytes)):
                text = write_run(Run(head=HEAD, results=results))
            data = text if isinstance(text, bytes) else text.encode()
            (tmp_path / name).write_bytes(data)
        try:
            status = main(["compare", "base.json", "new.json", *options])
        except SystemExit as stop:
            status = stop.code
        out, err = capsys.readouterr()
        return status, out, err

    return run


def test_the_terminal_says_it_all(compare):
    base = ratings(9, 9, 8, 9, 8, 9, 5, 9)
    candidate = ratings(9, 4, 7, 8, 8, 7, 9)
    candidate[1] = replace(
        candidate[1], answer_model="gpt-5", reason="It names no time of departure. " * 3
    )
    candidate.append(result("error", case="c7.md"))
    status, out, _ = compare(base, candidate)
    assert status == 1
    assert out == (
        """\
base       2026-11-20, 8 results, judge J
candidate  2026-11-20, 8 results, 1 of them errors, judge J, answers of gpt-5

broke (1)
  c1.md::rating
    9 -> 4
    the judge's reason: It names no time of departure. It names no time of
    departure. It names no time of departure.

can't be computed any more (1)
  c7.md::rating
    9 -> no reply

healed (1)
  c6.md::rating
    5 -> 9

moved: another output, the same outcome (3)
  c2.md::rating
    8 -> 7
  c3.md::rating
    9 -> 8
  c5.md::rating
    9 -> 7

measure                   n         base %    candidate %  broke healed      p
rating                    7   85.7 (48-98)   85.7 (48-98)      1      1  0.750
    too few cases to tell: it takes 7 that are worse
(all)                     7   85.7 (48-98)   85.7 (48-98)      1      1  0.750
    too few cases to tell: it takes 7 that are worse
n: results that passed or failed in both runs; in brackets: 95 % intervals;
p: chance of so many worse cases by noise alone (McNemar; Holm across measures).
Of so few cases (7) nothing can be told from noise.

numbers                   n       base  candidate  difference (95 % interval)
rating                    7      8.143      7.429  -0.714 (-2.57 to 1.14)
    no more than noise

gate: FAILED
    1 result broke
    1 result can't be computed, new since the base
"""
    )
    assert max(map(len, out.splitlines())) <= 80


def test_markdown_for_a_pull_request(compare):
    base, candidate = ratings(9, 9, 9), ratings(9, 4, 9)
    status, out, _ = compare(base, candidate, "--format", "markdown")
    assert status == 1
    assert out == (
        """\
### evalmd compare: failed

- `1 result broke`

**base** `2026-11-20, 3 results, judge J`\x20\x20
**candidate** `2026-11-20, 3 results, judge J`

| measure | n | base % | candidate % | broke | healed | p | |
|---|--:|--:|--:|--:|--:|--:|---|
| `rating` | 3 | 100 (43-100) | 66.7 (20-94) | 1 | 0 | 0.500 | too few cases to tell: it takes 5 that are worse |
| **all** | 3 | 100 (43-100) | 66.7 (20-94) | 1 | 0 | 0.500 | too few cases to tell: it takes 5 that are worse |

n: results that passed or failed in both runs; in brackets: 95 % intervals;
p: chance of so many worse cases by noise alone (McNemar; Holm across measures).
Of so few cases (3) nothing can be told from noise.

| numbers | n | base | candidate | difference | |
|---|--:|--:|--:|--:|---|
| `rating` | 3 | 9 | 7.333 | -1.67 (-5 to 0) | too few cases to tell |

<details open>
<summary>broke (1)</summary>

- `c1.md::rating`: `9` → `4`

</details>

"""
    )


def test_json_for_programs(compare):
    status, out, _ = compare(ratings(9, 9), ratings(9, 4), "--format", "json")
    found = json.loads(out)
    assert status == 1
    assert (found["format"], found["failed"]) == ("evalmd-comparison/1", True)
    assert found["reasons"] == ["1 result broke"]
    assert found["fates"]["broke"] == 1
    assert found["base"]["judges"] == ["J"]
    assert found["differences"] == [
        {
            "fate": "broke",
            "case": "c1.md",
            "measure": "rating",
            "variant": "",
            "base": "9",
            "candidate": "4",
            "reason": "",
            "recorded_changed": False,
        }
    ]
    (row,) = found["measures"]
    assert (row["n"], row["worse"], row["p"], row["needed"]) == (2, 1, 0.5, 5)
    assert row["numbers"]["moved"] is None
    assert found["all"]["numbers"] is None


class TestStatus:
    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ([], 1),
            (["--fail-on", "any"], 1),
            (["--fail-on", "significant"], 0),
            (["--fail-on", "0.5"], 0),
            (["--fail-on", "rate:0.9"], 1),
        ],
    )
    def test_is_what_the_gate_says(self, compare, options, expected):
        assert compare(ratings(9, 9, 9), ratings(9, 9, 4), *options)[0] == expected

    def test_of_errors(self, compare):
        base, candidate = ratings(9, 9), [*ratings(9), result("error", case="c1.md")]
        assert compare(base, candidate)[0] == 1
        assert compare(base, candidate, "--allow-errors")[0] == 0

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "new.json: not JSON, or cut off: the file ends; expected '{'\n"),
            (b"\xff\xfe{", "new.json: not UTF-8\n"),
            (
                write_run(Run(head=HEAD, results=[result()])).replace("passed", "odd"),
                "new.json: results[0]: outcome: got 'odd'; expected one of passed, "
                "failed, unrecorded, error, blocked, skipped, updated\n",
            ),
        ],
    )
    def test_of_a_file_that_is_no_run(self, compare, text, expected):
        assert compare([result()], text) == (2, "", expected)

    def test_of_a_file_that_is_not_there(self, compare, tmp_path, capsys):
        missing = str(tmp_path / "missing.json")
        assert main(["compare", missing, missing]) == 2
        expected = f"{missing}: can't be read: No such file or directory\n"
        assert capsys.readouterr().err == expected

    def test_of_a_gate_that_is_none(self, compare):
        status, _, err = compare([], [], "--fail-on", "some")
        assert status == 2
        assert "got 'some'; expected any, significant or a rate of 0 to 1" in err


class TestTerminal:
    def test_long_lists_are_cut(self, compare, monkeypatch):
        monkeypatch.setattr(words, "LISTED", 2)
        monkeypatch.setattr(words, "ROWS", 2)
        base = [result(measure=f"m{n}", output=9) for n in range(5)]
        candidate = [result("failed", 8, measure=f"m{n}") for n in range(5)]
        _, out, _ = compare(base, candidate)
        assert "  … and 3 more (--format json lists all)\n" in out
        assert out.count("\n… and 3 more measures\n") == 2
        _, out, _ = compare(base, candidate, "--format", "markdown")
        assert "\n- … and 3 more\n" in out
        assert out.count("| … and 3 more measures |") == 2

    def test_long_outputs_stand_one_above_the_other(self, compare):
        base, candidate = result(output="a " * 300), result("failed", "b " * 300)
        _, out, _ = compare([base], [candidate])
        before, after = re.findall("^    [-+] .*…$", out, re.MULTILINE)
        assert len(before) == len(after) == 79

    def test_notes(self, compare):
        base = [result(output="a  b"), result(measure="n", recorded_text="1")]
        candidate = [result(output="a b" + "\n"), result("failed", "8", measure="n")]
        base.append(result(measure="o", output="x" * 300 + "1"))
        candidate.append(result(measure="o", output="x" * 300 + "2"))
        _, out, _ = compare(base, candidate)
        assert out.count("they differ in white space, or further on") == 1
        assert out.count("the recorded result changed, too") == 1
        assert r"a  b -> a b\n" in out
        assert "numbers" not in compare(base, candidate, "--format", "markdown")[1]

    def test_what_so_many_cases_can_tell(self, compare):
        run = ratings(*[9] * 50)
        _, out, _ = compare(run, run)
        expected = "Fewer than 5 of 50 cases (10 %) getting worse can't be told from"
        assert expected in out

    def test_what_only_one_run_has(self, compare):
        base = [result(measure="old"), result(measure="both")]
        candidate = [result(measure="new", variant="A"), result(measure="both")]
        status, out, _ = compare(base, candidate)
        assert status == 0
        assert "only in the base (1)\n  trains.md::old\n    - 9\n" in out
        assert "only in the candidate (1)\n  trains.md::new[A]\n    + 9\n" in out
        assert "    nothing to compare\n" in out

    def test_many_judges(self, compare):
        run = [result(measure=m, judge_model=f"judge-{m}") for m in "dcba"]
        _, out, _ = compare(run, run)
        assert "judge judge-a and judge-b and judge-c …\n" in out

    def test_what_a_stranger_wrote_steers_no_terminal(self, compare):
        fields = {"case": NASTY, "measure": NASTY, "variant": NASTY, "reason": NASTY}
        fields["judge_model"] = NASTY
        base, candidate = (
            result(output="x", **fields),
            result("failed", NASTY, **fields),
        )
        _, out, _ = compare([base], [candidate])
        assert all(c.isprintable() or c == "\n" for c in out)
        assert r"\x1b[31m" in out

    def test_what_is_significant_has_no_blind_spot(self, compare):
        status, out, _ = compare(ratings(*[9] * 8), ratings(*[4] * 8))
        assert status == 1
        assert "told from noise" not in out

    def test_a_terminal_that_lacks_characters(self, compare, monkeypatch, capsys):
        class Ascii:
            encoding = "ascii"
            written = ""

            def write(self, text):
                self.written += text.encode("ascii").decode()

            def flush(self):
                pass

        monkeypatch.setattr("sys.stdout", out := Ascii())
        compare([result(output="é")], [result("failed", "\u2192")])
        assert r"\xe9 -> \u2192" in out.written


RENDERER = MarkdownIt("commonmark", {"html": True}).enable("table")
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
TRICKY = st.lists(st.sampled_from([*"`|\\ \na<=$", "``", "&amp;"]))
TEXTS = ANY_TEXT | TRICKY.map("".join)


class TestMarkdown:
    @given(TEXTS)
    def test_code_shows_the_text_and_nothing_else(self, text):
        (inline,) = RENDERER.parse(f"- a: {code(text)} b")[3:4]
        assert [token.type for token in inline.children] == [
            *("text", "code_inline", "text")
        ]
        shown = printable(text) or " "
        # Obsidian's Dataview would run it without the zero-width space.
        disarmed = "\u200b" if re.match(r"\s*\$?=", shown) else ""
        assert inline.children[1].content == disarmed + shown

    @given(TEXTS)
    def test_a_cell_stays_one(self, text):
        rendered = RENDERER.render(f"| a | b |\n|---|---|\n| {cell(text)} | x |\n")
        assert rendered.count("<td>") == 2
        shown = re.search("<code>(.*)</code>", rendered)[1]
        assert "¦" in shown or "|" not in text
        assert html.unescape(shown).strip() or not text.strip()

    def test_what_a_stranger_wrote_breaks_out_of_nothing(self, compare):
        fields = {"case": NASTY, "measure": NASTY, "variant": NASTY, "reason": NASTY}
        fields["judge_model"] = NASTY
        base, candidate = result(output=1, **fields), result("failed", NASTY, **fields)
        other = result(output=2, **{**fields, "case": "b"})
        options = ("--format", "markdown")
        _, out, _ = compare([base, other], [candidate, other], *options)
        rendered = RENDERER.render(out)
        outside = re.sub("<code>.*?</code>", "", rendered)
        assert not re.search(r"script|@all|31m", outside)
        assert outside.count("</details>") == 1
        assert outside.count("<tr>") == 5


class TestLargeRuns:
    def run(self, n, rng, size=0):
        outcomes = ["passed"] * 9 + ["failed"]
        return [
            result(
                rng.choice(outcomes),
                f"{'x' * size}{rng.random()}" if size else rng.randrange(10),
                case=f"cases/{i // 10}.md",
                measure=f"m{i % 10}",
                reason="Because of this. " * 10,
            )
            for i in range(n)
        ]

    def test_take_seconds(self, compare):
        rng = random.Random(1)
        base, candidate = self.run(20_000, rng), self.run(20_000, rng)
        start = time.process_time()
        status, _, _ = compare(base, candidate)
        assert status == 1
        assert time.process_time() - start < 20  # 2 s where nothing measures coverage

    def test_are_never_held_whole(self, tmp_path, capsys):
        rng = random.Random(1)
        paths = [tmp_path / "base.json", tmp_path / "new.json"]
        for path in paths:
            results = self.run(100, rng, size=100_000)
            path.write_text(write_run(Run(head=HEAD, results=results)), "utf-8")
        tracemalloc.start()
        try:
            assert main(["compare", *map(str, paths)]) == 1
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert paths[0].stat().st_size > 20_000_000
        assert peak < 8_000_000
