"""New texts for blocks -> the file's new text, not one byte else changed; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pytest_evalmd.case.blocks import (
    ANSWER,
    EVALUATION,
    RESULT,
    Document,
    read_document,
)
from pytest_evalmd.case.evaluations import Names
from pytest_evalmd.case.frontmatter import with_model
from pytest_evalmd.case.model import Block, Case, Measure
from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.problems import CaseError

_FENCE = re.compile(r"(`{3,}|~{3,})")
_SEPARATOR = re.compile(r"(?:[*_-][ \t]*){3,}")


class EditError(Exception):
    """The file would not read back as what was to be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lines:
    """Lines to put in the place of others."""

    start: int
    """The first line that goes, from 0."""
    end: int
    """The line behind the last that goes."""
    new: tuple[str, ...]


def set_results(text: str, results: Mapping[str, str]) -> str:
    """Write results into a case.

    Args:
        text: the case file.
        results: the new text of a result block by measure id. A block that is missing
            is added: after its evaluation, or with one after the last evaluation.

    Raises:
        CaseError: the text holds errors.
        EditError: it is no case any more, or a new text can't stand in its block.
    """
    document, case = _read(text)
    written = _apply(document, _result_edits(document, case, results))
    expected = _state(case, results)
    if _read_back(written) != expected:
        message = "would not read back from the file as they are; write them by hand"
        raise EditError(f"the results of {', '.join(results)} {message}")
    return written


def set_answer(
    text: str, answer: str, model: str, results: Mapping[str, str] = {}
) -> str:
    """Write an answer into a case, and who gave it.

    Args:
        text: the case file.
        answer: the new text of the answer block.
        model: becomes the ``model`` of the frontmatter, which is added if it is not
            there.
        results: as for ``set_results``.

    Raises:
        CaseError: the text holds errors.
        EditError: it is no case any more, or the answer can't stand in its block.
    """
    document, case = _read(text)
    edits = _result_edits(document, case, results)
    if case.answer.text != answer:
        edits.append(_replace(document, case.answer, answer))
    written = _apply(document, edits)
    if case.model != model:
        written = with_model(written, document.frontmatter_end, model)
    asked_for = replace(case, model=model, answer=replace(case.answer, text=answer))
    if _read_back(written) != _state(asked_for, results):
        message = "would not read back from the file as it is; write it by hand"
        raise EditError(f"the answer of {model} {message}")
    return written


def _result_edits(
    document: Document, case: Case, results: Mapping[str, str]
) -> list[_Lines]:
    edits: list[_Lines] = []
    missing: list[tuple[Measure, str]] = []
    for measure in sorted(case.measures.values(), key=lambda measure: measure.line):
        if (new := results.get(measure.id)) is None:
            continue
        recorded = case.recorded.get(measure.id)
        if recorded is None:
            missing.append((measure, new))
        elif recorded.result is None:
            edits.append(_result_after(document, recorded.evaluation, new))
        elif recorded.result.text != new:
            edits.append(_replace(document, recorded.result, new))
    if missing:
        edits.append(_evaluations_after_last(document, case, missing))
    return edits


def _read(text: str) -> tuple[Document, Case]:
    case = parse_case(text)
    if case is None:
        message = "it is no case any more"
        raise EditError(message)
    return read_document(text), case


def _apply(document: Document, edits: list[_Lines]) -> str:
    lines = list(document.lines)
    for edit in reversed(sorted(edits, key=lambda edit: edit.start)):
        lines[edit.start : edit.end] = edit.new
    return "".join(lines)


def _read_back(written: str) -> list[object]:
    """Read what is to be written; nothing, if it is no case."""
    try:
        case = parse_case(written)
    except CaseError:
        case = None
    return [] if case is None else _state(case)


def _state(case: Case, results: Mapping[str, str] = {}) -> list[object]:
    """Give what a case says, with new results."""
    kept = [
        (block.info, block.text)
        for block in case.blocks
        if block.info not in (ANSWER, EVALUATION, RESULT)
    ]
    texts = {id_: case.result_text(id_) for id_ in case.measures} | dict(results)
    front = (case.model, case.tags, case.judge_model, case.answer_settings)
    return [kept, texts, case.answer.text, front]


