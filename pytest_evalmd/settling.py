"""Whether an output holds, asked again where it does not at first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from pytest_evalmd.case.graph import ancestors
from pytest_evalmd.case.values import canonical
from pytest_evalmd.dataclass import dataclass
from pytest_evalmd.job import Job, MeasureError, Output
from pytest_evalmd.judge.cost import Cost
from pytest_evalmd.judge.judging import Judged
from pytest_evalmd.options import Options
from pytest_evalmd.verdict.compare import Matches, accept, holds
from pytest_evalmd.verdict.confirm import decision, still_needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A measure's output after as many rounds as it took to tell whether it holds."""

    outputs: tuple[Output, ...]
    """Of every round; at least one."""
    agreeing: tuple[bool, ...]
    """Which of them agree with the recorded result."""
    limit: int
    """How many rounds there could have been."""
    holds: bool
    """Whether the recorded result stands."""
    output: Output
    """The output that won the vote."""
    cut_short: str = ""
    """Why there were fewer rounds than it would have taken, if so."""
    today: Settled | MeasureError | None = None
    """Where a new answer's result does not hold: what the recorded answer comes to."""

    @property
    def changed(self) -> bool:
        """Whether the recorded result is known not to stand."""
        return not (self.holds or self.cut_short)

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all replies that judges gave."""
        return tuple(key for one in self._judged() for key in one.keys)

    @property
    def cost(self) -> Cost:
        """Of all replies that judges gave."""
        judged = self._judged()
        if len(judged) == 1:
            return judged[0].cost
        total = Cost()
        for one in judged:
            total.add(one.cost.to_plain())
        return total

    def _judged(self) -> list[Judged]:
        more = self.today._judged() if isinstance(self.today, Settled) else []
        return [one.judged for one in self.outputs if one.judged] + more


class Settling:
    """Takes the rounds of a measure one after another.

    First they are a vote on the recorded result. Where that does not stand and is to be
    written anew, they are a vote on the most frequent output, so that a later run on the
    same replies finds what was written; the first output is written if that fails.
    """

    def __init__(self, job: Job, options: Options, matches: Matches) -> None:
        self.job, self._matches = job, matches
        self._limit = votes_at_most(job, options)
        self._updates = options.update_results
        self._recorded = job.case.result_text(job.measure.id)
        self._outputs: list[Output] = []
        self._agreeing: list[bool] = []
        self._cut_short = ""

    @property
    def wanted(self) -> list[Job]:
        """The rounds that it takes next; empty once it is settled."""
        done = len(self._outputs)
        more = self._more() if done else 1
        return [self.job.at_round(done + n) for n in range(more)]

    def take(self, found: Output | MeasureError) -> None:
        """Take what the next round came to.

        Raises:
            MeasureError: it is the first, and could not be computed.
            LogicError: the recorded pattern can't be looked up.
        """
        if isinstance(found, MeasureError):
            if not self._outputs:
                raise type(found)(str(found), found.outcome)
            self.cut_short(str(found))
        elif not self._cut_short:
            has_result = self.job.case.has_result(self.job.measure.id)
            # Without a block even an empty list is no result.
            agrees = has_result and self._holds(self._recorded, found)
            self._agreeing.append(agrees)
            self._outputs.append(found)

    def cut_short(self, why: str) -> None:
        """Take no further round."""
        self._cut_short = why.split("\n")[0]

    def settled(self) -> Settled:
        """Give what it came to."""
        stands = self._stands()
        return Settled(
            outputs=tuple(self._outputs),
            agreeing=tuple(self._agreeing),
            limit=self._limit,
            holds=stands is True,
            output=self._winner(stands is True),
            cut_short=self._cut_short,
        )

    def _more(self) -> int:
        """Count the rounds that are still needed at least."""
        stands = self._stands()
        if self._cut_short or stands is True:
            return 0
        if stands is None:
            return still_needed(*_counts(self._agreeing), self._limit)
        return (
            still_needed(*self._candidate_votes(), self._limit) if self._updates else 0
        )

    def _stands(self) -> bool | None:
        """Tell whether the recorded result stands; ``None`` if that is open."""
        if self._agreeing[0]:
            return True  # what holds at first is not asked again
        if not self._recorded.strip():
            return False
        return decision(*_counts(self._agreeing), self._limit)

    def _winner(self, stands: bool) -> Output:
        if stands or not self._updates:
            rounds = zip(self._outputs, self._agreeing, strict=True)
            return _most_frequent(one for one, agrees in rounds if agrees == stands)
        won = decision(*self._candidate_votes(), self._limit)
        return _most_frequent(self._outputs) if won else self._outputs[0]

    def _candidate_votes(self) -> tuple[int, int]:
        candidate = _most_frequent(self._outputs)
        golden = accept(self.job.measure, self._recorded, candidate.value)
        return _counts([self._holds(golden, one) for one in self._outputs])

    def _holds(self, golden: str, output: Output) -> bool:
        return holds(self.job.measure, golden, output.value, self._matches)


def votes_at_most(job: Job, options: Options) -> int:
    """Say how often a measure is asked at most: once where asking changes nothing."""
    if options.mode == "off" or not is_judged(job):
        return 1
    if job.case.result_text(job.measure.id).strip():
        return options.confirm
    return options.confirm_new


def is_judged(job: Job) -> bool:
    """Tell whether a judge has a part in a measure's output."""
    if job.measure.type == "ai":
        return True
    above = ancestors(job.case.measures, job.measure.id)
    return any(one.type == "ai" for one in above)


def _counts(agreeing: list[bool]) -> tuple[int, int]:
    return sum(agreeing), len(agreeing) - sum(agreeing)


def _most_frequent(outputs: Iterable[Output]) -> Output:
    """Give the most frequent output, the first of several."""
    found = list(outputs)
    if len(found) == 1:
        return found[0]
    counts = Counter(canonical(output.value) for output in found)
    return max(found, key=lambda output: counts[canonical(output.value)])
