"""What the garbage collector passes by, and when; what is freed before it ends."""

from __future__ import annotations

import gc
import re

import pytest
from measures import logic

CONFTEST = """
import gc, pytest

@pytest.fixture(autouse=True)
def watch():
    print("RUN", gc.get_freeze_count() > 0)
"""
AT_EXIT = """
import atexit, gc
atexit.register(lambda: print("EXIT", gc.get_freeze_count() > 0))

class Log:
    # Is in a cycle, and writes its last line only once it is collected.
    def __init__(self):
        self.file, self.mine = open("log.txt", "w"), self
        self.file.write("line")

log = Log()
"""


@pytest.fixture
def watched(pytester, write_case):
    write_case(logic("one", "return 1;"), {"one": "1"})
    pytester.makeconftest(CONFTEST + AT_EXIT)
    return seen


def seen(result):
    return re.findall(r"(?:RUN|EXIT) \w+", result.stdout.str())


def test_only_measures(pytester, watched):
    result = pytester.runpytest_subprocess("-s", "-p", "no:xdist")
    assert watched(result) == ["RUN True", "EXIT False"]
    assert (pytester.path / "log.txt").read_text() == "line"


def test_other_tests_may_watch_it(pytester, watched):
    pytester.makepyfile("def test_python(): pass")
    result = pytester.runpytest_subprocess("-s", "-p", "no:xdist")
    assert watched(result) == ["RUN False", "RUN False", "EXIT False"]


def test_what_others_set_aside_stays_beside_other_tests(pytester, watched):
    pytester.makeconftest(AT_EXIT)
    pytester.mkdir("sub")
    freeze = "import gc\ngc.freeze()\ndef test(): pass"
    (pytester.path / "sub" / "test_it.py").write_text(freeze)
    result = pytester.runpytest_subprocess("-s", "-p", "no:xdist")
    result.assert_outcomes(passed=2)
    assert watched(result) == ["EXIT True"]


def test_what_others_set_aside_stays(pytester, watched):
    program = "import gc, pytest\ngc.freeze()\npytest.main(['-s', '-pno:xdist'])"
    pytester.makepyfile(program=program)
    assert watched(pytester.runpython("program.py")) == ["RUN True", "EXIT True"]


def test_what_others_set_aside_meanwhile_stays(pytester, watched):
    freeze = "def pytest_collection_modifyitems(items): gc.freeze()"
    pytester.makeconftest(CONFTEST + AT_EXIT + freeze)
    result = pytester.runpytest_subprocess("-s", "-p", "no:xdist")
    assert watched(result) == ["RUN True", "EXIT True"]


@pytest.mark.parametrize("frozen", [False, True])
def test_while_cases_are_parsed(pytester, watched, write_case, frozen):
    write_case("no measure", name="broken.md")
    watch = """
from pytest_evalmd import collect

def parse_case(text, parse=collect.parse_case):
    print("RUN", gc.get_freeze_count() > 0)
    return parse(text)

collect.parse_case = parse_case

def pytest_collectreport(report):
    if report.nodeid.endswith(".md"):
        print("RUN", gc.get_freeze_count() > 0)
"""
    pytester.makeconftest(AT_EXIT + watch + "gc.freeze()" * frozen)
    result = pytester.runpytest_subprocess("-s", "-p", "no:xdist")
    parsed, collected = ["RUN True"] * 2, [f"RUN {frozen}"] * 2
    told = [parsed[0], collected[0], parsed[1], collected[1]]
    assert watched(result) == [*told, f"EXIT {frozen}"]


def test_in_a_process_that_goes_on(run_here, pytester, watched):
    pytester.makeconftest(CONFTEST)
    before = gc.get_freeze_count(), [*gc.callbacks]  # hypothesis has one, too
    assert watched(run_here("-s")) == ["RUN True"]
    assert (gc.get_freeze_count(), gc.callbacks) == before


