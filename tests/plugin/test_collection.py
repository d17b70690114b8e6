"""Which files are cases, what their items are called and where they stand."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from measures import ai, logic

from pytest_evalmd.case.parse import parse_case

ONE = logic("one", "return 1;")


def ids(result):
    return [line for line in result.outlines if "::" in line]


def test_ids_are_paths_and_inputs_come_first(run_here, write_case):
    measures = logic("last", "return 1;", input="middle") + logic(
        "middle", "return 1;", input="[first, other]"
    )
    measures += logic("other", "return 1;") + ai("first")
    write_case(measures, name="cases/a/case.md")
    write_case(ONE, name="cases/b/case.md")

    result = run_here("--collect-only", "-q")

    assert result.ret == 0
    assert ids(result) == [
        "cases/a/case.md::first",
        "cases/a/case.md::other",
        "cases/a/case.md::middle",
        "cases/a/case.md::last",
        "cases/b/case.md::one",
    ]
    tree = run_here("--collect-only", "cases/b")
    tree.stdout.fnmatch_lines(["*<CaseFile case.md>", "*<MeasureItem one>"])


def test_cases_are_collected_in_any_order_and_more_than_once(
    run_here, pytester, write_case
):
    for number in range(9):
        write_case(ONE, name=f"{number}.md")
    write_case(logic("1one", "return 1;"), name="4.md")
    pytester.makeconftest(
        """
        def pytest_collectreport(report):
            for node in report.result:
                if node.name.endswith(".md"):
                    node.collect() if node.name != "4.md" else None
        """
    )
    some = run_here("--collect-only", "-q", "7.md", "2.md", "3.md", "0.md")
    assert some.ret == 0
    assert ids(some) == [f"{number}.md::one" for number in (7, 2, 3, 0)]
    all_of_them = run_here("--collect-only", "-q")
    assert ids(all_of_them)[:8] == [f"{n}.md::one" for n in range(9) if n != 4]
    all_of_them.assert_outcomes(errors=1)
    all_of_them.stdout.fnmatch_lines("4.md:*: id: got '1one'*")


def test_a_crash_belongs_to_the_case_that_it_happens_in(
    run_here, monkeypatch, write_case
):
    def parse(text):
        if "return 5;" in text:
            raise MemoryError("too much")
        return parse_case(text)

    monkeypatch.setattr("pytest_evalmd.collect.parse_case", parse)
    for number in range(9):
        write_case(logic("one", f"return {number};"), name=f"{number}.md")
    result = run_here("--collect-only", "-q")
    assert ids(result)[:8] == [f"{n}.md::one" for n in range(9) if n != 5]
    result.stdout.fnmatch_lines("ERROR 5.md - MemoryError: too much")


def test_an_item_may_be_said_to_stand_elsewhere(run_here, pytester, write_case):
    write_case(ONE + logic("two", "return 2;"), {"one": "1", "two": "2"})
    pytester.makeconftest(
        """
        def pytest_itemcollected(item):
            if item.name == "one":
                item.reportinfo = lambda: (item.path.parent / "made" / "of.csv", 3, "row 4")

        def pytest_collection_modifyitems(items):
            print([item.location for item in items])
        """
    )
    result = run_here("--collect-only", "-q")
    other = re.escape("), ('case.md', ")
    result.stdout.re_match_lines(rf"\[\('made.of.csv', 3, 'row 4'{other}\d+, .*")


def test_an_item_stands_where_its_measure_does(run_here, pytester, write_case):
    path = write_case(ONE + logic("two", "return 2;"), {"one": "1", "two": "2"})
    pytester.makeconftest(
        """
        def pytest_collection_modifyitems(items):
            for item in items:
                path, line, name = item.reportinfo()
                print(f"{path.name}:{line + 1} {name} {item.location[:2]}")
        """
    )

    result = run_here("--collect-only", "-q")

    lines = path.read_text().split("\n")
    places = [n for n, line in enumerate(lines, 1) if "* ---" in line]
    result.stdout.fnmatch_lines(
        [
            f"case.md:{place} case.md [[]{name}] ('case.md', {place - 1})"
            for place, name in zip(places, ("one", "two"), strict=True)
        ]
    )


def test_a_single_id_and_an_unknown_one(run_here, pytester, write_case):
    write_case(ONE + logic("two", "return 2;", input="one"), {"two": "2"})

    run_here("case.md::two", "-v").stdout.fnmatch_lines(["case.md::two PASSED*"])
    unknown = run_here("case.md::nope")

    assert unknown.ret == pytest.ExitCode.USAGE_ERROR
    unknown.stderr.fnmatch_lines(["ERROR: not found: *case.md::nope"])
    assert "INTERNALERROR" not in unknown.stdout.str() + unknown.stderr.str()


def test_other_markdown_is_left_alone(run_here, pytester, write_case):
    write_case(ONE, {"one": "1"})
    pytester.makefile(".md", README="Our cases hold ```query-text and measures-md.")
    pytester.makefile(".md", notes="nothing of ours")
    (pytester.path / "empty.md").touch()
    (pytester.path / "latin.md").write_bytes("café".encode("latin-1"))

    run_here().assert_outcomes(passed=1)
    assert run_here("README.md").ret == pytest.ExitCode.NO_TESTS_COLLECTED
    given = run_here("notes.md", "empty.md", "latin.md")
    assert given.ret == pytest.ExitCode.USAGE_ERROR
    given.stderr.fnmatch_lines(["ERROR: *found*/notes.md*"])


def test_all_that_is_wrong_is_said_on_a_line_each(run_here, pytester, write_case):
    measures = ai("one", outptu="text") + logic("two", "x", input="on")
    path = write_case(measures, {"nothing": "1"}, name="cases/bad.md")
    write_case(ONE, {"one": "1"}, name="cases/good.md")

    result = run_here()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    said = [line for line in result.outlines if line.startswith("cases/bad.md:")]
    assert len(said) >= 3
    for line in said:
        number = int(line.split(":")[1])
        assert 1 <= number <= len(path.read_text().split("\n"))
    result.stdout.fnmatch_lines(
        [
            "_* ERROR collecting cases/bad.md _*",
            "cases/bad.md:*: *'outptu'*did you mean 'output'?*",
        ]
    )
    assert "pytest_evalmd" not in result.stdout.str().partition("ERRORS")[2]
    run_here("--continue-on-collection-errors").assert_outcomes(passed=1, errors=1)


def test_a_case_in_latin_1_says_so(run_here, write_case):
    path = write_case(ONE, answer="Café")
    path.write_bytes(path.read_text().encode("latin-1"))

    result = run_here()

    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(
        ["case.md:10: not UTF-8, got byte 0xe9; save the file with the encoding UTF-8"]
    )


def test_a_case_that_cannot_be_read(run_here, pytester, write_case):
    write_case(ONE, {"one": "1"}, name="good.md")
    write_case(ONE, {"one": "1"}, name="secret.md")
    pytester.makeconftest(
        """
        import os

        really = os.open

        def open_(path, *args, **options):
            if os.fspath(path).endswith("secret.md"):
                raise PermissionError(13, "Permission denied")
            return really(path, *args, **options)

        def pytest_configure():
            os.open = open_

        def pytest_unconfigure():
            os.open = really
        """
    )

    result = run_here("--continue-on-collection-errors")

    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["secret.md: Permission denied"])
    assert "read_bytes" not in result.stdout.str()


def test_folders_links_and_line_ends(run_here, pytester, write_case):
    inside = write_case(ONE, {"one": "1"}, name="x.md/inside.md")
    link = pytester.path / "link.md"
    try:
        link.symlink_to(inside)
        (pytester.path / "dangling.md").symlink_to("nowhere.md")
    except OSError:
        pytest.skip("this system has no symbolic links")
    windows = pytester.path / "windows.md"
    text = inside.read_bytes().replace(b"\n", b"\r\n")
    windows.write_bytes(b"\xef\xbb\xbf" + text)

    result = run_here("-v")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines(
        ["link.md::one PASSED*", "windows.md::one PASSED*", "x.md/inside.md::one*"]
    )
    run_here("x.md").assert_outcomes(passed=1)
    assert windows.read_bytes() == b"\xef\xbb\xbf" + text


def test_markdown_of_other_plugins(run_here, pytester, write_case):
    write_case(ONE, {"one": "1"})
    Path("notes.md").write_text("notes", encoding="utf-8")
    pytester.makeconftest(
        """
        import pytest

        class Other(pytest.Item):
            def runtest(self):
                pass

        class OtherFile(pytest.File):
            def collect(self):
                return [Other.from_parent(self, name="line:1")]

        def pytest_collect_file(file_path, parent):
            if file_path.suffix == ".md":
                return OtherFile.from_parent(parent, path=file_path)
        """
    )

    result = run_here("-v")

    result.assert_outcomes(passed=3)
    result.stdout.fnmatch_lines_random(
        ["case.md::one PASSED*", "case.md::line:1 PASSED*", "notes.md::line:1 PASSED*"]
    )


def test_from_another_folder_and_root(run_here, pytester, write_case, monkeypatch):
    write_case(ONE, {"one": "2"}, name="cases/a.md")
    (pytester.path / "sub").mkdir()
    monkeypatch.chdir("sub")

    result = run_here("../cases", "--rootdir=..", "--import-mode=importlib")

    result.stdout.fnmatch_lines(
        [
            "../cases/a.md:*: 1 differs from the recorded 2",
            "to accept it: pytest ../cases/a.md::one --update-results",
        ]
    )
    accepted = run_here("../cases/a.md::one", "--update-results")
    accepted.stdout.fnmatch_lines(["../cases/a.md:*one: 2 -> 1"])


def test_the_folder_of_recordings_holds_no_tests(run_here, pytester, write_case):
    write_case(logic("one", "return 1;"), {"one": "1"})
    folder = pytester.mkdir("__evalmd__")
    (folder / "test_python.py").write_text("def test_python(): assert False")
    run_here("--collect-only", "-q").stdout.fnmatch_lines(["case.md::one", "*1 test*"])


HOOKS = """
def pytest_itemcollected(item):
    print({0!r}, "collected", item.nodeid)

