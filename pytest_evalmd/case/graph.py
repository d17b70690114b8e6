"""Which measure needs which: the order of computing."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_evalmd.case.model import SOURCES, Measure
from pytest_evalmd.case.problems import Problems, nearest, shorten

SHOWN_CIRCLE = 10
"""How many measures of a cycle are named."""


def order(measures: Mapping[str, Measure], problems: Problems) -> dict[str, Measure]:
    """Put inputs before what needs them; else the order stays.

    A problem is noted for each unknown input and for each cycle; the order is then
    still complete.
    """
    known = (*measures, *SOURCES)
    for measure in measures.values():
        for name in measure.needs:
            if name not in measures:
                problems.add(
                    measure.line,
                    f"{shorten(measure.id)}: unknown input {shorten(name)!r}{nearest(name, known)}; "
                    "expected the id of a measure, answer or query",
                )
    if all(measure.input is None for measure in measures.values()):
        return dict(measures)
    ordered: dict[str, Measure] = {}
    for start in measures:
        if start not in ordered:
            _visit(start, measures, ordered, problems)
    return ordered


def ancestors(measures: Mapping[str, Measure], measure_id: str) -> list[Measure]:
    """Give all that a measure needs, directly or not, in the order of ``measures``."""
    found: set[str] = set()
    waiting = [*measures[measure_id].needs]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += measures[name].needs
    return [measure for measure in measures.values() if measure.id in found]


def dependents(measures: Mapping[str, Measure], measure_id: str) -> list[Measure]:
    """Give all that needs a measure, directly or not, of measures in ``order``."""
    found = {measure_id: measures[measure_id]}
    for one in measures.values():
        if not found.keys().isdisjoint(one.needs):
            found[one.id] = one
    return [*found.values()][1:]


def _visit(
    start: str,
    measures: Mapping[str, Measure],
    ordered: dict[str, Measure],
    problems: Problems,
) -> None:
    """Add a measure after its inputs; no recursion: a chain may be long."""
    path: dict[str, list[str]] = {start: _pending(start, measures)}
    while path:
        name, pending = next(reversed(path.items()))
        if not pending:
            path.popitem()
            ordered[name] = measures[name]
        elif (need := pending.pop(0)) in path:
            problems.add(measures[need].line, _cycle([*path], need))
        elif need not in ordered:
            path[need] = _pending(need, measures)


def _pending(name: str, measures: Mapping[str, Measure]) -> list[str]:
    return [need for need in measures[name].needs if need in measures]


def _cycle(path: list[str], need: str) -> str:
    circle = path[path.index(need) :]
    if len(circle) > SHOWN_CIRCLE:
        circle[SHOWN_CIRCLE // 2 : -SHOWN_CIRCLE // 2] = ["…"]
    shown = " -> ".join(map(shorten, [*circle, need]))
    return f"the inputs form a cycle: {shown}; remove one of these inputs"
