"""What a provider says of a batch, which may be anything; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.model import JudgeError

REMOTE_ID = r"\A(?!\.+\Z)[A-Za-z0-9_.:-]{1,200}\Z"
"""An id of a provider's: it becomes a part of URLs."""
ENDED = frozenset({"completed", "expired", "cancelled", "failed"})
"""The states in which nothing more is to come."""
SHOWN_ERRORS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A batch at its provider."""

    id: str
    status: str
    input_file: str | None = None
    output_file: str | None = None
    error_file: str | None = None
    total: int = 0
    completed: int = 0
    failed: int = 0
    errors: tuple[str, ...] = ()
    """Why it could not start."""

    @property
    def ended(self) -> bool:
        """Whether nothing more is to come."""
        return self.status in ENDED


def read_remote(body: object) -> Remote:
    """Read a batch.

    Raises:
        JudgeError: it is none.
    """
    found = body if isinstance(body, dict) else {}
    id_, status = read_id(found), found.get("status")
    if id_ is None or not isinstance(status, str):
        message = (
            "the server sent no batch; check OPENAI_BASE_URL, and that the server "
        )
        raise JudgeError("unusable", message + "has a Batch API")
    counts = found.get("request_counts")
    return Remote(
        id=id_,
        status=status,
        input_file=read_id(found, "input_file_id"),
        output_file=read_id(found, "output_file_id"),
        error_file=read_id(found, "error_file_id"),
        **{name: _count(counts, name) for name in ("total", "completed", "failed")},
        errors=tuple(_errors(found.get("errors"))),
    )


def read_page(body: object) -> list[Remote]:
    """Read a page of a listing; empty past the last one.

    Raises:
        JudgeError: it is none.
    """
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        raise JudgeError("unusable", "the server sent no list of batches")
    return [read_remote(one) for one in listed]


def read_id(body: object, name: str = "id") -> str | None:
    """Read an id that may be put into a URL."""
    found = body.get(name) if isinstance(body, dict) else None
    return found if isinstance(found, str) and re.search(REMOTE_ID, found) else None


def _errors(errors: object) -> list[str]:
    listed = errors.get("data") if isinstance(errors, dict) else None
    if not isinstance(listed, list):
        return []
    said = [_error(one) for one in listed[:SHOWN_ERRORS] if isinstance(one, dict)]
    more = len(listed) - SHOWN_ERRORS
    return [*said, f"… and {more} more"] if more > 0 else said


def _error(error: Mapping[str, Any]) -> str:
    where = f"line {error['line']}: " if isinstance(error.get("line"), int) else ""
    said = _text(error, "message") or _text(error, "code") or "no reason is given"
    return shorten(where + said, 300)


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) and value else None


def _count(counts: object, name: str) -> int:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and value > 0 else 0
