"""A markdown text -> a ``Case``, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_evalmd.case.blocks import (
    ANSWER,
    MEASURES_MD,
    MEASURES_YAML,
    QUERY,
    Document,
    read_document,
    split_lines,
)
from pytest_evalmd.case.definition import MAX_SAMPLES, Defaults
from pytest_evalmd.case.evaluations import pair
from pytest_evalmd.case.fields import Fields
from pytest_evalmd.case.graph import order
from pytest_evalmd.case.measures import read_measures
from pytest_evalmd.case.model import (
    MAX_TEMPERATURE,
    SOURCES,
    AnswerSettings,
    Block,
    Case,
    Measure,
)
from pytest_evalmd.case.problems import CaseError, Problem, Problems, got
from pytest_evalmd.case.scalars import Entry, ScalarError, read_yaml_mapping
from pytest_evalmd.case.values import Value

_TAG = re.compile(r"[^\W_][\w./-]*")
_KEYS = ("model", "tags", "judge", "answer")
_JUDGE_KEYS = ("model", "samples", "context")
_ANSWER_KEYS = ("system", "temperature")
# As tags these marks would change how an item runs: a file could skip its own failure.
_MARKS_WITH_EFFECT = frozenset(
    {"filterwarnings", "flaky", "parametrize", "skip", "skipif", "usefixtures", "xfail"}
)


def decode(data: bytes) -> str:
    """Read a file's bytes as UTF-8; a byte order mark stays.

    Raises:
        CaseError: they are not.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = len(split_lines(data[: error.start].decode() + "?"))
        message = (
            f"not UTF-8, got byte 0x{data[error.start]:02x}; "
            "save the file with the encoding UTF-8"
        )
        raise CaseError([Problem(line=line, message=message)]) from None


def parse_case(text: str) -> Case | None:
    """Read a case.

    Returns:
        the case, or ``None`` if the text is some other markdown.

    Raises:
        CaseError: it is meant as a case and holds errors: all of them.
    """
    problems = Problems()
    document = read_document(text)
    if not document.is_case:
        return None
    document.note_problems(problems)
    front = _read_frontmatter(document, problems)
    query = _only(document, (QUERY,), problems)
    answer = _only(document, (ANSWER,), problems)
    block = _only(document, (MEASURES_MD, MEASURES_YAML), problems)
    if query and not query.text.strip():
        problems.add(
            query.line, "the query is empty; expected the question that was put"
        )
    measures: Mapping[str, Measure] = {}
    if block:
        measures = order(read_measures(block, front.defaults, problems), problems)
    recorded = pair(document.blocks, measures, problems) if measures else {}
    if problems.found or query is None or answer is None:
        raise CaseError(problems.found)
    return Case(
        query=query,
        answer=answer,
        measures=measures,
        recorded=recorded,
        blocks=document.blocks,
        model=front.model,
        tags=front.tags,
        judge_model=front.judge_model,
        answer_settings=front.answer_settings,
    )


def _only(
    document: Document, infos: tuple[str, ...], problems: Problems
) -> Block | None:
    found = [block for block in document.blocks if block.info in infos]
    for extra in found[1:]:
        message = f"a second {extra.info} block, the first is on line {found[0].line}"
        problems.add(
            extra.line, f"{message}; expected one; split the case in two files"
        )
    if not found:
        problems.add(
            1, f"no {' or '.join(infos)} block; expected a fence '```{infos[0]}'"
        )
        return None
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frontmatter:
    model: str | None = None
    tags: tuple[str, ...] = ()
    judge_model: str | None = None
    answer_settings: AnswerSettings = field(default_factory=AnswerSettings)
    defaults: Defaults = field(default_factory=Defaults)


def _read_frontmatter(document: Document, problems: Problems) -> _Frontmatter:
    if document.frontmatter is None or document.in_frontmatter:
        return _Frontmatter()
    try:
        # Its last line ends as the others do, or a text of many lines would change
        # with what follows it.
        entries = read_yaml_mapping(f"{document.frontmatter}\n", 2, _KEYS, problems)
    except ScalarError as error:
        line = min(error.line, document.frontmatter.count("\n"))
        problems.add(line + 2, f"frontmatter: {error}")
        return _Frontmatter()
    # Obsidian leaves properties that were never filled in as ``key:``.
    given = {key: e for key, e in entries.items() if e.broken or e.value is not None}
    fields = Fields(given, 1, problems)
    judge = _inner_fields(fields, "judge", _JUDGE_KEYS)
    answer = _inner_fields(fields, "answer", _ANSWER_KEYS)
    return _Frontmatter(
        model=fields.text("model"),
        tags=_tags(fields),
        judge_model=judge.text("model"),
        answer_settings=AnswerSettings(
            system=answer.text("system"),
            temperature=answer.number(
                "temperature",
                0,
                MAX_TEMPERATURE,
                f"a number from 0 to {MAX_TEMPERATURE}",
            ),
        ),
        defaults=Defaults(
            samples=judge.whole("samples", 1, MAX_SAMPLES),
            context=judge.choices("context", SOURCES),
        ),
    )


def _inner_fields(fields: Fields, key: str, known: tuple[str, ...]) -> Fields:
    """Read the mapping under a key; all that is in it is put on the key's line."""
    given: dict[str, Value] = fields.read(key, dict, "a mapping") or {}
    line = fields.entries[key].line if given else 1
    entries = {name: Entry(value=value, line=line) for name, value in given.items()}
    inner = Fields(entries, line, fields.problems, prefix=f"{key}.")
    inner.check_known(known, f"in {key}")
    return inner


def _tags(fields: Fields) -> tuple[str, ...]:
    if "tags" in fields.entries and fields.entries["tags"].value == []:
        return ()
    words = fields.words("tags") or ()
    tags = (words,) if isinstance(words, str) else words
    for tag in tags:
        if not _TAG.fullmatch(tag):
            line = fields.entries["tags"].line
            message = f"tags: {got(tag)}; expected letters, digits, '_', '-', '.', '/'"
            fields.problems.add(line, message)
        elif tag in _MARKS_WITH_EFFECT:
            message = f"another word than {tag!r}: as a mark it changes how pytest runs"
            fields.wrong("tags", message)
    return tags
