"""A comparison of two runs -> whether it may pass, and why; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.verdict.paired import Comparison, Row

GateKind = Literal["any", "significant", "rate"]
_NAMED: Mapping[str, GateKind] = {"any": "any", "significant": "significant"}


class GateError(ValueError):
    """The text names no gate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What has to be so for a comparison to fail."""

    kind: GateKind = "any"
    rate: float = 0.0
    """The least share of the candidate's results that must pass, for ``rate``; 0 to 1."""
    allow_errors: bool = False
    """Whether what can't be computed any more is let through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether a gate is shut, and why, a line each."""

    failed: bool
    reasons: tuple[str, ...]


def read_gate(text: str, *, allow_errors: bool = False) -> Gate:
    """Read a gate: ``any``, ``significant``, ``rate:0.95`` or ``0.95``.

    Raises:
        GateError: it is none of these.
    """
    if text in _NAMED:
        return Gate(kind=_NAMED[text], allow_errors=allow_errors)
    try:
        rate = float(text.removeprefix("rate:"))
    except ValueError:
        rate = -1
    if not 0 <= rate <= 1:
        expected = "expected any, significant or a rate of 0 to 1 such as 0.95"
        raise GateError(f"got {shorten(ascii(text))}; {expected}")
    return Gate(kind="rate", rate=rate, allow_errors=allow_errors)


def decide(comparison: Comparison, gate: Gate) -> Decision:
    """Say whether a comparison passes a gate.

    A comparison of nothing fails every gate, and so does a result that can't be computed
    any more, unless errors are allowed.
    """
    against, fine = _REASONS[gate.kind](comparison, gate)
    errors = comparison.fates.get("error", 0)
    if errors and not gate.allow_errors:
        against.append(f"{_results(errors)} can't be computed, new since the base")
    judged = comparison.candidate.judged if gate.kind == "rate" else comparison.total.n
    if not judged:
        where = "" if gate.kind == "rate" else " in both runs"
        against.append(f"nothing was compared: no result passed or failed{where}")
    return Decision(failed=bool(against), reasons=tuple(against) or (fine,))


def percent(part: int, whole: int) -> str:
    """Write a share; only all of it is 100 %."""
    tenths = 1000 if part == whole else min(999, round(1000 * part / whole))
    return f"{tenths / 10:.1f} %"


def p_value(p: float) -> str:
    """Write a p-value."""
    return f"{p:.3f}" if p >= 0.001 else "<0.001"


def _any(comparison: Comparison, gate: Gate) -> tuple[list[str], str]:
    broke = comparison.fates.get("broke", 0)
    fails = comparison.fates.get("fails", 0)
    against = [f"{_results(broke)} broke"] if broke else []
    if fails:
        verb = "fails" if fails == 1 else "fail"
        against.append(
            f"{_results(fails)} {verb} that did not pass or fail in the base"
        )
    return against, "nothing broke"


def _significant(comparison: Comparison, gate: Gate) -> tuple[list[str], str]:
    rows = comparison.rows if len(comparison.rows) > 1 else ()
    against = [_worse(row) for row in (comparison.total, *rows) if row.significant]
    return against, _worse(comparison.total)


def _rate(comparison: Comparison, gate: Gate) -> tuple[list[str], str]:
    side = comparison.candidate
    if not side.judged:
        return [], ""
    share = f"{percent(side.passed, side.judged)} ({side.passed} of {side.judged})"
    said, wanted = f"the pass rate is {share}", f"{100 * gate.rate:g} %"
    if side.passed / side.judged < gate.rate:
        return [f"{said}, under {wanted}"], ""
    return [], f"{said}, not under {wanted}"


_REASONS: Mapping[GateKind, Callable[[Comparison, Gate], tuple[list[str], str]]] = {
    "any": _any,
    "significant": _significant,
    "rate": _rate,
}


def _worse(row: Row) -> str:
    changed = f"{row.worse} of {row.cases} cases worse, {row.better} better"
    p = f"p = {p_value(row.adjusted_p)}".replace("= <", "< ")
    return f"{row.measure or 'in all'}: {changed} ({p}): {row.says()}"


def _results(count: int) -> str:
    return "1 result" if count == 1 else f"{count} results"
