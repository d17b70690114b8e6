"""The lines of a batch's files: requests to bytes, bytes to replies; pure.

What comes back is matched by its custom id alone. It is untrusted: a file may be cut
off, hold lines of others, or say two things about one request.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any

from pytest_evalmd.case.problems import got
from pytest_evalmd.judge.completion import read_completion
from pytest_evalmd.judge.fault import Fault, fault_within, read_fault
from pytest_evalmd.judge.model import JudgeError, Reply

ENDPOINT = "/v1/chat/completions"
MAX_REQUESTS = 50_000
"""How many requests a provider takes in one file."""
MAX_BYTES = 200 * 10**6
"""How large that file may be, in bytes."""
MAX_LINE = 16 * 2**20
"""How long a line that comes back may be, in bytes."""
MAX_IGNORED = 20
"""How many lines that nobody can use are described."""
_NOT_ASKED = {
    "batch_expired": "not answered before the batch expired",
    "batch_cancelled": "not answered before the batch was cancelled",
}


class LineError(Exception):
    """A line is no reply to anything."""


@dataclass(slots=True)
class Harvest:
    """What came back of a batch."""

    known: Collection[str]
    """The custom ids that were asked."""
    replies: dict[str, Reply] = field(default_factory=dict)
    """By custom id."""
    faults: dict[str, Fault | JudgeError] = field(default_factory=dict)
    """Requests that got no reply, by custom id."""
    contradicted: set[str] = field(default_factory=set)
    """Custom ids that were answered twice, differently."""
    ignored: list[str] = field(default_factory=list)
    """Why lines were left out; the first of them."""
    ignored_count: int = 0

    @property
    def answered(self) -> int:
        """How many requests came back, whatever became of them."""
        return len(self.replies.keys() | self.faults.keys() | self.contradicted)

    def take(self, lines: Iterable[bytes | None]) -> None:
        """Take the lines of a file; ``None`` is one that is too long."""
        for number, line in enumerate(lines, start=1):
            try:
                if line is None:
                    raise LineError(f"longer than {MAX_LINE:,} bytes")
                custom_id, outcome = read_line(line)
                if custom_id not in self.known:
                    raise LineError(f"custom_id: {got(custom_id)} was not asked here")
            except LineError as error:
                self._ignore(f"line {number}: {error}")
            else:
                self._note(custom_id, outcome)

    def _ignore(self, why: str) -> None:
        self.ignored_count += 1
        if len(self.ignored) < MAX_IGNORED:
            self.ignored.append(why)

    def _note(self, custom_id: str, outcome: Reply | Fault | JudgeError) -> None:
        if custom_id in self.contradicted:
            return
        if not isinstance(outcome, Reply):
            if custom_id not in self.replies:
                self.faults[custom_id] = outcome
            return
        self.faults.pop(custom_id, None)
        if self.replies.setdefault(custom_id, outcome) != outcome:
            # Either may be the judge's: as little a verdict as a reply that holds two.
            del self.replies[custom_id]
            self.contradicted.add(custom_id)


def write_line(custom_id: str, body: Mapping[str, object]) -> bytes:
    """Write one request as a line of a batch's file."""
    line = {"custom_id": custom_id, "method": "POST", "url": ENDPOINT, "body": body}
    return json.dumps(line, ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def split(
    lines: Iterable[tuple[str, bytes]], *, max_requests: int, max_bytes: int
) -> Iterator[dict[str, bytes]]:
    """Split requests into files, in their order, each made when it is wanted.

    Args:
        lines: each request's key and line, none longer than ``max_bytes``.
        max_requests: of one file.
        max_bytes: of one file.
    """
    part: dict[str, bytes] = {}
    size = 0
    for key, line in lines:
        if part and (len(part) == max_requests or size + len(line) > max_bytes):
            yield part
            part, size = {}, 0
        part[key] = line
        size += len(line)
    if part:
        yield part


def read_lines(file: IO[bytes]) -> Iterator[bytes | None]:
    """Give the lines of a file but for empty ones; ``None`` for one that is too long."""
    while line := file.readline(MAX_LINE + 1):
        if len(line) <= MAX_LINE:
            if line.strip():
                yield line
            continue
        yield None
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)


def read_line(line: bytes) -> tuple[str, Reply | Fault | JudgeError]:
    """Read a line of an output or error file.

    Returns:
        its custom id, and the reply or what came in place of one.

    Raises:
        LineError: it is no such line.
    """
    try:
        entry: Any = json.loads(line)
    except (ValueError, RecursionError):
        raise LineError("no JSON; the file may have been cut off") from None
    custom_id = entry.get("custom_id") if isinstance(entry, dict) else None
    if not isinstance(custom_id, str):
        raise LineError("no custom_id")
    return custom_id, _outcome(entry)


def _outcome(entry: Mapping[str, Any]) -> Reply | Fault | JudgeError:
    if why := entry.get("error"):
        code = why.get("code") if isinstance(why, dict) else None
        if isinstance(code, str) and code in _NOT_ASKED:
            return JudgeError("unasked", _NOT_ASKED[code])
        return read_fault(None, why)
    response = entry.get("response")
    if not isinstance(response, dict):
        return JudgeError("unusable", "the line holds neither a response nor an error")
    status, body = response.get("status_code", 200), response.get("body")
    if status != 200:
        return read_fault(status if isinstance(status, int) else None, body)
    try:
        return fault_within(body) or read_completion(body)
    except JudgeError as error:
        return error
