"""``evalmd answer``: what it plans, and what it refuses to."""

from __future__ import annotations

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from case_texts import case_text
from hypothesis import given
from hypothesis import strategies as st

from pytest_evalmd import files
from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.cli import main
from pytest_evalmd.files import NotWrittenError, create_file
from pytest_evalmd.generate.names import name_problem, safe_name

sys.path.append(str(Path(__file__).parents[1]))
from mock_server import MockServer, Response, completion

BLANK = case_text(answer="")


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5", "gpt-5"),
        ("qwen/q3:8b", "qwen-q3-8b"),
        (" meta\\llama ", "meta-llama"),
        ('a*?"<>|b', "a------b"),
        ("../../etc/passwd", "-.-..-etc-passwd"),
        (".", "-"),
        ("..", "--"),
        ("v1.", "v1-"),
        ("con", "_con"),
        ("NUL.5", "_NUL.5"),
        ("a\n\x1bb\u202e", "a--b-"),
        ("é😀", "é😀"),
        ("", ""),
    ],
)
def test_the_name_of_a_models_files(model, name):
    assert safe_name(model) == name


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_name_is_good_on_every_platform(model):
    name = safe_name(model)
    assert name_problem(name) is None or not name or len(name.encode()) > 200
    assert safe_name(name) == name


@pytest.fixture
def answer(tmp_path, monkeypatch, capsys):
    """Run the command on files, given by name; say what became of them."""
    monkeypatch.chdir(tmp_path)

    def run(written, *arguments):
        for name, text in written.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        with MockServer(behaviour=say_so) as server:
            monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
            monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789")
            status = main(["answer", *arguments])
            asked = [request["model"] for request in server.requests]
        said = capsys.readouterr()
        return status, asked, said.out, said.err

    return run


def say_so(request, _):
    return Response(body=completion("So.", model=request["model"]))


def test_only_what_is_unanswered_is_asked(answer, tmp_path):
    written = {
        "a/blank.md": BLANK,
        "b/full.md": case_text(),
        "notes.md": "# Notes\n",
        "c/one.md": case_text(answer="Old."),
        "c/x.md": BLANK.replace("\n", "\r\n"),
    }
    status, asked, out, _ = answer(written, ".", "a", "--model=one", "--model=two")
    assert (status, sorted(asked)) == (0, ["one", "two"])  # a and c ask the same
    assert out.endswith("3 written, 1 kept, 0 missing\n")
    made = (tmp_path / "c/two.md").read_bytes()
    front = b"---\r\nmodel: two\r\n---\r\n"
    assert made == front + case_text(answer="So.").replace("\n", "\r\n").encode()
    assert (tmp_path / "c/one.md").read_text() == case_text(answer="Old.")
    assert (tmp_path / "a/blank.md").read_text() == BLANK


def test_results_are_emptied(answer, tmp_path):
    result = (
        "```evaluation-yaml\n- measure: D\n```\n```evaluation-result-text\n9\n```\n"
    )
    answer({"blank.md": BLANK + result}, ".", "--model=one")
    case = parse_case((tmp_path / "one.md").read_text())
    assert (case.answer.text, case.result_text("m")) == ("So.", "")


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (("a/b", "a:b"), "--model: 'a/b' and 'a:b' would both be written to a-b.md"),
        (("GPT", "gpt"), "--model: 'GPT' and 'gpt' would both be written to gpt.md"),
        (("",), "--model: got ''; expected a name of 1 to 200 bytes"),
        (("x" * 201,), "expected a name of 1 to 200 bytes"),
    ],
)
def test_names_that_can_not_be(answer, models, said):
    arguments = [f"--model={model}" for model in models]
    status, asked, _, err = answer({"blank.md": BLANK}, ".", *arguments)
    assert (status, asked) == (2, [])
    assert said in err


def test_two_cases_that_want_the_same_file(answer):
    written = {"a.md": BLANK, "b.md": BLANK}
    status, asked, out, err = answer(written, ".", "--model=one")
    assert (status, asked) == (1, ["one"])
    assert "b.md: its answer would go to one.md, as that of a.md; put each" in err
    assert out.endswith("1 written, 0 kept, 1 missing\n")


@pytest.mark.parametrize("there", ["", "# Notes", BLANK, "```query-text\nmeasures"])
def test_a_file_without_an_answer_is_kept_and_told(answer, tmp_path, there):
    written = {"blank.md": BLANK, "one.md": there}
    status, asked, _, err = answer(written, "blank.md", "--model=one")
    assert (status, asked) == (1, [])
    assert "one.md: is there without an answer, and is kept; delete or rename" in err
    assert (tmp_path / "one.md").read_text() == there


