"""What became of a measure, as plain data that crosses process boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

from pytest_evalmd.dataclass import dataclass

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
    """Of the replies that its judge gave; reports have them with ``--update-results``."""
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
        """Give it in builtin types, which is all that xdist carries.

        What is empty is left out: reports live until the run's end.
        """
        plain = {
            name: value
            for name in self.__slots__
            if (value := getattr(self, name)) not in (None, ())
        }
        if self.change:
            plain["change"] = asdict(self.change)
        if self.answer:
            plain["answer"] = asdict(self.answer)
        return plain

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Outcome:
        """Take what ``to_plain`` gave."""
        taken = dict(plain)
        for name, kind in (("change", Change), ("answer", NewAnswer)):
            if name in plain:
                taken[name] = kind(**plain[name])
        for name in ("keys", "votes"):
            taken[name] = tuple(plain.get(name, ()))
        return cls(**taken)
