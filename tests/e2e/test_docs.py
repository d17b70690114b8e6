"""The docs say what is so: options, keys, links, and a README whose case runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_evalmd.case import definition
from pytest_evalmd.declaring import add_options

ROOT = Path(__file__).parents[2]
OPTIONS = (ROOT / "docs/options.md").read_text(encoding="utf-8")


class Declared:
    """Stands in for pytest's parser and remembers what is declared."""

    def __init__(self):
        self.options, self.ini = [], []

    def getgroup(self, *_):
        return self

    def addoption(self, name, **_):
        self.options.append(name)

    def addini(self, name, *_, **__):
        self.ini.append(name)


def rows(text, heading):
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, re.MULTILINE)


def test_the_tables_of_options_are_the_options():
    declared = Declared()
    add_options(declared)

    assert sorted(rows(OPTIONS, "Command line")) == sorted(declared.options)
    assert sorted(rows(OPTIONS, "Ini file")) == sorted(declared.ini)


def test_the_table_of_keys_is_the_keys():
    text = (ROOT / "docs/format.md").read_text(encoding="utf-8")
    documented = {key.split(".")[0] for key in rows(text, "measures-md")}

    known = {key.split(".")[0] for keys in definition.KEYS.values() for key in keys}

    assert documented == known


@pytest.mark.parametrize(
    "path",
    [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))],
    ids=lambda p: p.name,
)
def test_links_lead_somewhere(path):
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
    for link in links:
        if "://" not in link:
            assert (path.parent / link).exists(), link


def test_the_case_of_the_readme_is_a_case(pytester):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    case = re.search(r"````markdown\n(.*?)````", text, re.DOTALL)[1]
    (pytester.path / "case.md").write_text(case, encoding="utf-8")

    result = pytester.runpytest_subprocess("--collect-only", "-q")

    result.stdout.fnmatch_lines(["case.md::departure", "case.md::is_evening"])
