"""``evalmd generate``: make cases of query templates and configs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pytest_evalmd.case.blocks import ANSWER, read_document
from pytest_evalmd.case.parse import decode
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.cli.cases import show
from pytest_evalmd.files import read_regular, write_atomically
from pytest_evalmd.generate.combining import generate
from pytest_evalmd.generate.config import Config, is_config, read_config
from pytest_evalmd.generate.names import folded, name_problem
from pytest_evalmd.generate.template import Template, is_template, read_template

FILE = "blank.md"
_YAML = (".yaml", ".yml")
_T = TypeVar("_T")
Fate = Literal["new", "replaced", "unchanged", "exists", "may hold an answer"]
"""What becomes of a file; the last two are left alone."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file to generate from."""

    path: Path
    text: str


@dataclass(frozen=True, slots=True)
class Target:
    """A file to generate."""

    path: Path
    data: bytes
    fate: Fate


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "generate",
        help="make cases of query templates and configs",
        description="Write OUT/NAME/TEMPLATE/query-N/blank.md for each config, "
        "template and different query. Nothing is written if anything is wrong.",
    )
    parser.add_argument("templates", type=Path, help="a template or a folder of them")
    parser.add_argument("configs", type=Path, help="a config or a folder of them")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=Path, required=True, help="a folder"
    )
    parser.add_argument(
        "--allow-undefined",
        action="store_true",
        help="write [NAME_UNDEFINED] where a config doesn't define a placeholder",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="replace files that exist, except those that hold an answer",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the tree and write nothing"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Generate; gives the exit status: 1 if anything is wrong."""
    problems: list[str] = []
    templates = dict(_templates(arguments.templates, problems))
    configs = dict(_configs(arguments.configs, problems))
    files = list(_files(templates, configs, arguments.allow_undefined, problems))
    targets = [
        target
        for parts, text in files
        if (target := _target(arguments, parts, text, problems))
    ]
    if not problems:
        _show(arguments, targets)
    if not problems and not arguments.dry_run:
        _write(targets, problems)
    for problem in problems:
        show(problem, error=True)
    return 1 if problems else 0


def _templates(path: Path, problems: list[str]) -> Iterator[tuple[Path, Template]]:
    names: dict[str, Path] = {}
    for source in _sources(path, (".md",), problems):
        if path.is_dir() and not is_template(source.text):
            continue
        template = _read(source, read_template, problems)
        name = source.path.stem
        if problem := name_problem(name) or _taken(name, source.path, names):
            problems.append(f"{source.path}:1: {problem}")
        if template:
            yield source.path, template
    if not names and not problems:
        message = "no template; expected markdown with '# Query' and '# Measures'"
        problems.append(f"{path}: {message}")


def _configs(path: Path, problems: list[str]) -> Iterator[tuple[Path, Config]]:
    names: dict[str, Path] = {}
    for source in _sources(path, (".md", *_YAML), problems):
        markdown = source.path.suffix.lower() not in _YAML
        if path.is_dir() and not is_config(source.text, markdown=markdown):
            continue

        def read(text: str, markdown: bool = markdown) -> Config:
            return read_config(text, markdown=markdown)

        config = _read(source, read, problems)
        if config is None:
            continue
        if problem := _taken(config.name, source.path, names):
            problems.append(f"{source.path}:{config.line}: {problem}")
        yield source.path, config
    if not names and not problems:
        message = "no config; expected 'name:' and 'placeholders:' in frontmatter"
        problems.append(f"{path}: {message}")


def _taken(name: str, path: Path, names: dict[str, Path]) -> str | None:
    """Say that a file before took the name: files shall not get mixed up."""
    first = names.setdefault(folded(name), path)
    if first == path:
        return None
    return f"got {name!r}, the name of {first} too; expected another one"


def _sources(
    path: Path, suffixes: tuple[str, ...], problems: list[str]
) -> Iterator[Source]:
    paths = [path]
    if path.is_dir():
        inner = (one for one in path.iterdir() if one.suffix.lower() in suffixes)
        paths = sorted(one for one in inner if not one.is_dir())
    for one in paths:
        try:
            yield Source(one, decode(read_regular(one)))
        except OSError as error:
            problems.append(f"{one}: can't be read: {error.strerror or error}")
        except CaseError as error:
            problems += error.lines(str(one))


def _read(source: Source, read: Callable[[str], _T], problems: list[str]) -> _T | None:
    try:
        return read(source.text)
    except CaseError as error:
        problems += error.lines(str(source.path))
        return None


def _files(
    templates: dict[Path, Template],
    configs: dict[Path, Config],
    allow_undefined: bool,
    problems: list[str],
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the parts of the path of each file below OUT, and its text."""
    for config in configs.values():
        for path, template in templates.items():
            try:
                texts = generate(template, config, allow_undefined=allow_undefined)
            except CaseError as error:
                problems += error.lines(str(path))
                continue
            for number, text in enumerate(texts, 1):
                yield (config.name, path.stem, f"query-{number}", FILE), text


def _target(
    arguments: argparse.Namespace,
    parts: tuple[str, ...],
    text: str,
    problems: list[str],
) -> Target | None:
    """Say where a text goes and what becomes of what is there."""
    out: Path = arguments.output
    path, data = out.joinpath(*parts), text.encode()
    try:
        if not path.resolve().is_relative_to(out.resolve()):
            problems.append(f"{path}: leads out of {out} by a link; remove it")
            return None
        old = read_regular(path) if path.exists() else None
    except (OSError, RuntimeError) as error:
        problems.append(f"{path}: can't be read: {error}")
        return None
    return Target(path, data, _fate(old, data, arguments.force))


def _fate(old: bytes | None, new: bytes, force: bool) -> Fate:
    if old is None:
        return "new"
    if old == new:
        return "unchanged"
    if not force:
        return "exists"
    return "replaced" if _holds_no_answer(old) else "may hold an answer"


def _holds_no_answer(data: bytes) -> bool:
    """Tell whether a file is sure to be a case that waits for its answer."""
    try:
        document = read_document(decode(data))
    except CaseError:
        return False
    lost = (
        *document.unknown,
        *document.unclosed,
        *document.swallowed,
        *document.cut,
        *document.in_frontmatter,
    )
    answers = [block.text for block in document.blocks if block.info == ANSWER]
    return not lost and len(answers) == 1 and not answers[0].strip()


def _write(targets: Iterable[Target], problems: list[str]) -> None:
    for target in targets:
        if target.fate not in ("new", "replaced"):
            continue
        try:
            target.path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(target.path, target.data, durable=False)
        except OSError as error:
            why = error.strerror or error
            problems.append(f"{target.path}: can't be written: {why}")


def _show(arguments: argparse.Namespace, targets: list[Target]) -> None:
    if arguments.dry_run:
        show("\n".join(_tree(arguments.output, targets)))
    for target in targets:
        if target.fate == "may hold an answer":
            show(f"{target.path}: left alone: it may hold an answer", error=True)
    written = sum(target.fate in ("new", "replaced") for target in targets)
    left = len(targets) - written
    would = "would be written" if arguments.dry_run else "written"
    show(f"{written} {'case' if written == 1 else 'cases'} {would}, {left} left alone")


def _tree(out: Path, targets: list[Target]) -> Iterator[str]:
    """Draw the folders and files; each file with what becomes of it."""
    yield f"{out.as_posix()}/"
    shown: tuple[str, ...] = ()
    for target in targets:
        *folders, name = target.path.relative_to(out).parts
        for depth, folder in enumerate(folders, 1):
            if shown[:depth] != tuple(folders[:depth]):
                yield f"{'  ' * depth}{folder}/"
        shown = tuple(folders)
        yield f"{'  ' * (len(folders) + 1)}{name} ({target.fate})"
