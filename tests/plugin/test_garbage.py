"""What the garbage collector passes by, and when."""

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
    before = gc.get_freeze_count()
    assert watched(run_here("-s")) == ["RUN True"]
    assert gc.get_freeze_count() == before == 0