@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({}, "no case without an answer found"),
        ({"a.md": case_text()}, "no case without an answer found"),
        ({"a.md": BLANK.replace("id: m", "id: ")}, "a.md:9: "),
    ],
)
def test_nothing_to_do_is_no_success(answer, written, said, dry):
    status, asked, _, err = answer(written, ".", "--model=one", *dry)
    assert (status, asked) == (1, [])
    assert said in err


def test_a_dry_run_tells_recordings_that_are_broken(answer, tmp_path):
    written = {"blank.md": BLANK, "__evalmd__/one.json": "{"}
    for dry in ((), ("--dry-run",)):
        status, asked, _, err = answer(written, ".", "--model=one", *dry)
        assert (status, asked) == (1, [])
        assert "blank.md: one: " in err
        assert "one.json: not JSON" in err
    assert (tmp_path / "__evalmd__/one.json").read_text() == "{"
    assert not (tmp_path / "one.md").exists()


def test_a_case_that_changed_meanwhile(answer, tmp_path, monkeypatch):
    from pytest_evalmd.cli import answering

    monkeypatch.setattr(answering, "decode", lambda _: case_text())
    status, asked, _, err = answer({"blank.md": BLANK}, ".", "--model=one")
    assert (status, asked) == (1, [])
    assert "blank.md: one: it has changed meanwhile; run it again" in err


def test_an_answer_that_another_run_wrote_meanwhile_is_kept(
    answer, tmp_path, monkeypatch
):
    from pytest_evalmd.cli import answering

    def write_first(*arguments):
        (tmp_path / "one.md").write_text("theirs")
        return set_answer(*arguments)

    set_answer = answering.set_answer
    monkeypatch.setattr(answering, "set_answer", write_first)
    status, _, _, err = answer({"blank.md": BLANK}, ".", "--model=one")
    assert status == 1
    assert "blank.md: one: there is a file already, and is kept" in err
    assert (tmp_path / "one.md").read_text() == "theirs"


def test_a_disk_that_takes_nothing(answer, tmp_path, monkeypatch):
    real = os.open

    def full(path, *args, **keys):
        if ".evalmd-" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(path, *args, **keys)

    monkeypatch.setattr(os, "open", full)
    status, asked, out, err = answer({"blank.md": BLANK}, ".", "--model=one")
    assert (status, asked) == (1, ["one"])
    assert "blank.md: one: No space left on device\n" in err
    assert "not remembered: " in err
    assert out.endswith("0 written, 0 kept, 1 missing\n")
    assert not (tmp_path / "one.md").exists()


def test_ctrl_c_while_it_reads(answer, monkeypatch):
    def interrupt(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pytest_evalmd.cli.answer.find_cases", interrupt)
    status, asked, out, err = answer({"blank.md": BLANK}, ".", "--model=one")
    assert (status, asked, out) == (130, [], "")
    assert err == "stopped; run it again to go on\n"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_for_people(answer, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    assert answer({"blank.md": BLANK}, ".", "--model=one")[0] == 0
    assert "answered" in terminal.getvalue()
    assert "1/1" in terminal.getvalue()
    assert "answers wanted" not in terminal.getvalue()


def test_rich_is_imported_for_people_only():
    code = (
        "import sys; from pytest_evalmd.cli import main\nimport pytest_evalmd.plugin\n"
    )
    code += "assert not {'rich', 'openai'} & {*sys.modules}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


class TestCreatingAFile:
    def test_is_whole_and_alone(self, tmp_path):
        create_file(tmp_path / "a.md", b"x")
        create_file(tmp_path / "b.md", b"")
        assert (tmp_path / "a.md").read_bytes() == b"x"
        assert names(tmp_path) == ["a.md", "b.md"]

    @pytest.mark.parametrize("links", [True, False])
    def test_replaces_nothing(self, tmp_path, monkeypatch, links):
        if not links:
            monkeypatch.setattr(files.Path, "hardlink_to", no_links)
        create_file(tmp_path / "a.md", b"old")
        with pytest.raises(NotWrittenError):
            create_file(tmp_path / "a.md", b"new")
        assert (tmp_path / "a.md").read_bytes() == b"old"
        assert names(tmp_path) == ["a.md"]

    def test_has_the_mode_of_a_new_file(self, tmp_path):
        (tmp_path / "usual").touch()
        create_file(tmp_path / "a.md", b"x")
        modes = {path.stat().st_mode for path in tmp_path.iterdir()}
        assert len(modes) == 1

    def test_in_no_folder(self, tmp_path):
        with pytest.raises(NotWrittenError, match="No such file"):
            create_file(tmp_path / "no/a.md", b"x")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def no_links(path, target):
    raise PermissionError(1, "Operation not permitted")
