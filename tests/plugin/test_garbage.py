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
import atexit
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


def test_what_others_set_aside_stays(pytester, watched):
    program = "import gc, pytest\ngc.freeze()\npytest.main(['-s', '-pno:xdist'])"
    pytester.makepyfile(program=program)
    assert watched(pytester.runpython("program.py")) == ["RUN True", "EXIT True"]


def test_in_a_process_that_goes_on(run_here, pytester, watched):
    pytester.makeconftest(CONFTEST)
    before = gc.get_freeze_count(), [*gc.callbacks]  # hypothesis has one, too
    assert watched(run_here("-s")) == ["RUN True"]
    assert (gc.get_freeze_count(), gc.callbacks) == before


WATCH_SURVIVORS = """
import gc, pytest

KEPT = []

@pytest.fixture(autouse=True)
def keep():
    KEPT.extend([] for _ in range(1000))
    before = gc.get_freeze_count()
    gc.collect()
    print("RUN", gc.get_freeze_count() - before >= 1000)
"""


def test_what_lives_through_a_full_collection(pytester, watched):
    pytester.makeconftest(WATCH_SURVIVORS)
    assert watched(pytester.runpytest_subprocess("-s", "-pno:xdist")) == ["RUN True"]


def test_survivors_beside_other_tests(pytester, watched):
    pytester.makeconftest(WATCH_SURVIVORS)
    pytester.makepyfile("def test_python(): pass")
    result = pytester.runpytest_subprocess("-s", "-pno:xdist")
    assert watched(result) == ["RUN False", "RUN False"]


FREED = """
import atexit, weakref

nodes = []
atexit.register(lambda: print("EXIT", any(node() for node in nodes)))

class Watch:
    def pytest_runtest_logreport(self, report):
        if report.when != "teardown":  # the reporter keeps the last one
            nodes.append(weakref.ref(report))

    def pytest_collection_finish(self, session):
        nodes.extend(map(weakref.ref, session.items))

if __name__ == "__main__":
    import gc, pytest
    gc.disable()
    pytest.main(["-s", "-pno:xdist", "-pno:cacheprovider"], [Watch()])
"""
AT_USERS_EXIT = """
import atexit
SESSIONS = []

def pytest_collection_finish(session):
    SESSIONS.append(session)

@atexit.register
def look():
    (session,) = SESSIONS
    names = [item.name for item in session.items if "programmatic" in item.keywords]
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    print("EXIT", names == ["one"] and len(reporter.stats["passed"]) == 1)
"""


def test_items_and_reports_are_freed_before_python_looks_for_them(pytester, watched):
    pytester.makeconftest("")
    program = pytester.makepyfile(program=FREED)
    assert watched(pytester.runpython(program)) == ["EXIT False"]


def test_what_users_do_at_exit_comes_before(pytester, watched):
    pytester.makeconftest(AT_USERS_EXIT)
    program = pytester.makepyfile(program=FREED)
    assert watched(pytester.runpython(program)) == ["EXIT True", "EXIT False"]


def test_other_tests_are_not_freed(pytester, watched):
    pytester.makeconftest("")
    pytester.makepyfile(test_python="def test_python(): pass")
    program = pytester.makepyfile(program=FREED)
    assert watched(pytester.runpython(program)) == ["EXIT True"]
