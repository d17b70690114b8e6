"""Changes into a case file, once and for all of them."""

from __future__ import annotations

from collections.abc import Container, Iterator
from pathlib import Path

from pytest_evalmd.case.edit import EditError, set_answer, set_results
from pytest_evalmd.case.model import Case
from pytest_evalmd.case.parse import decode, parse_case
from pytest_evalmd.case.problems import CaseError, shorten
from pytest_evalmd.files import NotWrittenError, read_file, replace_file
from pytest_evalmd.outcome import Change, NewAnswer


def rewrite(
    path: Path, changes: list[Change], answer: NewAnswer | None, done: Container[str]
) -> tuple[list[str], str | None]:
    """Write changes into a case file.

    Args:
        path: of the case.
        changes: of results, all of the same file.
        answer: what takes the place of the recorded answer, if anything does.
        done: the ids of the measures that hold or are to be written.

    Returns:
        a line ``line measure: old -> new`` for each that was written, ``line`` being
        the new one; and what kept them from being written, if anything did.
    """
    results = {change.measure_id: change.new for change in changes}
    if any(results[change.measure_id] != change.new for change in changes):
        return [], "it came out differently by way of a link to it; run one of them"
    digest = answer.digest if answer else changes[0].digest
    try:
        old = decode(read_file(path))
        if answer:
            _check_whole(_case(old), answer, done)
            written = set_answer(old, answer.text, answer.model, results)
        else:
            written = set_results(old, results)
        if written == old:
            return [], None
        replace_file(path, written.encode(), expected=digest)
    except (CaseError, EditError, NotWrittenError) as error:
        return [], str(error)
    return [*_listed(_case(old), _case(written), changes)], None


def _case(text: str) -> Case:
    case = parse_case(text)
    if case is None:
        message = "it is no case any more"
        raise EditError(message)
    return case


def _check_whole(case: Case, answer: NewAnswer, done: Container[str]) -> None:
    """Refuse an answer whose results are not all known: they would be of two answers."""
    missing = [measure_id for measure_id in case.measures if measure_id not in done]
    if missing:
        raise EditError(
            f"the answer of {answer.model} stays out: {', '.join(missing)} could not be, "
            "or was not, measured; run the whole case"
        )


def _listed(old: Case, new: Case, changes: list[Change]) -> Iterator[str]:
    if old.answer.text != new.answer.text:
        was = shorten(old.answer.text) if old.answered else "(not answered)"
        line = f"{new.answer.text_line} answer: {was} -> {shorten(new.answer.text)}"
        said = [id_ for id_, one in old.recorded.items() if one.human]
        people = f"; what people said of {', '.join(said)} was about the old one"
        yield f"{line}{people}" if said else line
    found = {change.measure_id: change for change in changes}
    for id_, change in sorted(found.items(), key=lambda one: new.result_line(one[0])):
        was = shorten(change.old) if change.old.strip() else "(not recorded)"
        line = f"{new.result_line(id_)} {id_}: {was} -> {shorten(change.new)}"
        yield f"{line}; {change.warning}" if change.warning else line
