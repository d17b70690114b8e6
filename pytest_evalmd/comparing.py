"""An item's output against its recorded result: what became of it, and how that reads."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pytest_evalmd.case.problems import printable
from pytest_evalmd.case.results import ResultError
from pytest_evalmd.failure import (
    Failure,
    accept_command,
    diff,
    problem,
    votes_line,
)
from pytest_evalmd.job import MeasureError, NotComparableError, Output
from pytest_evalmd.judge.miss import provenance
from pytest_evalmd.outcome import Change, NewAnswer, Outcome
from pytest_evalmd.session import relative
from pytest_evalmd.settling import Settled, is_judged
from pytest_evalmd.verdict.attribution import Attributed, attribute
from pytest_evalmd.verdict.compare import accept, read_recorded, write_output
from pytest_evalmd.verdict.spread import spread

if TYPE_CHECKING:
    from pytest_evalmd.item import MeasureItem


def compare(item: MeasureItem, settled: Settled) -> tuple[Outcome, Failure | None]:
    """Say what became of an item, and how it failed if it did."""
    measure, recorded = item.measure, item.recorded_text
    outcome = Outcome(
        kind="passed",
        keys=settled.keys,
        votes=votes_of(item, settled),
        answer=_new_answer(item),
    )
    if settled.holds:
        return outcome, None
    if item.measuring.options.update_results:
        new = accept(measure, recorded, settled.output.value)
        change = _change(item, new, settled)
        return replace(outcome, kind="updated", change=change), None
    if not recorded.strip():
        return replace(outcome, kind="unrecorded"), _difference(item, settled, None)
    found = _attribute(item, settled)
    outcome = replace(
        outcome,
        kind="failed",
        attribution=found.attribution if found else None,
        today_text=found.today_text if found else None,
    )
    return outcome, _difference(item, settled, found)


def not_computed(item: MeasureItem, error: MeasureError) -> Failure:
    """Say why an item could not be computed, or not be compared."""
    problem, *details = str(error).split("\n")
    if error.outcome == "blocked":
        details = []  # they are about the input, whose own item shows them
    comparable = not isinstance(error, NotComparableError)
    line = item.measure.line if comparable else _result_line(item)
    return replace(_failure(item, problem, line), details=tuple(details))


def votes_of(item: MeasureItem, settled: Settled) -> tuple[str, ...]:
    """Give the outputs of all rounds, where there was more than one."""
    if len(settled.outputs) == 1:
        return ()
    return tuple(write_output(item.measure, one.value) for one in settled.outputs)


def provenance_of(item: MeasureItem, found: Output) -> str:
    """Say how the recorded result came about, where a reply tells; else nothing."""
    # Of a new answer the control tells more.
    if found.judged is None or item.answer_model or not item.recorded_text.strip():
        return ""
    try:
        value = read_recorded(item.measure, item.recorded_text, found.value)
    except ResultError:
        return ""
    known = item.measuring.judging.replies(item.path)
    replies = [*known.replaced, *known.by_key.values()]
    return provenance(item.measure.id, found.judged.question, value, replies) or ""


def _new_answer(item: MeasureItem) -> NewAnswer | None:
    if not item.answer_model:
        return None
    return NewAnswer(
        digest=item.file.digest,
        model=item.answer_model,
        text=item.measuring.answer_text(item.job),
    )


def _change(item: MeasureItem, new: str, settled: Settled) -> Change:
    seen = [value for one in settled.outputs for value in one.responses]
    return Change(
        path=str(item.path),
        digest=item.file.digest,
        measure_id=item.measure.id,
        old=item.recorded_text,
        new=new,
        spread=spread(item.measure, settled.output.value, seen),
    )


def _attribute(item: MeasureItem, settled: Settled) -> Attributed | None:
    today = settled.today
    if not isinstance(today, Settled) or today.cut_short:
        return None  # a vote that is open tells nothing of the judge
    return attribute(
        item.measure,
        item.recorded_text,
        today=today.output.value,
        today_holds=today.holds,
        new=settled.output.value,
        judged=is_judged(item.job),
        matches=item.measuring.sandbox.matches,
    )


def _difference(
    item: MeasureItem, settled: Settled, attributed: Attributed | None
) -> Failure:
    found, recorded = settled.output, item.recorded_text
    computed = write_output(item.measure, found.value)
    what = problem(item.measure, recorded, computed)
    if attributed:
        what = f"{what}: {attributed.what}"
    return replace(
        _failure(item, what, _result_line(item)),
        details=diff(recorded, computed),
        attribution=attributed.line() if attributed else _untold(settled),
        votes=votes_line(votes_of(item, settled), settled.agreeing, settled.limit),
        undecided=settled.cut_short,
        reason=found.judged.reason if found.judged else "",
        provenance=provenance_of(item, found),
        next_step=f"to accept it: {_accept_command(item)}",
    )


def _untold(settled: Settled) -> str:
    """Say why nothing tells what changed, if there is a reason."""
    today = settled.today
    why = today.cut_short if isinstance(today, Settled) else str(today or "")
    if not why:
        return ""
    first = why.split("\n")[0]
    return f"whether the answer or the judge changed can't be told: {first}"


def _accept_command(item: MeasureItem) -> str:
    options, path = item.measuring.options, relative(item.path, item.config)
    # A new answer is accepted with all of its results, or not at all.
    target = path if item.answer_model else f"{path}::{item.name}"
    return accept_command(target, options.mode, options.judge_model, item.answer_model)


def _result_line(item: MeasureItem) -> int:
    return item.file.case.result_line(item.measure.id)


def _failure(item: MeasureItem, problem: str, line: int) -> Failure:
    return Failure(
        measure_id=item.measure.id,
        description=item.measure.description,
        problem=printable(problem),
        path=relative(item.path, item.config),
        line=line,
    )
