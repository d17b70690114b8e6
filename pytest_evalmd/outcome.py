"""What became of a measure, as plain data that crosses process boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "passed", "failed", "unrecorded", "error", "blocked", "skipped", "updated"
]
Attribution = Literal["answer", "judge", "both"]
"""What changed where a result moved: the model's answer, the measure, or both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A result to be written."""

    path: str
    digest: str
    """Of the file's bytes when they were read."""
    measure_id: str
    old: str
    new: str
    warning: str = ""
    """Why not to rely on it; empty if nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAnswer:
    """An answer that was measured in place of the recorded one."""

    digest: str
    """Of the case file's bytes when they were read."""
    model: str
    """Who gave it."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a measure."""

    kind: Kind
    change: Change | None = None
    keys: tuple[str, ...] = ()
    """Of the replies that its judge gave."""
    path: str = ""
    """Of the case; node ids don't tell, outside of the root folder or with ``::``."""
    measure_id: str = ""
    alias: str = ""
    """The parameter of the client."""
    votes: tuple[str, ...] = ()
    """The outputs of all rounds of asking, where there was more than one."""
    answer: NewAnswer | None = None
    """What was measured; ``None``: the recorded answer."""
    attribution: Attribution | None = None
    today_text: str | None = None
    """What the recorded answer comes to today, where that was asked."""

    def to_plain(self) -> dict[str, Any]:
        """Give it in builtin types, which is all that xdist carries."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Outcome:
        """Take what ``to_plain`` gave."""
        change, answer = plain["change"], plain["answer"]
        taken = {
            "change": Change(**change) if change else None,
            "answer": NewAnswer(**answer) if answer else None,
            "keys": tuple(plain["keys"]),
            "votes": tuple(plain["votes"]),
        }
        return cls(**{**plain, **taken})
