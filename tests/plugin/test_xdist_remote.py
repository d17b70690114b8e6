"""Workers that xdist reaches over a socket: an interpreter with packages of its own.

``EVALMD_OTHER_PYTHON`` names one that has this plugin; else it is the same Python again.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from measures import ai, logic

pytest.importorskip("xdist")

OTHER = os.environ.get("EVALMD_OTHER_PYTHON", sys.executable)
CONFTEST = """
import platform
import pytest
from pytest_evalmd import Reply

class Judge:
    async def complete(self, request):
        return Reply(text='{"reason": "so", "response": "calm"}')

@pytest.fixture(scope="session")
def llm_client():
    return Judge()

@pytest.fixture(autouse=True)
def version(record_property):
    record_property("python", platform.python_version())
"""


@pytest.fixture
def far(tmp_path):
    """Serve workers; give what xdist calls them, and where their files are."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "{}:{}".format(*free.getsockname())
    serve = [OTHER, "-u", "-m", "execnet.script.socketserver", address]
    with subprocess.Popen(serve, cwd=tmp_path, stdout=subprocess.PIPE) as server:
        assert server.stdout
        assert b"Accept loop" in server.stdout.readline()
        yield f"socket={address}", tmp_path / "pyexecnetcache"
        server.kill()


@pytest.mark.slow
def test_another_interpreter_finds_and_keeps_the_same(pytester, write_case, far):
    spec, copy = far
    chain = ai("tone") + logic("size", "return input.length;", input="tone")
    wrong = logic("wrong", "return 1;")
    for n in range(3):
        results = {"tone": "calm", "size": "4", "wrong": "2"}
        write_case(chain + wrong, results, name=f"cases/c{n}.md")
    cases = pytester.path / "cases"
    (cases / "conftest.py").write_text(CONFTEST, encoding="utf-8")
    run = ("-d", f"--tx={spec}", f"--rsyncdir={cases}", "--junitxml=junit.xml", cases)

    result = pytester.runpytest_subprocess(*run)

    result.assert_outcomes(passed=6, failed=3)
    version = subprocess.run([OTHER, "--version"], capture_output=True, text=True)
    seen = f'name="python" value="{version.stdout.split()[1]}"'
    assert (pytester.path / "junit.xml").read_text().count(seen) == 9
    recorded = sorted((copy / "cases/__evalmd__").glob("*.json"))
    assert [file.name for file in recorded] == ["c0.json", "c1.json", "c2.json"]
