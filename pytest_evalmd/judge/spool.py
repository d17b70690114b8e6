"""The spool: each reply in a file of its own, the moment it is known to be valid.

What is found there may come from a pull request: nothing in it leads out of its folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from pytest_evalmd.case.values import Value, ValueTextError, read_json, write_json
from pytest_evalmd.files import FOLDER, read_regular, write_new
from pytest_evalmd.judge.question import digest
from pytest_evalmd.judge.recordings import (
    RecordingError,
    Remembered,
    read_question,
    read_reply_of,
    write_question,
    write_reply,
)

SPOOL = ".spool"
SECRET_LENGTH = 8
"""Shorter values of a key's variable are no keys, and would be found everywhere."""

_T = TypeVar("_T")


class NotRememberedError(Exception):
    """A reply was not written down; says why."""


def recordings_path(case: Path) -> Path:
    """Give the recordings file of a case file."""
    return case.parent / FOLDER / f"{case.stem}.json"


def check_no_secret(text: str, secrets: Collection[str]) -> None:
    """Refuse a JSON text that holds a key.

    Raises:
        NotRememberedError: it does.
    """
    for secret in map(str.strip, secrets):
        forms = (write_json(secret)[1:-1], json.dumps(secret)[1:-1])
        if len(secret) >= SECRET_LENGTH and any(form in text for form in forms):
            raise NotRememberedError("it holds the value of an API key")


def make_spool(case: Path) -> None:
    """Make the spool's folder, which git ignores.

    Raises:
        OSError: it can't be made.
    """
    ignore = _spool(case) / ".gitignore"
    if not ignore.exists():
        ignore.parent.mkdir(parents=True, exist_ok=True)
        ignore.write_bytes(b"*\n")


class Spooled(NamedTuple):
    """A spooled reply."""

    reply: Remembered
    run: str
    ends: int | None
    """If it replaced an older one: the first sample of that one's later rounds."""


def write_spooled(case: Path, spooled: Spooled, secrets: Collection[str]) -> None:
    """Write a reply to the spool.

    Raises:
        NotRememberedError: it can't be written, or holds a key.
    """
    reply = spooled.reply
    text = write_json(
        {
            "case": case.name,
            "measure": reply.measure_id,
            "run": spooled.run,
            "ends": spooled.ends,
            "question": write_question(reply.question),
            "reply": write_reply(reply),
        }
    )
    check_no_secret(text, secrets)
    try:
        in_spool(case, lambda: write_new(spool_file(case, reply.key), text.encode()))
    except OSError as error:
        raise NotRememberedError(error.strerror or str(error)) from None


def in_spool(case: Path, act: Callable[[], _T]) -> _T:
    """Do something that needs the spool's folder, which most often is there.

    Raises:
        OSError: it can't be made, or ``act`` raised it.
    """
    try:
        return act()
    except FileNotFoundError:
        make_spool(case)
        return act()


def spooled_of(case: Path) -> list[Spooled]:
    """Read a case's spooled replies."""
    spool = _spool(case)
    try:
        names = os.listdir(spool)  # noqa: PTH208 - many, of which few are wanted
    except OSError:
        return []
    prefix = f"{digest(case.name)}-"
    files = [n for n in names if n.startswith(prefix) and n.endswith(".json")]
    found = [read_spooled(spool / name, case) for name in files]
    return [spooled for spooled in found if spooled is not None]


def spooled_by_case(folder: Path) -> dict[str, list[tuple[Path, Spooled]]]:
    """Read a folder's spooled replies by the name of their case, each with its file."""
    found: dict[str, list[tuple[Path, Spooled]]] = {}
    for file in sorted((folder / FOLDER / SPOOL).glob("*-*.json")):
        entry = _read_entry(file)
        name = _case_name(entry, file)
        spooled = _spooled(entry, name) if name else None
        if name and spooled is not None:
            found.setdefault(name, []).append((file, spooled))
    return found


def _read_entry(file: Path) -> Mapping[str, Value]:
    try:
        entry = read_json(read_regular(file).decode())
    except (OSError, UnicodeDecodeError, ValueTextError):
        return {}
    return entry if isinstance(entry, dict) else {}


def _case_name(entry: Mapping[str, Value], file: Path) -> str | None:
    name = entry.get("case")
    if not isinstance(name, str) or not file.name.startswith(f"{digest(name)}-"):
        return None
    return name if _is_case_name(name) else None


def _is_case_name(name: str) -> bool:
    """Tell whether a name from a file is one of a case file, in the same folder."""
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return name.endswith(".md") and Path(name).name == name and "\0" not in name


def read_spooled(file: Path, case: Path) -> Spooled | None:
    """Read a spooled reply; ``None`` for what is no such thing."""
    return _spooled(_read_entry(file), case.name)


def _spooled(entry: Mapping[str, Value], case_name: str) -> Spooled | None:
    if entry.get("case") != case_name:
        return None
    question, reply = _mapping(entry, "question"), _mapping(entry, "reply")
    try:
        read = read_reply_of(str(entry.get("measure")), read_question(question), reply)
    except RecordingError:
        return None
    ends = entry.get("ends")
    first = ends if type(ends) is int and ends > read.sample else None
    return Spooled(read, str(entry.get("run")), first)


def _mapping(entry: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    value = entry.get(key)
    return value if isinstance(value, dict) else {}


def _spool(case: Path) -> Path:
    return case.parent / FOLDER / SPOOL


def spool_file(case: Path, key: str) -> Path:
    """Give the file in which a reply is spooled."""
    return _spool(case) / f"{digest(case.name)}-{key}.json"
