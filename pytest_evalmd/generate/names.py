"""Names from outside that become those of folders and files."""

from __future__ import annotations

import re
import unicodedata

from pytest_evalmd.case.problems import got

MAX_BYTES = 200
"""What a name may take in UTF-8; most file systems take 255."""
_FORBIDDEN = re.compile(r'[/\\:*?"<>|]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)


def name_problem(name: str) -> str | None:
    """Say why a name is not good as a folder's on every platform, or ``None``."""
    found = f"{got(name)} as a folder's name; expected"
    if not name or name != name.strip() or name[0] == "." or name[-1] == ".":
        return f"{found} a name without dots or blanks around it"
    if _FORBIDDEN.search(name):
        return f'{found} one without / \\ : * ? " < > |'
    if not name.isprintable():
        return f"{found} one without characters that can't be seen"
    if _RESERVED.fullmatch(name):
        return f"{found} another name: Windows keeps this one for itself"
    if len(name.encode()) > MAX_BYTES:
        return f"{found} at most {MAX_BYTES} bytes"
    return None


def safe_name(name: str) -> str:
    """Make of a name one that is good on every platform; others may give the same.

    It is good unless it is empty or too long.
    """
    kept = "".join(c if c.isprintable() else "-" for c in name.strip())
    safe = re.sub(r"^\.|\.$", "-", _FORBIDDEN.sub("-", kept))
    return f"_{safe}" if _RESERVED.fullmatch(safe) else safe


def folded(name: str) -> str:
    """Give names that some file system takes for the same folder the same text."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
