"""``--update-results``: what is written, listed, refused and left alone."""

from __future__ import annotations

import pytest

CHAIN = """
    * ---
      * id: names
      * description: "Which names?"
      * type: ai
      * prompt: "NAMES. A JSON array of strings."
    * ---
      * id: first
      * description: "Which comes first?"
      * type: programmatic
      * input: names
      * logic: "return input[0];"
    * ---
      * id: length
      * description: "How long is it?"
      * type: programmatic
      * input: first
      * logic: "return input.length;"
"""


def test_writes_what_differs_or_is_missing_and_lists_it(run, judge, write_case):
    judge(NAMES='["Zuvira", "Lomanta"]')
    path = write_case(CHAIN, {"names": "Zuvira,Lomanta", "first": "Other"})
    before = path.read_bytes()

    result = run("--update-results")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        [
            "*results updated*",
            "case.md:57 first: Other -> Zuvira",
            "case.md:70 length: (not recorded) -> 6",
        ]
    )
    written = path.read_bytes()
    assert written.startswith(before.replace(b"Other", b"Zuvira"))
    assert run("--update-results").ret == 0
    assert path.read_bytes() == written


def test_only_the_selected_items_are_written(run, judge, write_case):
    judge(NAMES='["Zuvira"]')
    path = write_case(CHAIN, {"names": "a", "first": "b", "length": "9"})

    run("case.md::first", "--update-results").assert_outcomes(passed=1)

    text = path.read_text()
    assert "> Zuvira\n" in text
    assert "> a\n" in text
    assert "> 9\n" in text


def test_an_error_is_never_written(run, judge, write_case):
    judge(NAMES='["Zuvira"')
    path = write_case(CHAIN, {"names": "Zuvira", "first": "Zuvira", "length": "1"})
    before = path.read_bytes()

    result = run("--update-results")

    result.assert_outcomes(errors=3)
    assert path.read_bytes() == before


def test_a_file_that_changed_meanwhile_is_not_touched(run, pytester, write_case):
    path = write_case(
        """
        * ---
          * id: a
          * description: "a"
          * type: programmatic
          * input: answer
          * logic: "return 2;"
        """,
        {"a": "1"},
    )
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def edit(request):
            yield
            with open(request.node.path, "a", encoding="utf-8") as file:
                file.write("\\nnote of the user")
        """
    )

    result = run("--update-results")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        ["*results NOT written*", "case.md: the file changed since it was read*"]
    )
    assert path.read_text().endswith("note of the user")
    assert "> 1\n" in path.read_text()


@pytest.mark.parametrize("mode", ["off"])
def test_off_fills_programmatic_results_only(run, write_case, mode):
    path = write_case(CHAIN, {"names": "Zuvira,Lomanta", "first": None})

    result = run("--update-results", f"--evalmd-mode={mode}")

    result.assert_outcomes(passed=2, skipped=1)
    assert "> Zuvira\n" in path.read_text()
    run("--evalmd-mode=off").assert_outcomes(passed=2, skipped=1)
