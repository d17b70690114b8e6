"""Files that change, vanish or lead nowhere while a run goes on; clocks and garbage."""

from __future__ import annotations

import os

import projects
import pytest
from mock_server import MockServer
from projects import ai, asked

ONCE = """
import pytest, os, shutil
from pathlib import Path

done = []

@pytest.fixture(autouse=True)
def meddle():
    yield
    if not done:
        done.append(1)
        {code}
"""
"""Does something to the files once the first measure was computed."""
CLOCK = """
import datetime, itertools, time

given, steps = time.time, itertools.count()
time.time = lambda: given() - 3600.0 * next(steps)

class Earlier(datetime.date):
    @classmethod
    def today(cls):
        return cls(1999, 12, 31)

datetime.date = Earlier
"""
"""An hour is lost each time that somebody looks."""


def meddle(project, code):
    project.conftest(ONCE.format(code=code))


@pytest.mark.fault(
    "a case file is replaced while the run goes on",
    sees=(
        "results NOT written",
        "case.md: the file changed since it was read; run again",
    ),
    keeps="the new file; the replies, so that the next run asks only what changed",
)
def test_a_case_that_is_replaced(project, seen):
    path = project.write("case", ai("m"), ai("n"), results={"m": "7", "n": "8"})
    new = path.read_bytes().replace(b"\n7\n", b"\n6\n") + b"\nA note.\n"
    project.path.joinpath("new").write_bytes(new)
    meddle(project, "os.replace('new', 'case.md')")
    with MockServer() as server:
        run = project.run(server, "-q", "--update-results")
        seen(run.out)
        assert run.ret == pytest.ExitCode.TESTS_FAILED
        assert path.read_bytes() == new
        assert project.recorded() == asked(server)

        project.conftest("")
        server.requests.clear()
        assert project.run(server, "-q", "--update-results").ret == 0
        assert server.requests == []
    assert path.read_bytes() == new.replace(b"\n6\n", b"\n1\n").replace(
        b"\n8\n", b"\n1\n"
    )


@pytest.mark.fault(
    "a case file is deleted, or a folder comes in its place, while the run goes on",
    sees=(
        "results NOT written",
        "gone.md: No such file or directory",
        "folder.md: Is a directory",
    ),
    keeps="the replies; results of other cases are written",
)
def test_cases_that_are_gone(project, seen):
    for name in ("folder", "gone", "stays"):
        project.write(name, ai(name), results={name: "7"})
    meddle(
        project,
        "os.remove('gone.md'); os.remove('folder.md'); os.mkdir('folder.md')",
    )
    with MockServer() as server:
        run = project.run(server, "-q", "--update-results")
        seen(run.out)
        assert run.ret == pytest.ExitCode.TESTS_FAILED
        assert project.recorded() == asked(server)
    assert "\n1\n" in (project.path / "stays.md").read_text()
    assert not (project.path / "gone.md").exists()


@pytest.mark.fault(
    "the recordings' folder is deleted while the run goes on",
    sees=("judge: 4 asked",),
    keeps="what came afterwards; what was deleted is asked for again by the next run",
)
def test_recordings_that_are_gone(project, seen):
    project.write_many(4)
    meddle(project, "shutil.rmtree('__evalmd__', ignore_errors=True)")
    with MockServer() as server:
        run = project.run(server, "-q", "--evalmd-concurrency=1")
        seen(run.out)
        assert run.summary == {"passed": 4}
        kept = project.recorded() + project.spooled()
        server.requests.clear()
        project.conftest("")
        assert project.run(server, "-q").summary == {"passed": 4}
        assert len(server.requests) == 4 - len(kept)
        assert len(project.recorded()) == 4


@pytest.mark.fault(
    "recordings are replaced while the run goes on, as by git checkout",
    sees=("judge: 3 asked",),
    keeps="both: what came with the new file, and what the run asked for",
)
def test_recordings_that_are_replaced(project, seen):
    project.write("case", ai("a"), ai("b"))
    with MockServer() as server:
        project.run(server, "-q", "case.md::a")
        theirs = project.path / "theirs.json"
        (project.path / "__evalmd__/case.json").rename(theirs)
        project.write("case", ai("a"), ai("b"), ai("c"))
        meddle(project, "os.replace('theirs.json', '__evalmd__/case.json')")
        server.requests.clear()
        run = project.run(server, "-q")
        seen(run.out)
        assert run.summary == {"passed": 3}
        assert set(project.recorded()) == {"PROMPT a.", "PROMPT b.", "PROMPT c."}


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX's")
@pytest.mark.fault(
    "links to files that lead in circles or nowhere",
    sees=("2 passed", "judge: 2 asked"),
    keeps="all files; each case runs once",
)
def test_circles(project, seen):
    project.write_many(2)
    folder = project.path
    (folder / "self.md").symlink_to("self.md")
    (folder / "one.md").symlink_to("other.md")
    (folder / "other.md").symlink_to("one.md")
    (folder / "nowhere.md").symlink_to("gone/away.md")
    before = {path: path.read_bytes() for path in folder.glob("case*.md")}
    with MockServer() as server:
        run = project.run(server, "-q")
        seen(run.out)
        assert run.ret == 0
        assert len(server.requests) == 2
    assert {path: path.read_bytes() for path in folder.glob("case*.md")} == before


