"""A query and measures -> the text of a case that waits for an answer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pytest_evalmd.case.blocks import (
    ANSWER,
    EVALUATION,
    MEASURES_MD,
    QUERY,
    RESULT,
    read_document,
)
from pytest_evalmd.case.evaluations import Names
from pytest_evalmd.case.model import Measure, MeasureType
from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.problems import CaseError, Problem
from pytest_evalmd.generate.placeholders import BLOCK
from pytest_evalmd.generate.rendering import text_of
from pytest_evalmd.generate.template import RawMeasure

_HEAD = ("---", "Status: Pending", "---")
_RULE = ("", "***", "")
_RUN = re.compile(r"^[ \t]*(`{3,})", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LaidOut:
    """A case's text and what it is meant to hold."""

    text: str
    blocks: tuple[tuple[str, str], ...]
    """The info string and text of each block."""
    query_line: int
    """Where the query stands in the template, from 1."""
    measures_line: int
    """The first line of the measures in ``text``, from 1."""
    sources: tuple[int, ...]
    """The template's line of each line of the measures."""

    def problems(self, *, complete: bool) -> Iterator[Problem]:
        """Read the text back; what is wrong is told with the template's lines.

        Args:
            complete: whether all placeholders are defined: else it need be no case.
        """
        if not self._reads_back():
            message = "the text would not read back as it is; expected values without"
            yield Problem(
                line=self.query_line,
                message=f"{message} carriage returns, NUL or half a surrogate pair",
            )
        elif complete:
            yield from self._parse()

    def _reads_back(self) -> bool:
        try:
            self.text.encode()
        except UnicodeEncodeError:
            return False
        blocks = read_document(self.text).blocks
        return self.blocks == tuple((one.info, one.text) for one in blocks)

    def _parse(self) -> tuple[Problem, ...]:
        try:
            parse_case(self.text)
        except CaseError as error:
            return tuple(
                Problem(line=self._source(one.line), message=one.message)
                for one in error.problems
            )
        return ()

    def _source(self, line: int) -> int:
        index = line - self.measures_line
        inside = 0 <= index < len(self.sources)
        return self.sources[index] if inside else self.query_line


def lay_out(query: str, measures: Sequence[RawMeasure], query_line: int) -> LaidOut:
    """Lay out a case."""
    lines_of_measures = [line for one in measures for line in _measure(one)]
    listed = "\n".join(line for line, _ in lines_of_measures)
    evaluations = _evaluations(measures)
    lines = [*_HEAD, *_RULE, *_block("query", QUERY, query)]
    lines += [*_RULE, *_block("answer", ANSWER, "")]
    lines += [*_RULE, *_block("measures", MEASURES_MD, listed, fold="-")]
    measures_line = len(lines) - len(lines_of_measures)
    blocks = [(QUERY, query), (ANSWER, ""), (MEASURES_MD, listed)]
    for evaluation in evaluations:
        lines += [*_RULE, *_block("evaluation", EVALUATION, evaluation)]
        lines += ["", *_block("evaluation-result", RESULT, "")]
        blocks += [(EVALUATION, evaluation), (RESULT, "")]
    return LaidOut(
        text="\n".join(lines),
        blocks=tuple(blocks),
        query_line=query_line,
        measures_line=measures_line,
        sources=tuple(source for _, source in lines_of_measures),
    )


def _block(title: str, info: str, text: str, *, fold: str = "") -> list[str]:
    longest = max(map(len, _RUN.findall(text)), default=2)
    fence = "`" * (longest + 1)
    inner = (f"{fence}{info}", *text.split("\n"), fence)
    return [f"> [!{title}]{fold}", *(f"> {line}" for line in inner)]


def _measure(measure: RawMeasure) -> Iterator[tuple[str, int]]:
    """Give the lines of a measure, each with the template's line."""
    yield "* ---", measure.line
    for entry in measure.entries:
        if not entry.raw.startswith(BLOCK):
            yield f"  * {entry.key}: {entry.raw}".rstrip(" "), entry.line
            continue
        yield f"  * {entry.key}: |", entry.line
        lines = entry.raw.removeprefix(BLOCK).split("\n")
        for below, line in enumerate(lines, 1):
            yield f"    {line}" if line else "", entry.line + below


def _evaluations(measures: Sequence[RawMeasure]) -> list[str]:
    named = []
    for one in measures:
        kind: MeasureType = (
            "programmatic" if text_of(one, "type") == "programmatic" else "ai"
        )
        named.append(
            Measure(
                id=text_of(one, "id") or "",
                description=text_of(one, "description") or "",
                type=kind,
                line=one.line,
            )
        )
    names = Names({measure.id: measure for measure in named})
    return [names.evaluation(measure) for measure in named]
