"""Two runs held against each other, result by result; pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, get_args

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, canonical, same
from pytest_evalmd.outcome import Kind
from pytest_evalmd.verdict.runs import RunResult

Fate = Literal[
    "broke",
    "fails",
    "error",
    "healed",
    "moved",
    "unmeasured",
    "gone",
    "new",
    "still_error",
    "unchanged",
]
"""What became of a result, the worst first. ``broke``: passed, and fails now; ``fails``:
the base does not say whether it passed; ``error``: it can't be computed any more;
``healed``: failed, and passes now; ``moved``: another output, the same outcome;
``unmeasured``: skipped, or nothing is recorded any more; ``gone`` and ``new``: only one
run has it, or an output of it; ``still_error``: neither run could compute it."""
FATES: tuple[Fate, ...] = get_args(Fate)

SHOWN = 200
"""Characters that are kept of a text to be shown."""
LARGEST = 1e100
"""Numbers beyond this are compared, but not averaged."""

_VERDICTS: dict[Kind, bool] = {"passed": True, "updated": True, "failed": False}
_ERRORS: frozenset[Kind] = frozenset(("error", "blocked"))
_SHORT = 40


class Seen(NamedTuple):
    """What is kept of a result: of a size that no output can blow up."""

    variant: str
    outcome: Kind
    computed: bool
    value: Value | bytes
    """The output, or a digest of it if it is long."""
    text: str
    """Of the output, or the problem; shortened."""
    recorded: str
    """The recorded result, or a digest of it if it is long."""
    passed: bool | None
    """Whether it agreed with the recorded result; ``None``: nobody can tell."""
    number: float | None
    """The output, if it is a number."""

    @property
    def is_error(self) -> bool:
        """Whether it could not be computed."""
        return self.outcome in _ERRORS


class Pair(NamedTuple):
    """A result in both runs, or in one of them."""

    case: str
    measure: str
    variant: str
    base: Seen | None
    candidate: Seen | None
    reason: str = ""
    """The candidate's judge's."""

    @property
    def fate(self) -> Fate:
        """Say what became of it."""
        base, candidate = self.base, self.candidate
        if candidate is None:
            return "gone"
        if candidate.is_error:
            return "still_error" if base and base.is_error else "error"
        before = base.passed if base else None
        if candidate.passed is False and before is not False:
            return "broke" if before else "fails"
        if candidate.passed and before is False:
            return "healed"
        if base is None:
            return "new"
        if not candidate.computed:
            return "unchanged" if base.outcome == candidate.outcome else "unmeasured"
        if not base.computed:
            return "new"
        if candidate.passed is None and before is not None:
            return "unmeasured"
        return "unchanged" if _same(base.value, candidate.value) else "moved"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A result that is not what it was, to be shown."""

    fate: Fate
    case: str
    measure: str
    variant: str
    base: str
    """The output, or the problem; empty if there is neither."""
    candidate: str
    reason: str
    """The candidate's judge's."""
    recorded_changed: bool
    """Whether the two were held against different recorded results."""


@dataclass(slots=True)
class Side:
    """What a run holds, counted while it passes by."""

    outcomes: Counter[Kind] = field(default_factory=Counter)
    judges: set[str] = field(default_factory=set)
    answerers: set[str] = field(default_factory=set)
    """Models that gave new answers."""

    def counted(self, results: Iterable[RunResult]) -> Iterator[RunResult]:
        """Count results and hand them on."""
        for result in results:
            self.outcomes[result.outcome] += 1
            if result.judge_model:
                self.judges.add(result.judge_model)
            if result.answer_model:
                self.answerers.add(result.answer_model)
            yield result

    @property
    def passed(self) -> int:
        """How many agreed with the recorded result."""
        return sum(self.outcomes[kind] for kind, passed in _VERDICTS.items() if passed)

    @property
    def judged(self) -> int:
        """How many were held against a recorded result."""
        return sum(self.outcomes[kind] for kind in _VERDICTS)

    @property
    def errors(self) -> int:
        """How many could not be computed."""
        return sum(self.outcomes[kind] for kind in _ERRORS)


def pair_up(
    base: Iterable[RunResult], candidate: Iterable[RunResult]
) -> Iterator[Pair]:
    """Match the results of two runs by case and measure.

    Of several variants, such as answers of several models, the same ones match; else the
    base's plain one, or its only one. So a new model's result is held against that of
    the recorded answer.

    Returns:
        a pair for every result of the candidate, in its order, then the base's others.
    """
    waiting: dict[tuple[str, str], list[Seen]] = {}
    for result in base:
        waiting.setdefault((result.case, result.measure), []).append(_seen(result))
    matched: set[tuple[str, str, str]] = set()
    for result in candidate:
        known = waiting.get((result.case, result.measure), [])
        partner = _partner(known, result.variant)
        if partner is not None:
            matched.add((result.case, result.measure, partner.variant))
        yield Pair(*result.place, partner, _seen(result), result.reason)
    for (case, measure), known in waiting.items():
        for seen in known:
            if (case, measure, seen.variant) not in matched:
                yield Pair(case, measure, seen.variant, seen, None)


def difference(pair: Pair, fate: Fate) -> Difference:
    """Keep of a pair what will be shown."""
    base, candidate = pair.base, pair.candidate
    return Difference(
        fate=fate,
        case=pair.case,
        measure=pair.measure,
        variant=pair.variant,
        base=base.text if base else "",
        candidate=candidate.text if candidate else "",
        reason=shorten(pair.reason, SHOWN),
        recorded_changed=bool(
            base and candidate and base.recorded != candidate.recorded
        ),
    )


def _partner(known: list[Seen], variant: str) -> Seen | None:
    if len(known) <= 1:
        return known[0] if known else None
    by_variant = {seen.variant: seen for seen in known}
    return by_variant.get(variant) or by_variant.get("")


def _seen(result: RunResult) -> Seen:
    text = result.problem if result.output_text is None else result.output_text
    return Seen(
        variant=result.variant,
        outcome=result.outcome,
        computed=result.output_text is not None,
        value=_brief(result.output),
        text=text if len(text) <= _SHORT else shorten(text, SHOWN),
        recorded=_digest(result.recorded_text).hex()
        if len(result.recorded_text) > _SHORT
        else result.recorded_text,
        passed=_VERDICTS.get(result.outcome),
        number=_number(result.output),
    )


def _number(value: Value) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if -LARGEST <= value <= LARGEST else None


def _brief(value: Value) -> Value | bytes:
    """Keep a short value, so that it can be counted with; others only to tell apart."""
    if isinstance(value, str):
        return value if len(value) <= _SHORT else _digest(canonical(value))
    if isinstance(value, dict | list):
        return _digest(canonical(value))
    return value


def _digest(text: str) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).digest()


def _same(left: Value | bytes, right: Value | bytes) -> bool:
    if isinstance(left, bytes) or isinstance(right, bytes):
        return left == right
    return same(left, right)
