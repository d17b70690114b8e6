"""Failures as GitHub's workflow commands; nothing in them can be another one; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_evalmd.judge.request import visible

SHOWN = 10
"""How many annotations of a step GitHub shows."""
LONGEST = 2000
"""Characters of a message; GitHub takes 4 KB of it."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Annotation:
    """A failure, to be shown beside a line of a file."""

    path: str
    """From the repository's root, with ``/``."""
    line: int
    """From 1."""
    title: str
    message: str
    """Of one line or several."""


def write_annotations(annotations: Iterable[Annotation]) -> list[str]:
    """Write failures, as many as GitHub shows, and how many more there are."""
    found = sorted(set(annotations))
    lines = [_command(one) for one in found[:SHOWN]]
    if len(found) > SHOWN:
        more = f"{len(found) - SHOWN} more failures are in the report and in the log"
        lines.append(f"::notice::{more}")
    return lines


def _command(one: Annotation) -> str:
    place = f"file={_property(one.path)},line={one.line},title={_property(one.title)}"
    message = one.message
    if len(message) > LONGEST:
        message = f"{message[:LONGEST]}…"
    return f"::error {place}::{_data(message)}"


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _data(text: str) -> str:
    """Escape as GitHub's own toolkit does; what is left is one line."""
    return visible(text).replace("%", "%25").replace("\n", "%0A")
