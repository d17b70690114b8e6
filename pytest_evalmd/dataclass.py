"""Frozen dataclasses that are quick to make: the type checker keeps them frozen."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool = False, **options: Any) -> Any:  # noqa: ANN401
        """Do as ``dataclasses.dataclass``, but frozen is nothing at run time.

        Guarding each field makes ``__init__`` take two and a half times as long. For
        values that nobody else's code gets hold of.
        """
        return dataclasses.dataclass(unsafe_hash=frozen, **options)
