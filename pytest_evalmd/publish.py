"""Reports written to files: the format by suffix, and never in the place of a case."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.files import NotWrittenError, write_atomically
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.spool import NotRememberedError, check_no_secret
from pytest_evalmd.report.document import Report
from pytest_evalmd.report.json_report import write_json_report
from pytest_evalmd.report.markdown_report import write_markdown_report
from pytest_evalmd.verdict.runs import FORMAT as RUN_FORMAT

SUFFIXES = (".html", ".md", ".json")
_HEAD = 200
"""Bytes at a file's start in which a run file says what it is."""


def check_suffix(path: Path) -> None:
    """Hold that a file's name says what to write.

    Raises:
        ValueError: it does not.
    """
    if path.suffix not in SUFFIXES:
        expected = f"a file that ends in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}"
        raise ValueError(f"got {path.name!r}; expected {expected}")


def publish(report: Report, path: Path) -> None:
    """Write a report to a file, whole or not at all.

    Raises:
        NotWrittenError: it can't be written, or must not: there is a case or a run
            file, or it would hold the value of a key.
    """
    check_replaceable(path)
    check_secrets(report)
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        pieces = _WRITERS[path.suffix](report)
        write_atomically(target, (piece.encode() for piece in pieces))
    except OSError as error:
        raise NotWrittenError(error.strerror or str(error)) from None


def check_secrets(report: Report) -> None:
    """Refuse a report that holds a key, before it is written in any format.

    Raises:
        NotWrittenError: it does.
    """
    keys = environment_keys()
    if not keys:
        return
    try:
        check_no_secret(write_json_report(report), keys)
    except NotRememberedError as error:
        raise NotWrittenError(str(error)) from None


def _html(report: Report) -> Iterator[str]:
    from pytest_evalmd.report.html import write_html  # heavy: only where it is wanted

    return write_html(report)


_WRITERS: Mapping[str, Callable[[Report], Iterable[str]]] = {
    ".html": _html,
    ".md": lambda report: [write_markdown_report(report)],
    ".json": lambda report: [write_json_report(report)],
}


def check_replaceable(path: Path) -> None:
    """Hold that a file may become a report.

    Raises:
        NotWrittenError: it is a case or a run file, or can't be read.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        raise NotWrittenError(error.strerror or str(error)) from None
    if f'"{RUN_FORMAT}"'.encode() in data[:_HEAD]:
        raise NotWrittenError("it is a run file, which no report replaces")
    if _is_case(data):
        raise NotWrittenError("it is a case, which no report replaces")


def _is_case(data: bytes) -> bool:
    try:
        return parse_case(decode(data)) is not None
    except CaseError:
        return True