@pytest.mark.skipif(os.name != "posix", reason="links and pipes are POSIX's")
@pytest.mark.fault(
    "recordings are a pipe, a device or a link in a circle, as from a pull request",
    sees=(
        "it is no file; mend or delete it",
        "Too many levels of symbolic links; mend or delete it",
        "1 passed, 3 errors",
    ),
    keeps="all files; other cases run",
)
def test_recordings_that_are_no_files(project, seen, monkeypatch):
    monkeypatch.setattr(projects, "TIMEOUT_S", 20)  # it once read a device to its end
    project.write_many(4)
    with MockServer() as server:
        project.run(server, "-q")
        pipe, device, circle = (
            project.path / f"__evalmd__/case000{n}.json" for n in range(3)
        )
        for path in (pipe, device, circle):
            path.unlink()
        os.mkfifo(pipe)
        os.mkfifo(project.path / "__evalmd__/.spool/0-0.json")
        device.symlink_to("/dev/zero")
        circle.symlink_to(circle.name)
        server.requests.clear()
        run = project.run(server, "-q", "--tb=line")
        seen(run.out)
        assert server.requests == []
    assert pipe.is_fifo()
    assert device.is_symlink()
    assert circle.is_symlink()


BROKEN = (b"", b'{"format"', b"\xff\xfe\0", b"[" * 10**6)


@pytest.mark.fault(
    "recordings are cut off, garbage or a folder",
    sees=("mend or delete it", "1 passed, 5 errors"),
    keeps="the broken file, byte for byte, for you to mend; other cases run",
)
def test_broken_recordings(project, seen):
    project.write_many(6)
    with MockServer() as server:
        project.run(server, "-q")
        paths = [project.path / f"__evalmd__/case000{n}.json" for n in range(5)]
        for path, data in zip(paths, BROKEN, strict=False):
            path.write_bytes(data)
        paths[-1].unlink()
        paths[-1].mkdir()
        server.requests.clear()
        run = project.run(server, "-q", "--update-results")
        seen(run.out)
        assert server.requests == []
    assert tuple(path.read_bytes() for path in paths[:-1]) == BROKEN
    assert paths[-1].is_dir()


@pytest.mark.fault(
    "the spool holds garbage",
    sees=("4 passed", "judge: 3 asked, 1 remembered"),
    keeps="what is garbage is left alone; the replies beside it are folded",
)
def test_garbage_in_the_spool(project, seen):
    project.write_many(4)
    with MockServer() as server:
        project.run(server, "-q", "-k", "case0000")
        spool = project.path / "__evalmd__/.spool"
        spool.mkdir(exist_ok=True)
        (spool / "folder-0.json").mkdir()
        garbage = {"a-b.json": b"", "a.json": b"\xff", "x-y.json": b"[" * 10**5}
        for name, data in garbage.items():
            (spool / name).write_bytes(data)
        run = project.run(server, "-q")
        seen(run.out)
        assert len(project.recorded()) == 4
    assert {name: (spool / name).read_bytes() for name in garbage} == garbage


@pytest.mark.fault(
    "the clock goes back",
    sees=("6 passed", "judge: 6 asked"),
    keeps="everything; only the date in the recordings is the clock's",
)
def test_a_clock_that_goes_back(project, seen):
    project.write_many(6)
    project.conftest(CLOCK)
    with MockServer() as server:
        run = project.run(server, "-q")
        seen(run.out)
        assert len(project.recorded()) == 6
        assert project.leftovers() == []
        first = project.path / "__evalmd__/case0000.json"
        assert '"date": "1999-12-31"' in first.read_text()
        os.utime(first, (2**33, 2**33))
        server.requests.clear()
        assert project.run(server, "-q").summary == {"passed": 6}
        assert server.requests == []
