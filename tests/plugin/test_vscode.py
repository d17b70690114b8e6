"""VS Code's test explorer finds, locates, runs and reports measures.

Its Python extension is not a package that a test could install. ``ADAPTER`` does in our
words what the extension's pytest plugin does with a session, as far as we know it: it
makes a tree of folders, files, classes and functions of the collected items, tells each
item's line and the absolute id by which it will be run, groups parametrised items below
their function, and files every result under that id. A change there is not seen here, and
VS Code itself was never run.
"""

from __future__ import annotations

import json

import pytest
from measures import ai, logic

ADAPTER = '''
import json
import pathlib
import pytest

class Adapter:
    def __init__(self):
        self.tree, self.results = None, {}

    def pytest_collection_finish(self, session):
        self.tree = tree(session)

    def pytest_runtest_logreport(self, report):
        # What the explorer shows: setup errors, and all of the call.
        if report.when == "call" or report.outcome != "passed":
            message = report.longreprtext if report.failed else ""
            path = pathlib.Path.cwd() / report.nodeid.split("::")[0]
            self.results[absolute(report.nodeid, path)] = [report.outcome, message]

    def pytest_sessionfinish(self, session):
        if hasattr(session.config, "workerinput"):
            return
        with open("explorer.json", "w", encoding="utf-8") as file:
            json.dump({"tree": self.tree, "results": self.results}, file)

def tree(session):
    root = node(session.name, session.path, "folder", str(session.path))
    for item in session.items:
        parent = root
        for owner in owners(item):
            parent = child(parent, owner)
        if hasattr(item, "callspec"):
            # The function stands once; its parameters are its children.
            function, name = item.originalname, item.name
            key = absolute(item.nodeid, item.path).removesuffix(name[len(function):])
            parent = child(parent, node(function, item.path, "function", key))
        parent["children"].append(leaf(item))
    return root

def owners(item):
    """Give folders below the root, the file and classes, outermost first."""
    for part in item.listchain()[1:-1]:
        if isinstance(part, pytest.Directory) and part.path != item.session.path:
            yield node(part.name, part.path, "folder", str(part.path))
        elif isinstance(part, (pytest.Module, pytest.File)):
            yield node(part.path.name, part.path, "file", str(part.path))
        elif isinstance(part, pytest.Class):
            yield node(part.name, part.path, "class", part.nodeid)

def child(parent, made):
    for one in parent["children"]:
        if one["id"] == made["id"]:
            return one
    parent["children"].append(made)
    return made

def node(name, path, kind, id_):
    return {"name": name, "path": str(path), "kind": kind, "id": id_, "children": []}

def leaf(item):
    path, line, _ = item.location
    assert path and isinstance(line, int)  # the extension shows no item without a line
    name = item.name
    if hasattr(item, "callspec"):
        name = name[len(item.originalname):]  # only the parameters
    return {"name": name, "path": str(item.path), "kind": "test", "line": line + 1,
            "id": absolute(item.nodeid, item.path)}

def absolute(nodeid, path):
    return "::".join([str(path), *nodeid.split("::")[1:]])

def pytest_configure(config):
    config.pluginmanager.register(Adapter(), "explorer")
'''


@pytest.fixture
def explorer(pytester, monkeypatch):
    """Run pytest as the explorer does; gives its tree and its results."""
    pytester.makepyfile(adapter=ADAPTER)
    monkeypatch.setenv("PYTHONPATH", str(pytester.path))

    def run(*arguments):
        result = pytester.runpytest_subprocess(
            "-p", "adapter", "--rootdir", str(pytester.path), *arguments
        )
        path = pytester.path / "explorer.json"
        found = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        return found["tree"], found["results"], result.ret

    return run


@pytest.fixture
def cases(write_case, judge):
    judge(TONE='{"reason": "", "response": "calm"}')
    measures = ai("tone") + logic("two", "return 2;")
    results = {"tone": "calm", "two": "1"}
    return (
        write_case(measures, results, name="brands/first.md"),
        write_case(logic("one", "return 1;"), {"one": "1"}, name="second.md"),
    )


