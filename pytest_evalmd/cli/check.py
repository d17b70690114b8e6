"""``evalmd check``: say what is wrong with cases, and what they wait for."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pytest_evalmd.case.model import Case
from pytest_evalmd.case.problems import printable
from pytest_evalmd.cli.cases import FoundCase, find_cases, say

Kind = Literal["error", "unanswered", "missing"]
_PROBLEM = re.compile(r"(\d+): (.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to say about a case."""

    path: Path
    line: int
    """From 1."""
    kind: Kind
    message: str

    @property
    def severity(self) -> str:
        """Say how bad it is: only errors make the command fail."""
        return "error" if self.kind == "error" else "warning"

    def text(self) -> str:
        """Say it on one line."""
        return printable(f"{self.path}:{self.line}: {self.severity}: {self.message}")

    def to_json(self) -> str:
        """Write it for an editor."""
        values = {
            "path": str(self.path),
            "line": self.line,
            "severity": self.severity,
            "message": self.message,
        }
        return json.dumps(values)  # ASCII: good in every terminal's encoding


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "check",
        help="say what is wrong with cases, which wait for an answer or a result",
        description="Read cases and list every error of their format, the cases "
        "without an answer and the measures without a result. The exit status is 1 "
        "if there is an error, or no case.",
    )
    parser.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    parser.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="json: a list of {path, line, severity, message}",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Check; gives the exit status."""
    as_json = arguments.format == "json"
    counts: Counter[str] = Counter()
    findings = _findings(arguments.cases, counts)
    if as_json:
        _write_json(findings)
    else:
        for finding in findings:
            _print(finding.text())
    if not counts["cases"] and not counts["error"]:
        say("no case found", error=True)
        return 1
    if not as_json:
        say(_summary(counts))
    return 1 if counts["error"] else 0


def _findings(paths: Iterable[Path], counts: Counter[str]) -> Iterator[Finding]:
    """Find what there is to say, and count it; no case is kept."""
    for found in find_cases(paths):
        counts["cases"] += 1
        for finding in (*_errors(found), *_waiting(found.path, found.case)):
            counts[finding.kind] += 1
            yield finding


def _errors(found: FoundCase) -> Iterator[Finding]:
    for problem in found.problems:
        rest = problem.removeprefix(f"{found.path}:")
        match = _PROBLEM.fullmatch(rest)
        line, message = (int(match[1]), match[2]) if match else (1, rest.strip())
        yield Finding(path=found.path, line=line, kind="error", message=message)


def _waiting(path: Path, case: Case | None) -> Iterator[Finding]:
    """Say what a case waits for: an answer, or results."""
    if case is None:
        return
    if not case.answered:
        line, message = case.answer.line, "the answer is empty: not answered yet"
        yield Finding(path=path, line=line, kind="unanswered", message=message)
        return
    for measure in sorted(case.measures.values(), key=lambda one: one.line):
        if case.result_text(measure.id).strip():
            continue
        message = f"no result is recorded for {measure.id!r}"
        if measure.output == "list" and measure.id in case.recorded:
            message += ", unless it is an empty list"
        line = case.result_line(measure.id)
        yield Finding(path=path, line=line, kind="missing", message=message)


def _write_json(findings: Iterable[Finding]) -> None:
    """Write a list as it comes: there may be many."""
    before = "["
    for finding in findings:
        sys.stdout.write(f"{before}\n  {finding.to_json()}")
        before = ","
    say("[]" if before == "[" else "\n]")


def _summary(counts: Counter[str]) -> str:
    number = counts["cases"]
    parts = [_counted(counts["error"], "error", "errors")]
    parts.append(f"{counts['unanswered']} not answered yet")
    parts.append(_counted(counts["missing"], "missing result", "missing results"))
    return f"{_counted(number, 'case', 'cases')}: {', '.join(parts)}"


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _print(line: str) -> None:
    """Print a line, whatever the terminal's encoding lacks."""
    encoding = sys.stdout.encoding or "utf-8"
    say(line.encode(encoding, "backslashreplace").decode(encoding))
