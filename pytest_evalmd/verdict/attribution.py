"""What changed where the result of a new answer moved: answer or judge; pure."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value
from pytest_evalmd.outcome import Attribution
from pytest_evalmd.verdict.compare import Matches, accept, holds, write_output

SHOWN = 60
"""How many characters of a result are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """Which of the two changed, and the three results that say so."""

    attribution: Attribution
    recorded_text: str
    today_text: str
    """What the recorded answer comes to today."""
    new_text: str
    judged: bool
    """Whether a judge has a part in it."""

    @property
    def what(self) -> str:
        """Say what changed."""
        return what_changed(self.attribution, judged=self.judged)

    def line(self) -> str:
        """Say it all on one line."""
        verb = "judged" if self.judged else "measured"
        recorded, today, new = (
            shorten(text, SHOWN)
            for text in (self.recorded_text, self.today_text, self.new_text)
        )
        return (
            f"recorded {recorded} · recorded answer {verb} today {today} · "
            f"new answer {new} -> {self.what}"
        )


def what_changed(attribution: Attribution, *, judged: bool) -> str:
    """Say what changed; ``judged`` says whether a judge has a part in it."""
    drifted = "the judge drifted" if judged else "the measure changed"
    return {
        "answer": "the answer changed",
        "judge": drifted,
        "both": f"the answer changed and {drifted}",
    }[attribution]


def attribute(
    measure: Measure,
    recorded: str,
    *,
    today: Value,
    today_holds: bool,
    new: Value,
    judged: bool,
    matches: Matches,
) -> Attributed:
    """Tell what changed where a new answer's result does not hold.

    The recorded answer, measured today, is the control: if it still holds, the new answer
    is what differs. If it does not, the measure drifted; the answer changed as well if
    its result differs even from the control's.

    Args:
        measure: whose results these are.
        recorded: the recorded result.
        today: what the recorded answer comes to today.
        today_holds: whether that agrees with the recorded result.
        new: what the new answer comes to.
        judged: whether a judge has a part in it.
        matches: looks up a regular expression, within a limit of time.
    """
    attribution: Attribution = "answer"
    if not today_holds:
        alike = holds(measure, accept(measure, "", today), new, matches)
        attribution = "judge" if alike else "both"
    return Attributed(
        attribution=attribution,
        recorded_text=recorded,
        today_text=write_output(measure, today),
        new_text=write_output(measure, new),
        judged=judged,
    )