def named(tree, *names):
    for name in names:
        (tree,) = [one for one in tree["children"] if one["name"] == name]
    return tree


def leaves(tree):
    if tree["kind"] == "test":
        return [tree]
    return [leaf for one in tree["children"] for leaf in leaves(one)]


def test_it_finds_and_locates_measures(explorer, cases, pytester):
    tree, results, status = explorer("--collect-only")

    assert (status, results) == (0, {})
    file = named(tree, "brands", "first.md")
    assert (file["kind"], file["path"]) == ("file", str(cases[0]))
    assert [one["name"] for one in file["children"]] == ["tone", "two"]
    assert named(tree, "second.md")["kind"] == "file"
    for one in leaves(tree):
        lines = (pytester.path / one["path"]).read_text().splitlines()
        assert lines[one["line"] - 1].endswith("* ---")
        assert lines[one["line"]].endswith(f"id: {one['name']}")
        assert one["id"].endswith(f".md::{one['name']}")


def test_it_runs_one_measure_by_its_id(explorer, cases):
    tree, _, _ = explorer("--collect-only")
    two = named(tree, "brands", "first.md", "two")

    _, results, status = explorer(two["id"])

    assert status == 1
    assert [*results] == [two["id"]]
    outcome, message = results[two["id"]]
    assert outcome == "failed"
    assert "- recorded: 1\n+ computed: 2" in message


@pytest.mark.parametrize("workers", [(), ("-n2",)])
def test_it_runs_a_file_and_files_every_result(explorer, cases, workers):
    tree, _, _ = explorer("--collect-only")
    ids = [one["id"] for one in leaves(named(tree, "brands", "first.md"))]

    _, results, status = explorer(*ids, "--judge-model=gpt-x", *workers)

    assert status == 1
    assert {id_: outcome for id_, (outcome, _) in results.items()} == dict(
        zip(ids, ["passed", "failed"], strict=True)
    )


def test_parameters_of_a_client_stand_below_their_measure(
    explorer, write_case, pytester
):
    path = write_case(ai("tone") + logic("two", "return 2;"), {"two": "2"})
    pytester.makeconftest(
        """
        import pytest
        from pytest_evalmd import Reply

        class Client:
            async def complete(self, request):
                return Reply(text='{"reason": "", "response": "calm"}')

        @pytest.fixture(scope="session", params=["small", "large/v2"])
        def llm_client(request):
            return Client()
        """
    )

    tree, _, _ = explorer("--collect-only")
    tone = named(tree, "case.md", "tone")
    assert (tone["kind"], tone["id"]) == ("function", f"{path}::tone")
    assert [one["name"] for one in tone["children"]] == ["[small]", "[large/v2]"]
    assert named(tree, "case.md", "two")["kind"] == "test"

    large = named(tone, "[large/v2]")
    _, results, _ = explorer(large["id"], "--judge-model=gpt-x")
    assert [*results] == [f"{path}::tone[large/v2]"]


def test_measures_and_tests_of_python_stand_side_by_side(explorer, cases, pytester):
    pytester.makepyfile(
        test_it="class TestIt:\n    def test_this(self):\n        pass\n"
    )
    tree, results, _ = explorer("--judge-model=gpt-x")
    assert named(tree, "test_it.py", "TestIt", "test_this")["line"] == 2
    assert len(results) == len(leaves(tree)) == 4


def test_a_skipped_measure_and_an_error_are_filed(explorer, write_case):
    waits = write_case(logic("one", "return 1;"), name="waits.md", answer="")
    breaks = write_case(logic("one", "return no.at;"), name="breaks.md")
    _, results, _ = explorer()
    assert results[f"{waits}::one"][0] == "skipped"
    outcome, message = results[f"{breaks}::one"]
    assert outcome == "failed"
    assert "logic failed at line 1" in message
