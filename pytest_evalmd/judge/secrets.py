"""Values that must never be written, logged or printed."""

from __future__ import annotations

import os


def environment_keys() -> set[str]:
    """Give the value of every variable whose name says that it is a key."""
    return {
        value
        for name, value in os.environ.items()
        if value and name.upper().endswith("_API_KEY")
    }
