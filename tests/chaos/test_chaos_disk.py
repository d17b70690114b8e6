"""Disks that are full or read-only: what can't be written is said, and nothing is lost."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from mock_server import MockServer
from projects import ai, asked

FILL = """
from pathlib import Path
import pytest

@pytest.hookimpl(tryfirst=True)
def {hook}:
    with Path("filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 512)
        except OSError:
            pass
"""
"""Leaves no room on the disk from a certain moment on."""
AT_THE_START = FILL.format(hook="pytest_collection_finish(session)")
AT_THE_END = FILL.format(hook="pytest_sessionfinish(session)")
NOT_ROOTS_POWER = "-dac_override,-dac_read_search"


@pytest.fixture
def small_disk(project, tmp_path):
    """Put the project on a disk of 512 KiB of its own."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(project.path)]
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root may mount a small disk")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    project.ini()
    yield project
    project.end()
    subprocess.run(["umount", "-l", str(project.path)], check=True)


@pytest.fixture
def no_power(project):
    """Have pytest obey the modes of files, which root else does not."""
    if os.name != "posix":
        pytest.skip("modes are POSIX's")
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("root writes everywhere, and there is no setpriv to change it")
        limits = (f"--bounding-set={NOT_ROOTS_POWER}", f"--inh-caps={NOT_ROOTS_POWER}")
        project.launcher = ("setpriv", *limits)
    yield project
    for folder in project.path.rglob("*"):
        folder.chmod(0o755)


@pytest.mark.fault(
    "the disk is full while replies come",
    sees=("replies NOT remembered", "No space left on device"),
    keeps="case files and recordings as they were; the verdicts count for this run",
)
def test_full_from_the_start(small_disk, seen):
    project = small_disk
    project.write_many(6)
    with MockServer() as server:
        assert project.run(server, "-q", "-k", "case0000").ret == 0
        before = project.recorded()
        cases = project.cases()
        project.conftest(AT_THE_START)
        run = project.run(server, "-q")
        seen(run.out)
        assert run.summary == {"passed": 6}
        assert project.recorded() == before
        assert project.cases() == cases

        (project.path / "filler").unlink()
        project.conftest("")
        server.requests.clear()
        assert project.run(server, "-q").summary == {"passed": 6}
        assert len(project.recorded()) == 6


@pytest.mark.fault(
    "the disk is full when replies are folded into the recordings",
    sees=("replies NOT remembered", "No space left on device"),
    keeps="every reply, in the spool; the next run asks nothing and folds it",
)
def test_full_at_the_end(small_disk, seen):
    project = small_disk
    project.write_many(6)
    project.conftest(AT_THE_END)
    with MockServer() as server:
        run = project.run(server, "-q")
        seen(run.out)
        assert run.summary == {"passed": 6}
        kept = project.spooled()
        assert kept == asked(server)

        (project.path / "filler").unlink()
        project.conftest("")
        server.requests.clear()
        assert project.run(server, "-q").summary == {"passed": 6}
        assert server.requests == []
        assert project.recorded() == kept
        assert project.leftovers() == []


@pytest.mark.fault(
    "the disk is full when results are written",
    sees=("results NOT written", "case.md: No space left on device"),
    keeps="the case file, byte for byte; the exit status is 1",
)
def test_full_when_results_are_written(small_disk, seen):
    project = small_disk
    path = project.write("case", ai("m"), results={"m": "7"})
    before = path.read_bytes()
    project.conftest(AT_THE_END)
    with MockServer() as server:
        run = project.run(server, "-q", "--update-results")
        seen(run.out)
        assert run.ret == pytest.ExitCode.TESTS_FAILED
        assert path.read_bytes() == before

        (project.path / "filler").unlink()
        project.conftest("")
        server.requests.clear()
        assert project.run(server, "-q", "--update-results").ret == 0
        assert server.requests == []
    assert path.read_bytes() == before.replace(b"\n7\n", b"\n1\n")


@pytest.mark.fault(
    "the folder of the cases is read-only",
    sees=(
        "results NOT written",
        "replies NOT remembered",
        "cases/case.md: Permission denied",
        "case.json: Permission denied",
    ),
    keeps="all files; the verdicts count for this run",
)
def test_a_read_only_folder(no_power, seen):
    project = no_power
    path = project.write("cases/case", ai("m"), ai("same"), results={"m": "7"})
    before = path.read_bytes()
    path.parent.chmod(0o555)
    with MockServer() as server:
        run = project.run(server, "-q", "--update-results")
    seen(run.out)
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert run.summary == {"passed": 2}
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


REPORTS = [f"out/{name}" for name in ("r.html", "r.md", "r.json", "run.json")]
REPORTING = ["-q", *(f"--evalmd-report={name}" for name in REPORTS[:3])]
REPORTING.append(f"--evalmd-run={REPORTS[3]}")


def check_reports_kept(project, before, run):
    """Hold that the run failed for its reports, and that those there are the old ones."""
    assert run.ret == pytest.ExitCode.TESTS_FAILED
    assert run.summary == {"passed": 1}
    found = {path.name: path.read_bytes() for path in (project.path / "out").iterdir()}
    assert found == before


@pytest.mark.fault(
    "reports and run files go to a read-only folder",
    sees=(
        "out/r.html: not written: Permission denied",
        "out/r.md: not written: Permission denied",
        "out/r.json: not written: Permission denied",
        "out/run.json: not written: Permission denied",
    ),
    keeps="those of the run before; the exit status is 1",
)
def test_reports_into_a_read_only_folder(no_power, seen):
    project = no_power
    project.write("case", ai("m"), results={"m": "1"})
    with MockServer() as server:
        assert project.run(server, *REPORTING).ret == 0
        out = project.path / "out"
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        assert len(before) == 4
        out.chmod(0o555)
        run = project.run(server, *REPORTING)
    seen(run.out)
    check_reports_kept(project, before, run)


@pytest.mark.fault(
    "the disk is full when reports and run files are written",
    sees=(
        "out/r.html: not written: No space left on device",
        "out/run.json: not written: No space left on device",
    ),
    keeps="those of the run before; the exit status is 1",
)
def test_full_when_reports_are_written(small_disk, seen):
    project = small_disk
    project.write("case", ai("m"), results={"m": "1"})
    with MockServer() as server:
        assert project.run(server, *REPORTING).ret == 0
        out = project.path / "out"
        before = {path.name: path.read_bytes() for path in out.iterdir()}
        project.conftest(AT_THE_END)
        run = project.run(server, *REPORTING)
    seen(run.out)
    check_reports_kept(project, before, run)


@pytest.mark.fault(
    "recordings or a case may not be read",
    sees=(
        "Permission denied; mend or delete it",
        "hidden.md: Permission denied",
    ),
    keeps="all files; other cases run",
)
def test_unreadable_files(no_power, seen):
    project = no_power
    project.write_many(3)
    project.write("hidden", ai("h"))
    with MockServer() as server:
        project.run(server, "-q")
        recordings = project.path / "__evalmd__/case0001.json"
        before = {p: p.read_bytes() for p in project.path.rglob("*") if p.is_file()}
        recordings.chmod(0)
        (project.path / "hidden.md").chmod(0)
        server.requests.clear()
        run = project.run(server, "-q", "--continue-on-collection-errors")
        assert server.requests == []
    seen(run.out)
    assert run.summary == {"passed": 2, "errors": 2}
    recordings.chmod(0o644)
    (project.path / "hidden.md").chmod(0o644)
    after = {p: p.read_bytes() for p in project.path.rglob("*") if p.is_file()}
    assert after == before
