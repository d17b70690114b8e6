"""Values that must never be written, logged or printed."""

from __future__ import annotations

import os


def environment_keys() -> set[str]:
    """Give the value of every variable whose name says that it is a key.

    Both as it stands and as it is sent: without blanks at its ends.
    """
    values = [v for n, v in os.environ.items() if n.upper().endswith("_API_KEY")]
    return {one for value in values for one in (value, value.strip()) if one}
