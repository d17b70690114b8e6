"""Marks: what a measure is and the tags of its case, for ``-m`` and ``-k``."""

from __future__ import annotations

import pytest
from measures import ai, logic

MEASURES = ai("tone") + logic("length", "return 1;")


@pytest.fixture
def cases(pytester, judge, write_case):
    judge(TONE='"calm"')
    results = {"tone": "calm", "length": "1"}
    write_case(MEASURES, results, name="a.md", front="tags: [oncology, area/skin]")
    write_case(MEASURES, results, name="b.md", front="tags: oncology\nStatus: done")
    write_case(MEASURES, results, name="slow/c.md")
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\n")


def selected(result):
    assert result.ret == 0, result.stdout.str()
    return sorted(line for line in result.outlines if "::" in line)


def test_what_it_is_and_its_tags(run_here, cases):
    def by(*args):
        return selected(run_here("--collect-only", "-q", *args))

    assert by("-m", "ai") == ["a.md::tone", "b.md::tone", "slow/c.md::tone"]
    assert len(by("-m", "programmatic")) == 3
    assert by("-m", "oncology and ai") == ["a.md::tone", "b.md::tone"]
    assert by("-m", "area/skin") == ["a.md::length", "a.md::tone"]
    assert by("-k", "length") == ["a.md::length", "b.md::length", "slow/c.md::length"]
    assert by("-k", "slow and tone") == ["slow/c.md::tone"]
    assert by("-k", "oncology and b.md and not tone") == ["b.md::length"]


def test_the_selected_items_run(run, cases):
    result = run("-W", "error", "-m", "ai and not area/skin")

    result.assert_outcomes(passed=2)


def test_a_tag_that_no_case_has(run_here, cases):
    result = run_here("-m", "cardiology")

    assert result.ret in (pytest.ExitCode.NO_TESTS_COLLECTED, 4)
    assert "INTERNALERROR" not in result.stdout.str()


def test_a_conftest_may_mark_measures(run_here, pytester, write_case):
    write_case(logic("one", "return 1;") + logic("two", "return 2;"), {"two": "0"})
    pytester.makeconftest(
        """
        import pytest

        def pytest_collection_modifyitems(items):
            for item in items:
                if item.get_closest_marker("programmatic") and item.name == "one":
                    item.add_marker(pytest.mark.skip(reason="for now"))
                if item.name == "two":
                    item.add_marker(pytest.mark.xfail(reason="known", strict=True))
        """
    )

    result = run_here("-rsx")

    result.assert_outcomes(skipped=1, xfailed=1)
    result.stdout.fnmatch_lines(["SKIPPED*for now", "XFAIL case.md::two - known*"])


def test_tags_that_are_no_marks(run_here, write_case):
    write_case(MEASURES, name="a.md", front="tags: [skip, two words]")

    result = run_here()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["a.md:2: tags: *two words*", "a.md:2: tags: *skip*"])
