"""``--update-results`` where a file can't, or must not, simply be written."""

from __future__ import annotations

import os
import stat

import pytest
from measures import ai, logic

ONE = logic("one", "return 2;")
CLIENTS = """
import pytest
from pytest_evalmd import Reply

class Judge:
    def __init__(self, reply):
        self.reply = reply

    async def complete(self, request):
        return Reply(text='{"response": "%s"}' % self.reply)

@pytest.fixture(scope="session", params=["calm", "angry"])
def llm_client(request):
    return Judge(request.param)
"""


def test_clients_that_disagree(run, pytester, write_case):
    pytester.makeconftest(CLIENTS)
    path = write_case(ai("tone") + ONE, {"tone": "sad", "one": "1"})
    expected = path.read_bytes().replace(b"> 1", b"> 2")

    result = run("--update-results", "-p", "no:cacheprovider")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*results updated*",
            "case.md:*one: 1 -> 2",
            "*results NOT written*",
            "case.md::tone: clients disagree, *'case.md::tone[[]...]'",
        ]
    )
    assert path.read_bytes() == expected


def test_a_client_that_agrees_with_what_is_recorded(run_here, pytester, write_case):
    pytester.makeconftest(CLIENTS)
    path = write_case(ai("tone"), {"tone": "sad"})

    chosen = run_here("case.md::tone[calm]", "--update-results")
    assert chosen.ret == 0
    calm = path.read_bytes()
    assert b"> calm\n" in calm

    both = run_here("--update-results")
    assert both.ret == 1
    both.stdout.fnmatch_lines(["case.md::tone: clients disagree, *"])
    assert path.read_bytes() == calm


@pytest.mark.fault(
    "a case file is read-only",
    sees=("results NOT written", "case.md: the file is read-only"),
    keeps="the file, byte for byte; results of other cases are written; the exit status is 1",
)
def test_a_file_that_is_read_only(run_here, pytester, write_case):
    path = write_case(ONE, {"one": "1"})
    other = write_case(ONE, {"one": "1"}, name="other.md")
    before = path.read_bytes()
    path.chmod(0o444)
    if os.access(path, os.W_OK):
        pytester.makeconftest(  # root may write all; then play a user who may not
            """
            import os
            import pytest

            @pytest.fixture(autouse=True, scope="session")
            def nobody():
                given, os.access = os.access, lambda path, mode: (
                    bool(os.stat(path).st_mode & 0o222) and given(path, mode)
                )
                yield

            def pytest_unconfigure(config, given=os.access):
                os.access = given
            """
        )

    result = run_here("--update-results")

    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "*results updated*",
            "other.md:*one: 1 -> 2",
            "*results NOT written*",
            "case.md: the file is read-only",
        ]
    )
    assert path.read_bytes() == before
    assert b"> 2\n" in other.read_bytes()


def test_a_folder_that_is_read_only(run_here, pytester, write_case):
    path = write_case(ONE, {"one": "1"}, name="cases/case.md")
    before = path.read_bytes()
    path.parent.chmod(0o555)
    try:
        (path.parent / "probe").touch()
    except OSError:
        pass
    else:
        (path.parent / "probe").unlink()
        path.parent.chmod(0o755)
        pytest.skip("this user (root?) may write into read-only folders")
    try:
        result = run_here("--update-results")
    finally:
        path.parent.chmod(0o755)

    assert result.ret == 1
    result.stdout.fnmatch_lines(["cases/case.md: Permission denied"])
    assert path.read_bytes() == before


def test_a_disk_that_is_full(run_here, pytester, write_case):
    path = write_case(ONE, {"one": "1"})
    before = path.read_bytes()
    pytester.makeconftest(
        """
        import os

        given = os.fsync

        def pytest_configure(config):
            def full(handle):
                raise OSError(28, "No space left on device")
            os.fsync = full

        def pytest_unconfigure(config):
            os.fsync = given
        """
    )

    result = run_here("--update-results")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["case.md: No space left on device"])
    assert path.read_bytes() == before
    assert not list(pytester.path.glob(".evalmd-*"))


@pytest.mark.skipif(os.name == "nt", reason="needs links and modes of POSIX")
def test_links_and_modes_stay(run_here, pytester, write_case):
    path = write_case(ONE, {"one": "1"}, name="real/case.md")
    path.chmod(0o640)
    link = pytester.mkdir("linked") / "link.md"
    link.symlink_to(path)

    result = run_here("linked", "--update-results")

    result.stdout.fnmatch_lines(["linked/link.md:*one: 1 -> 2"])
    assert link.is_symlink()
    assert "> 2\n" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_file_and_a_link_to_it(run_here, pytester, write_case):
    path = write_case(ONE, {"one": "1"})
    try:
        (pytester.path / "link.md").symlink_to(path)
    except OSError:
        pytest.skip("this system has no symbolic links")

    result = run_here("--update-results")

    assert result.ret == 0, result.stdout.str()
    assert "> 2\n" in path.read_text()
    assert "NOT written" not in result.stdout.str()


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_windows_files(run_here, write_case, bom):
    measures = logic("one", "const a = 1;\nreturn [a, 'b'].join('\\n');") + ONE.replace(
        "one", "two"
    )
    path = write_case(measures, {"one": "x", "two": "3"})
    windows = bom + path.read_bytes().replace(b"\n", b"\r\n")
    path.write_bytes(windows)

    result = run_here("--update-results")

    result.assert_outcomes(passed=2)
    expected = windows.replace(b"> x\r\n", b"> 1\r\n> b\r\n").replace(b"> 3", b"> 2")
    assert path.read_bytes() == expected
    run_here().assert_outcomes(passed=2)


def test_a_file_that_is_gone(run_here, pytester, write_case):
    write_case(ONE, {"one": "1"})
    pytester.makeconftest(
        """
        import pytest

        @pytest.fixture(autouse=True)
        def remove(request):
            yield
            request.path.unlink()
        """
    )

    result = run_here("--update-results")

    assert result.ret == 1
    result.stdout.fnmatch_lines(["case.md: No such file or directory"])
    assert not (pytester.path / "case.md").exists()
