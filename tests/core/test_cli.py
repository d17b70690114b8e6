"""The command line ``evalmd``, without pytest."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from case_texts import case_text
from judges import ai, question, remembered

from pytest_evalmd.cli import main
from pytest_evalmd.cli.cases import find_cases
from pytest_evalmd.judge.recordings import read_recordings, write_recordings
from pytest_evalmd.judge.spool import recordings_path

MEASURE = ("id: tone", "description: D", "type: ai", "prompt: P")


@pytest.fixture
def case(tmp_path):
    path = tmp_path / "sub/a.md"
    path.parent.mkdir()
    path.write_text(case_text(MEASURE))
    return path


def test_no_command(capsys):
    for arguments in ([], ["nope"], ["prune"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 2
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "prune" in capsys.readouterr().out


def test_cases_in_folders_and_by_name(tmp_path, case):
    (tmp_path / "notes.md").write_text("# Only notes\n")
    (tmp_path / "z.md").write_text(case_text(MEASURE))
    (tmp_path / "folder.md").mkdir()
    (tmp_path / "x.txt").write_text(case_text(MEASURE))

    found = list(find_cases([tmp_path]))

    assert [one.path for one in found] == [case, tmp_path / "z.md"]
    assert [one.path for one in find_cases([case, tmp_path / "notes.md"])] == [case]


def test_what_can_not_be_read_is_a_problem(tmp_path, case):
    case.write_text(case_text(MEASURE).replace("type: ai", "type: oracle"))

    broken, gone = find_cases([case, tmp_path / "gone.md"])

    assert broken.case is gone.case is None
    assert broken.problems[0].startswith(f"{case}:")
    assert gone.problems == (
        f"{tmp_path / 'gone.md'}: can't be read: No such file or directory",
    )


def test_prune_runs_without_pytest_and_openai(case):
    asked = question(ai("tone", "P", "any"), answer="A")
    other = question(ai("tone", "Old", "any"), answer="A")
    path = recordings_path(case)
    path.parent.mkdir()
    path.write_text(write_recordings("a.md", map(remembered, (asked, other))))
    code = (
        "import sys; sys.modules['openai'] = sys.modules['pytest'] = None; "
        "from pytest_evalmd.cli import main; sys.exit(main())"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, "prune", "sub"],
        cwd=case.parent.parent,
        capture_output=True,
        text=True,
    )

    said = f"{Path('sub/__evalmd__/a.json')}: 1 reply dropped\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, said, "")
    assert {*read_recordings(path.read_text())} == {asked.key(0)}


@pytest.mark.parametrize("more", [[], ["--format", "json"]])
def test_whoever_reads_may_stop(tmp_path, more):
    for n in range(300):  # more than a pipe takes, or a little that is left to the end
        (tmp_path / f"{n}.md").write_text(case_text(MEASURE, answer=""))
    code = "import sys; from pytest_evalmd.cli import main; sys.exit(main())"
    for path in (tmp_path, tmp_path / "1.md"):
        running = subprocess.Popen(
            [sys.executable, "-c", code, "check", path, *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        running.stdout.close()
        _, said = running.communicate()
        assert (running.returncode, said) == (1, b"")