LEAKS = """
import gc, weakref, pytest

class Client:
    def __init__(self):
        self.me = self

@pytest.fixture(autouse=True)
def freed():
    client = Client()
    seen = weakref.ref(client)
    gc.collect()
    yield
    del client
    gc.collect()
    assert seen() is None
"""
UNCLOSED = """
class Log:
    def __init__(self):
        self.file, self.mine = open("log.txt", "w"), self

LOGS = [Log()]

def pytest_sessionfinish():
    LOGS.clear()
"""


def test_what_lived_through_a_collection_is_found_later(pytester, watched):
    pytester.makeconftest(LEAKS)
    pytester.runpytest_subprocess("-pno:xdist").assert_outcomes(passed=1)


def test_pytest_sees_all_garbage(pytester, watched):
    pytester.makeconftest(UNCLOSED)
    python = pytester.makepyfile("def test_python(): pass")
    runs = [
        pytester.runpytest_subprocess("-pno:xdist", "-Werror", path)
        for path in (python, "case.md")
    ]
    warned = ["PytestUnraisableExceptionWarning" in run.stderr.str() for run in runs]
    # pytest looks for garbage at the end since 8.4.
    assert warned == [tuple(map(int, pytest.__version__.split(".")[:2])) >= (8, 4)] * 2
    assert runs[0].ret == runs[1].ret


PROGRAM = """
import atexit, gc, sys, weakref

sessions, nodes = [], []

class Watch:
    def pytest_runtest_logreport(self, report):
        if report.when != "teardown":  # the reporter keeps the last one
            nodes.append(weakref.ref(report))

    def pytest_collection_finish(self, session):
        nodes.extend(map(weakref.ref, session.items))
        sessions.append(session)

@atexit.register
def look():
    for session in sessions:
        names = [item.name for item in session.items]
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        print("EXIT", names, len(reporter.stats["passed"]))
    gc.callbacks.append(look_again)

def look_again(phase, info):
    if sys.is_finalizing() and phase == "start":
        print("LEFT", any(node() for node in nodes))

if __name__ == "__main__":
    import pytest
    pytest.main(["-s", "-pno:xdist", "-pno:cacheprovider"], [Watch()])
"""
AT_LAST = """
import builtins

class Log:
    def __init__(self, item):
        self.item, self.open = item, builtins.open

    def __del__(self):
        with self.open("log.txt", "a") as file:
            file.write(f"{self.item.originalname} {'programmatic' in self.item.keywords}")

def pytest_runtest_setup(item):
    item.log = Log(item)
"""
OTHERS = """
import pytest

class Extra(pytest.Item):
    def runtest(self):
        pass

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    session.items.append(Extra.from_parent(session, name="extra"))
"""
GONE = """
def pytest_unconfigure(config):
    config.pluginmanager.get_plugin("session").items = None
    config.pluginmanager.get_plugin("terminalreporter").stats = None
"""


def test_items_and_reports_are_freed_after_all_that_runs_at_exit(pytester, watched):
    pytester.makeconftest("")
    result = pytester.runpython(pytester.makepyfile(program=PROGRAM))
    result.stdout.fnmatch_lines(["EXIT ['one'] 1", "LEFT False"], consecutive=True)


def test_what_others_hold_stays_whole(pytester, watched):
    pytester.makeconftest(AT_LAST)
    result = pytester.runpytest_subprocess("-pno:xdist")
    assert (pytester.path / "log.txt").read_text() == "one True"
    assert not result.stderr.str()


@pytest.mark.parametrize("conftest", [OTHERS, GONE], ids=["others", "gone"])
def test_what_was_changed_meanwhile_is_no_matter(pytester, watched, conftest):
    pytester.makeconftest(conftest)
    program = "import atexit, pytest\natexit.register(print, 'END')\npytest.main()"
    result = pytester.runpython(pytester.makepyfile(program=program))
    result.stdout.fnmatch_lines("END")
    assert not result.stderr.str()
