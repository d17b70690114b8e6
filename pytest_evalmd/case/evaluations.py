"""Which recorded result belongs to which measure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from pytest_evalmd.case.blocks import EVALUATION, HUMAN, RESULT
from pytest_evalmd.case.model import Block, Measure, Recorded
from pytest_evalmd.case.problems import Problems, got, nearest, shorten
from pytest_evalmd.case.scalars import ScalarError, read_scalar

_ENTRY = re.compile(r"\s*(?:-\s+)?([^\s:\"']+)\s*:\s*(.*)")
_KEYS = ("measure", "id", "type")
_UNQUOTABLE = re.compile("[\r\n\0\ud800-\udfff]")
_EXPECTED = "expected '- measure: \"<description>\"' and '  type: <type>'"


class Names:
    """What the measures of a case are called in its evaluations."""

    def __init__(self, measures: Mapping[str, Measure]) -> None:
        self.by_id = {id_: [measure] for id_, measure in measures.items()}
        self.by_any: dict[str, list[Measure]] = {}
        for measure in measures.values():
            for name in {measure.description, measure.id}:
                self.by_any.setdefault(name, []).append(measure)

    def find(
        self, name: str, key: str, line: int, problems: Problems
    ) -> Measure | None:
        """Find the one measure of a name; else a problem is noted."""
        known = self.by_id if key == "id" else self.by_any
        found = known.get(name, [])
        if len(found) == 1:
            return found[0]
        shown = shorten(name)
        if found:
            ids = shorten(" and ".join(measure.id for measure in found))
            message = f"{shown!r} names {ids}; name one of them as in '- id: {shorten(found[0].id)}'"
        else:
            hint = nearest(name, known)
            expected = "an id" if key == "id" else "a description or an id"
            message = f"no measure {shown!r}{hint}; expected {expected} of this file"
        problems.add(line, message)
        return None

    def evaluation(self, measure: Measure) -> str:
        """Write the text of an evaluation block that names a measure."""
        name = measure.description
        if (
            len(self.by_any.get(name, ())) != 1
            or _UNQUOTABLE.search(name)
            or read_scalar(f'"{name}"') != name
        ):
            return f"- id: {measure.id}\n  type: {measure.type}"
        return f'- measure: "{name}"\n  type: {measure.type}'


def pair(
    blocks: Iterable[Block], measures: Mapping[str, Measure], problems: Problems
) -> dict[str, Recorded]:
    """Give each measure its evaluation and the results that follow it."""
    found: dict[str, Recorded] = {}
    names = Names(measures)
    current: str | None = None
    after_bad_evaluation = False
    for block in blocks:
        if block.info == EVALUATION:
            current = _measure_of(block, names, problems)
            after_bad_evaluation = current is None
            if current in found:
                _second(found[current].evaluation, block, current, problems)
            elif current is not None:
                found[current] = Recorded(evaluation=block)
        elif block.info not in (RESULT, HUMAN):
            current, after_bad_evaluation = None, False
        elif current is not None:
            found[current] = _with(found[current], block, current, problems)
        elif not after_bad_evaluation:
            message = f"{block.info} without an evaluation; expected evaluation-yaml"
            problems.add(block.line, f"{message} before it, naming the measure")
    return found


def _with(
    recorded: Recorded, block: Block, measure_id: str, problems: Problems
) -> Recorded:
    if block.info == RESULT and recorded.result is None and recorded.human is None:
        return Recorded(evaluation=recorded.evaluation, result=block)
    if block.info == HUMAN and recorded.human is None and recorded.result is not None:
        return Recorded(
            evaluation=recorded.evaluation, result=recorded.result, human=block
        )
    first = recorded.human if block.info == HUMAN else recorded.result
    if first is not None:
        _second(first, block, measure_id, problems)
    else:
        message = "human-result-text before the evaluation-result-text of"
        problems.add(block.line, f"{message} {shorten(measure_id)!r}; put it after")
    return recorded


def _second(
    first: Block, block: Block, measure_id: str | None, problems: Problems
) -> None:
    problems.add(
        block.line,
        f"a second {block.info} for {shorten(measure_id or '')!r}, the first is on line {first.line}; "
        "expected one a measure; delete the one that is wrong",
    )


def _measure_of(block: Block, names: Names, problems: Problems) -> str | None:
    before = len(problems.found)
    entries = _entries(block, problems)
    if len(problems.found) > before:
        return None
    keys = [key for key in ("measure", "id") if key in entries]
    if len(keys) != 1:
        number = "two measures" if keys else "no measure"
        problems.add(block.line, f"the evaluation names {number}; {_EXPECTED}")
        return None
    name, line = entries[keys[0]]
    measure = names.find(name, keys[0], line, problems)
    if measure is not None and "type" in entries:
        kind, kind_line = entries["type"]
        if kind != measure.type:
            message = f"type: {got(kind)}; expected {measure.type}, as the measure says"
            problems.add(kind_line, message)
    return measure.id if measure else None


def _entries(block: Block, problems: Problems) -> dict[str, tuple[str, int]]:
    """Read the keys, each with its line."""
    entries: dict[str, tuple[str, int]] = {}
    for line, text in enumerate(block.text.split("\n"), block.text_line):
        if not text.strip():
            continue
        match = _ENTRY.fullmatch(text)
        if match is None or match[1] not in _KEYS:
            hint = nearest(match[1], _KEYS) if match else ""
            problems.add(line, f"{got(text.strip())}{hint}; {_EXPECTED}")
        elif match[1] in entries:
            message = f"the key {match[1]!r} is given twice; expected one evaluation"
            problems.add(line, f"{message} a block")
        else:
            entries[match[1]] = (_text(match[2], line, problems), line)
    return entries


def _text(text: str, line: int, problems: Problems) -> str:
    try:
        value = read_scalar(text)
    except ScalarError as error:
        problems.add(line, str(error))
        return ""
    return value if isinstance(value, str) else text.strip()