def _replace(document: Document, block: Block, text: str) -> _Lines:
    """Put a text into a block; its fences grow if the text holds one."""
    start, end = block.line - 1, block.end_line - 1
    opening, closing = document.lines[start], document.lines[end]
    style = _Style.of(document, block)
    fence = _fence_around(text, style.fence)
    if fence != style.fence:
        opening = opening.replace(style.fence, fence, 1)
        closing = _FENCE.sub(fence, closing, count=1)
    body = [_behind(style.prefix, line) + style.eol for line in text.split("\n")]
    return _Lines(start=start, end=end + 1, new=(opening, *body, closing))


def _fence_around(text: str, fence: str) -> str:
    """Give a fence that no line of the text closes; the old one where it does."""
    runs = re.findall(rf"^[ \t]*({re.escape(fence[0])}+)", text, re.MULTILINE)
    longest = max(map(len, runs), default=0)
    return fence[0] * max(len(fence), longest + 1)


def _behind(prefix: str, line: str) -> str:
    # A bare '>' takes one blank of the line with it: give it one of its own.
    gap = " " if prefix.endswith(">") and line.startswith((" ", "\t")) else ""
    return prefix + gap + line


def _result_after(document: Document, evaluation: Block, text: str) -> _Lines:
    """Add the result block that an evaluation lacks, in its style."""
    style = _Style.of(document, evaluation)
    end = evaluation.end_line
    new = ["", *style.block("evaluation-result", RESULT, text)]
    return _insert(document, end, new, style.eol)


def _evaluations_after_last(
    document: Document, case: Case, missing: list[tuple[Measure, str]]
) -> _Lines:
    """Add evaluation and result of measures that have none, in the file's style."""
    recorded = case.recorded.values()
    evaluations = [one.evaluation for one in recorded]
    results = [block for one in recorded for block in (one.result, one.human) if block]
    model = max(evaluations or case.blocks, key=_line)
    last = max((model, *results), key=_line)
    style = _Style.of(document, model)
    names = Names(case.measures)
    new: list[str] = []
    for measure, text in missing:
        new += style.separator(document, model)
        new += [*style.block("evaluation", EVALUATION, names.evaluation(measure)), ""]
        new += style.block("evaluation-result", RESULT, text)
    return _insert(document, last.end_line, new, style.eol)


def _line(block: Block) -> int:
    return block.line


def _insert(document: Document, at: int, new: list[str], eol: str) -> _Lines:
    """Insert lines; a file without a final line end stays without one."""
    added = eol.join(new)
    ends = at < len(document.lines) or document.lines[-1].endswith(("\r", "\n"))
    added = added + eol if ends else eol + added
    return _Lines(start=at, end=at, new=(added,))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Style:
    """How the blocks of a file are written."""

    prefix: str
    """What stands before a fence, such as ``> ``."""
    callout: bool
    """Whether a callout's title stands above a fence."""
    fence: str
    eol: str

    @classmethod
    def of(cls, document: Document, block: Block) -> _Style:
        opening = document.lines[block.line - 1]
        above = document.lines[block.line - 2] if block.line > 1 else ""
        before, fence, info = _FENCE.split(opening, maxsplit=1)
        return cls(
            prefix=re.sub(r"[^>\s]", " ", before),
            callout=">" in before and "[!" in above,
            fence=fence,
            eol=info[len(info.rstrip("\r\n")) :],
        )

    def block(self, title: str, info: str, text: str) -> list[str]:
        fence = _fence_around(text, self.fence)
        lines = [f"{fence}{info}", *text.split("\n"), fence]
        head = [f"{self.prefix}[!{title}]"] if self.callout else []
        return head + [_behind(self.prefix, line) for line in lines]

    def separator(self, document: Document, block: Block) -> list[str]:
        """Give what separates evaluations: a blank line, or a rule between two."""
        above = block.line - (3 if self.callout else 2)
        if above > 0 and not document.lines[above].strip():
            rule = document.lines[above - 1].strip()
            if _SEPARATOR.fullmatch(rule):
                return ["", rule, ""]
        return [""]
