"""Values go from a template to a report without loss: template, case, run, report."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from markdown_it import MarkdownIt

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.results import read_result_like
from pytest_evalmd.cli import main
from pytest_evalmd.judge.request import visible

VALUES = {
    "quotes": '"double" \'single\' \\"both\\" “curly”',
    "pipes": "a|b \\| c || d",
    "braces": "{one} {{ two }} ${three} {% four %} }}",
    "backslashes": "C:\\new\\table \\\\ \\n \\",
    "newlines": "one line\nanother\tone\nlast",
    "dollars": "$1 $x$ $$y$$ ${z} $&",
    "markup": "<b>&amp;</b> *x* _y_ `z` [[link]] #tag @all ==h== %%c%%",
    "emoji": "👩\u200d🔬 ❤️ 🇨🇭 é e\u0301",
    "rtl": "שלום עולם مرحبا بالعالم",
}
SOURCES = ("run.json", "cases")
ANSWER = "\n".join(
    [*VALUES.values(), "```", "# no heading", "> [!answer]", "````text", "| a | b |"]
)
TEMPLATE = """# Query

What is {{value}}?
Again: {{value}}

# Measures

* ---
  * id: same
  * description: "Is {{value}} there?"
  * type: programmatic
  * input: query
  * params.target: "{{value}}"
  * logic: "return params.target;"
* ---
  * id: said
  * description: "What was said?"
  * type: programmatic
  * input: answer
  * logic: "return input;"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """Generate a case a value, answer it, run it; gives the folder."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "templates").mkdir()
    (folder / "templates/t.md").write_text(TEMPLATE, encoding="utf-8")
    config = {"name": "Alpha", "placeholders": {"value": [*VALUES.values()]}}
    text = yaml.safe_dump(config, allow_unicode=True)
    (folder / "alpha.yaml").write_text(text, encoding="utf-8")
    templates, config_file = str(folder / "templates"), str(folder / "alpha.yaml")
    out = ["-o", str(folder / "cases")]
    assert main(["generate", templates, config_file, *out]) == 0
    for path in (folder / "cases").rglob("blank.md"):
        lines = "\n".join(f"> {line}" for line in ANSWER.split("\n"))
        text = path.read_text(encoding="utf-8")
        empty = "> ```answer-text\n> \n> ```"
        assert text.count(empty) == 1
        filled = f"> ~~~~~answer-text\n{lines}\n> ~~~~~"
        path.write_text(text.replace(empty, filled), encoding="utf-8", newline="\n")
    run(folder, "--update-results")
    run(folder, "--evalmd-run=run.json", "--evalmd-report=report.md")
    for source in SOURCES:
        for suffix in ("json", "html"):
            output = str(folder / f"{source}.{suffix}")
            assert main(["report", str(folder / source), "-o", output]) == 0
    return folder


def run(folder, *options):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "cases"]
    done = subprocess.run(
        [*command, *options], cwd=folder, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def query_of(value):
    return f"What is {value}?\nAgain: {value}"


@pytest.fixture(params=VALUES)
def value(request):
    return VALUES[request.param]


def test_in_the_case(project, value):
    cases = [
        parse_case(path.read_text(encoding="utf-8"))
        for path in (project / "cases").rglob("*.md")
    ]
    (case,) = [case for case in cases if case.query.text == query_of(value)]
    assert case.measures["same"].params == {"target": value}
    assert case.measures["same"].description == f"Is {value} there?"
    assert case.answer.text == ANSWER


def test_in_the_run_file(project, value):
    document = json.loads((project / "run.json").read_text(encoding="utf-8"))
    (case,) = [one for one in document["cases"] if one["query"] == query_of(value)]
    assert case["answer"] == ANSWER
    results = {
        one["measure"]: one
        for one in document["results"]
        if one["case"] == case["case"]
    }
    assert results["same"]["output"] == value
    assert results["same"]["description"] == f"Is {value} there?"
    assert results["said"]["output"] == ANSWER


@pytest.mark.parametrize("source", SOURCES)
def test_in_a_report_as_json(project, value, source):
    document = json.loads((project / f"{source}.json").read_text(encoding="utf-8"))
    (question,) = [
        one for one in document["questions"] if one["query"] == query_of(value)
    ]
    (answer,) = question["answers"]
    assert answer["text"] == ANSWER
    same, said = answer["measures"]
    assert same["description"] == f"Is {value} there?"
    assert read_result_like(same["recorded_text"], value) == value
    assert read_result_like(said["recorded_text"], ANSWER) == ANSWER


def test_in_a_report_as_markdown(project, value):
    text = Path(project / "report.md").read_text(encoding="utf-8")
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(text)
    fences = [token.content for token in tokens if token.type == "fence"]
    assert fences.count(visible(ANSWER) + "\n") >= len(VALUES)
    assert query_of(value) + "\n" in fences
    shown = ["".join(c.content for c in token.children or ()) for token in tokens]
    texts_ = [re.sub("</?code>", "", one.replace("<br>", "\n")) for one in shown]
    assert any(f"Is {value} there?" in one for one in texts_)
    assert value in texts_


@pytest.mark.parametrize("source", SOURCES)
def test_in_a_report_as_html(project, value, source):
    page = (project / f"{source}.html").read_text(encoding="utf-8")
    cases = re.findall(r'(?s)<template id="q\d+">(.*?)</template>', page)
    assert len(cases) == len(VALUES)
    (case,) = [
        one for one in cases if texts(one, "p", "value")[0] == visible(query_of(value))
    ]
    assert texts(case, "h4") == [visible(f"Is {value} there?"), "What was said?"]
    results = [read_result_like(text, value) for text in texts(case, "dd")]
    assert visible(value) in results
    assert visible(ANSWER) in results
    assert texts(case, "pre") == [ANSWER.split("```\n")[1]]  # its own ``` makes it code
    for line in (VALUES["emoji"], VALUES["rtl"]):
        assert visible(line) in html.unescape(case)


def texts(page, tag, class_=""):
    """Give the text of every such element without elements in it."""
    attributes = f' class="{class_}"' if class_ else ""
    found = re.findall(rf"(?s)<{tag}{attributes}[^>]*>(.*?)</{tag}>", page)
    return [html.unescape(re.sub("<[^>]*>", "", one)) for one in found]
