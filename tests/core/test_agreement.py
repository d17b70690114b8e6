"""People against the judge: pairs -> agreement, and ``evalmd agreement``."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_evalmd.cli import main
from pytest_evalmd.verdict.agreement import MAX_CATEGORIES, Opinion, agreements


def opinion(by_judge, by_person, *, agree=None, case="a.md", measure="m", judge="j"):
    return Opinion(
        case=case,
        measure_id=measure,
        judge=judge,
        by_judge=by_judge,
        by_person=by_person,
        agree=by_judge == by_person if agree is None else agree,
    )


def only(*pairs):
    [found] = agreements([opinion(*pair) for pair in pairs])
    return found


def test_names_have_plain_kappa():
    # 20 pairs: 8 + 6 agree; expected agreement by chance is (0.5 * 0.6 + 0.5 * 0.4).
    pairs = [(True, True)] * 8 + [(True, False)] * 2
    pairs += [(False, True)] * 4 + [(False, False)] * 6
    found = only(*pairs)
    assert (found.n, found.agreed, found.weighted) == (20, 14, False)
    assert found.categories == (False, True)
    assert found.table == ((6, 4), (2, 8))
    assert found.kappa.value == pytest.approx(0.4)


def test_ratings_have_weighted_kappa_and_sort_by_size():
    found = only((9, 9), (10, 9), (2, 2), (9, 4))
    assert found.weighted
    assert found.categories == (2, 4, 9, 10)
    assert found.table == ((1, 0, 0, 0), (0, 0, 0, 0), (0, 1, 1, 0), (0, 0, 1, 0))
    assert 0 < found.kappa.value < 1


def test_the_farthest_apart_come_first():
    one, two = opinion(9, 8, case="b.md"), opinion(1, 8, case="c.md")
    same = opinion(3, 3)
    [found] = agreements([one, same, two])
    assert found.disagreements == (two, one)
    assert found.agreed == 1


def test_a_tolerance_agrees():
    [found] = agreements([opinion(9, 8, agree=True), opinion(9, 9)])
    assert (found.agreed, found.disagreements) == (2, ())


def test_one_category_and_too_many_have_no_kappa():
    assert only((True, True)).kappa is None
    many = only(*[(f"x{n}", f"x{n}") for n in range(MAX_CATEGORIES + 1)])
    assert (many.categories, many.table, many.kappa) == ((), (), None)
    assert many.agreed == MAX_CATEGORIES + 1


def test_measures_and_judges_are_apart():
    found = agreements([opinion(1, 1, judge="b"), opinion(1, 1), opinion(1, 1)])
    assert [(one.judge, one.n) for one in found] == [("b", 1), ("j", 2)]


CASE = """```query-text
q
```
```answer-text
a
```
```measures-md
* ---
  * id: stars
  * description: d
  * type: ai
  * prompt: p
  * output: integer
  * tolerance: 1
* ---
  * id: words
  * description: e
  * type: programmatic
  * input: answer
  * logic: "return input.length;"
```
```evaluation-yaml
- measure: d
```
```evaluation-result-text
%s
```
```human-result-text
%s
```
```evaluation-yaml
- measure: e
```
```evaluation-result-text
1
```
```human-result-text
1
```
"""


def test_the_command_prints_it(tmp_path, capsys):
    for number, pair in enumerate([("4", "5"), ("1", "5"), ("3", "3")]):
        (tmp_path / f"case{number}.md").write_text(CASE % pair, encoding="utf-8")

    assert main(["agreement", str(tmp_path)]) == 0

    out = capsys.readouterr().out.replace(str(tmp_path), "DIR")
    head, _, rest = out.partition("\n")
    assert head == "stars, judged by an unknown judge: 2 of 3 agree (67%)"
    assert "quadratic weighted kappa: -0.0" in rest
    assert "judge \\ people 1 3 4 5\n" in rest
    assert "  DIR/case1.md: the judge 1, people 5\n" in rest
    assert "case0.md" not in out
    assert "\n\nwords, judged by JavaScript: 3 of 3 agree (100%)\n" in out


def test_the_recordings_name_the_judge(capsys):
    root = Path(__file__).parents[2]
    examples = str(root / "example_cases/brands/published-article.md")
    assert main(["agreement", examples]) == 0
    out = capsys.readouterr().out
    assert "judged by handwritten-judge: 0 of 1 agree (0%)" in out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (CASE % ("nine", "9"), "the recorded result 'nine' is not an integer"),
        (CASE.replace("type: ai", "type: aii") % ("1", "1"), "type: got 'aii'"),
        ("# a note\n", "no human-result-text stands beside a recorded result"),
    ],
)
def test_what_cannot_be_held_together_is_said(tmp_path, capsys, text, said):
    (tmp_path / "case.md").write_text(text, encoding="utf-8")
    main(["agreement", str(tmp_path)])
    assert said in capsys.readouterr().err


def test_nothing_to_hold_together_is_no_success(tmp_path):
    assert main(["agreement", str(tmp_path)]) == 1
