"""``evalmd generate`` on files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.cli import main

TEMPLATE = """# Query

Is {{drug}} good for {{disease}}?

# Measures

* ---
  * id: named
  * description: "Is {{drug}} named?"
  * type: ai
  * prompt: "Is '{{drug}}' named?"
"""
CONFIG = """---
product_name: Alpha
placeholders:
  drug: [A, B]
  disease: [x]
---
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "templates/first.md": TEMPLATE,
        "templates/notes.md": "# Notes\n",
        "configs/alpha.md": CONFIG,
        "configs/notes.md": "# Notes\n",
        "configs/beta.yaml": "name: Beta\nplaceholders: {drug: [C], disease: [y, z]}",
        "configs/ignored.txt": "x",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def generate(project, capsys):
    def run(*arguments, status=0, templates="templates", configs="configs"):
        out = ["-o", "out", *arguments]
        assert main(["generate", templates, configs, *out]) == status
        said = capsys.readouterr()
        return said.out, said.err

    return run


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_config_with_every_template(project, generate):
    assert generate() == ("4 cases written, 0 left alone\n", "")

    found = files(project / "out")
    assert [*found] == [
        "Alpha/first/query-1/blank.md",
        "Alpha/first/query-2/blank.md",
        "Beta/first/query-1/blank.md",
        "Beta/first/query-2/blank.md",
    ]
    for data in found.values():
        assert b"\r" not in data
        case = parse_case(data.decode())
        assert case is not None
        assert not case.answered
    assert generate() == ("0 cases written, 4 left alone\n", "")
    assert files(project / "out") == found


def test_a_dry_run_draws_the_tree(project, generate):
    assert generate("--dry-run") == (
        """out/
  Alpha/
    first/
      query-1/
        blank.md (new)
      query-2/
        blank.md (new)
  Beta/
    first/
      query-1/
        blank.md (new)
      query-2/
        blank.md (new)
4 cases would be written, 0 left alone
""",
        "",
    )
    assert not (project / "out").exists()


def test_what_exists_is_left_alone(project, generate):
    generate()
    folder = project / "out/Alpha/first"
    answered, blank, gone, notes = (
        folder / "query-1/blank.md",
        folder / "query-2/blank.md",
        project / "out/Beta/first/query-1/blank.md",
        project / "out/Beta/first/query-2/blank.md",
    )
    answered.write_bytes(
        answered.read_bytes().replace(b"answer-text\n> \n", b"answer-text\n> A\n")
    )
    blank.write_bytes(blank.read_bytes().replace(b"Pending", b"Mine"))
    gone.unlink()
    notes.write_bytes(b"\xff")
    before = files(project / "out")

    assert generate() == ("1 case written, 3 left alone\n", "")
    assert {**files(project / "out"), **before} == files(project / "out")
    out, err = generate("--force", "--dry-run")
    assert "blank.md (may hold an answer)" in out
    assert "blank.md (replaced)" in out
    out, err = generate("--force")

    assert out == "1 case written, 3 left alone\n"
    assert err.splitlines() == [
        f"{path.relative_to(project)}: left alone: it may hold an answer"
        for path in (answered, notes)
    ]
    assert b"> A\n" in answered.read_bytes()
    assert b"Pending" in blank.read_bytes()


def test_an_answer_in_a_broken_file_is_kept(project, generate):
    generate()
    path = project / "out/Alpha/first/query-1/blank.md"
    path.write_text("> ```answer-text\n> mine\n", encoding="utf-8")

    generate("--force")

    assert "mine" in path.read_text(encoding="utf-8")


def test_an_undefined_placeholder(project, generate):
    config = project / "configs/alpha.md"
    config.write_text(CONFIG.replace("disease", "diseas"), encoding="utf-8")

    out, err = generate(status=1)

    assert out == ""
    assert err == (
        f"{Path('templates', 'first.md')}:3: undefined placeholder, got "
        "'disease' (did you mean 'diseas'?); expected one that the config 'Alpha' "
        "defines (or --allow-undefined)\n"
    )
    assert not (project / "out").exists()
    generate("--allow-undefined")
    text = (project / "out/Alpha/first/query-1/blank.md").read_text(encoding="utf-8")
    assert "> Is A good for [DISEASE_UNDEFINED]?\n" in text


@pytest.mark.parametrize(
    "name", ["../../evil", "/etc", "..", ".", "a\\\\b", "C:x", "nul", "'a '", "a/b"]
)
def test_no_name_leads_out(project, generate, name):
    config = project / "configs/alpha.md"
    text = CONFIG.replace("Alpha", f'"{name}"' if "\\" in name else name)
    config.write_text(text, encoding="utf-8")
    before = files(project)

    if name == "'a '":
        generate()
        assert (project / "out/a").is_dir()
        return
    _, err = generate(status=1)

    assert err.startswith(f"{Path('configs', 'alpha.md')}:2: product_name: got")
    assert "as a folder's name; expected" in err
    assert files(project) == before


def test_no_link_leads_out(project, generate, tmp_path_factory):
    away = tmp_path_factory.mktemp("away")
    (project / "out").mkdir()
    try:
        (project / "out/Alpha").symlink_to(away, target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")

    _, err = generate(status=1)

    assert "leads out of out by a link; remove it" in err
    assert files(away) == {}
    assert not (project / "out/Beta").exists()


def test_names_that_get_mixed_up(project, generate):
    other = project / "configs/other.yml"
    other.write_text("name: alpha\nplaceholders: {drug: [x]}", encoding="utf-8")

    _, err = generate(status=1)

    path, first = (Path("configs", name) for name in ("other.yml", "alpha.md"))
    assert f"{path}:1: got 'alpha', the name of {first} too; expected" in err


def test_nothing_to_generate_from(project, generate):
    (project / "empty").mkdir()

    assert "empty: no template" in generate(templates="empty", status=1)[1]
    assert "empty: no config" in generate(configs="empty", status=1)[1]
    assert "gone: can't be read" in generate(templates="gone", status=1)[1]
    notes = str(Path("templates", "notes.md"))
    assert f"{notes}:1: no heading" in generate(templates=notes, status=1)[1]
    (project / "configs/alpha.md").write_bytes(b"\xff")
    assert "alpha.md:1: not UTF-8" in generate(status=1)[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes are POSIX's")
def test_what_has_no_end_is_not_read(project, generate):
    pipe = project / "pipe.md"
    os.mkfifo(pipe)
    assert (
        "pipe.md: can't be read: it is no file"
        in generate(templates="pipe.md", status=1)[1]
    )
    assert (
        "pipe.md: can't be read: it is no file"
        in generate(configs="pipe.md", status=1)[1]
    )
    there = project / "out/Alpha/first/query-1/blank.md"
    there.parent.mkdir(parents=True)
    os.mkfifo(there)
    assert "it is no file" in generate(status=1)[1]


def test_what_can_not_be_written(project, generate):
    (project / "out").write_text("a file")

    _, err = generate(status=1)

    assert "can't be" in err
    (project / "out").unlink()
    (project / "out/Alpha/first/query-1/blank.md").mkdir(parents=True)
    assert "blank.md: can't be read" in generate(status=1)[1]