def pytest_runtest_setup(item):
    print({0!r}, "runs", item.nodeid)
"""
ONE_COLLECTOR = """
import pytest

class Folders(pytest.Directory):
    def collect(self):
        for path in sorted(self.path.glob("*/*.md")):
            yield from self.ihook.pytest_collect_file(file_path=path, parent=self)

def pytest_collect_directory(path, parent):
    if path.name == "cases":
        return Folders.from_parent(parent=parent, path=path)
"""


@pytest.mark.parametrize(
    ("conftest", "args"),
    # With the argument "cases" pytest loads cases/test*/conftest.py before it collects.
    [("", []), (ONE_COLLECTOR, ["cases"])],
    ids=["loaded-late", "one-collector"],
)
def test_a_conftest_sees_its_own_folder(run_here, pytester, write_case, conftest, args):
    pytester.makeconftest(conftest)
    for folder in ("test_a", "test_b"):
        for name in ("one", "two"):
            write_case(ONE, {"one": "1"}, name=f"cases/{folder}/{name}.md")
        path = pytester.path / "cases" / folder / "conftest.py"
        path.write_text(HOOKS.format(folder))

    result = run_here("-s", "-q", *args)

    seen = [line.lstrip(".") for line in result.outlines if "::" in line]
    assert sorted(seen) == [
        f"{folder} {what} cases/{folder}/{name}.md::one"
        for folder in ("test_a", "test_b")
        for what in ("collected", "runs")
        for name in ("one", "two")
    ]
