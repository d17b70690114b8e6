"""The values that a case file becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from pytest_evalmd.case.values import Value

MeasureType = Literal["ai", "programmatic"]
Source = Literal["query", "answer"]
Output = Literal[
    "list", "integer", "number", "boolean", "text", "json", "response", "any"
]
"""What an output is. The last two are inferred only: ``response`` is whatever the
reply's 'response' key holds; ``any`` is JSON where it is JSON, else text."""
Compare = Literal[
    "exact", "unordered", "subset", "superset", "overlap", "within", "pattern", "any-of"
]
Ignore = Literal["case", "marks", "space"]
Aggregate = Literal["median", "mean", "mode", "all", "any"]

SOURCES: tuple[Source, ...] = get_args(Source)
MAX_TEMPERATURE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced code block whose info string is one of ours."""

    info: str
    """The info string, such as ``answer-text``."""
    line: int
    """The line of the opening fence, from 1."""
    end_line: int
    """The line of the closing fence, from 1."""
    text: str
    """What it holds: lines joined by a line feed, container prefix taken off."""

    @property
    def text_line(self) -> int:
        """The line of the first line of text, from 1."""
        return self.line + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One question about an answer, put to a judge or to JavaScript."""

    id: str
    description: str
    type: MeasureType
    line: int
    """Where the measure starts, from 1."""
    prompt: str = ""
    """What the judge is asked, placeholders filled in."""
    context: tuple[Source, ...] = ("answer",)
    """What the judge sees."""
    input: str | tuple[str, ...] | None = None
    """Ids of measures or ``answer``/``query``: one, several or none."""
    logic: str = ""
    """The body of a JavaScript function."""
    params: Mapping[str, Value] = field(default_factory=dict)
    output: Output = "any"
    range: tuple[float, float] | None = None
    """Inclusive bounds of an integer or number."""
    schema: Mapping[str, Value] | None = None
    """A JSON Schema (2020-12) of the output."""
    compare: Compare = "exact"
    tolerance: float = 0
    """How far a number may be off, for ``within``; 0 or more."""
    threshold: float = 1
    """The least Jaccard index, for ``overlap``; 0 to 1."""
    ignore: tuple[Ignore, ...] = ()
    samples: int = 1
    """How often the judge is asked; 1 or more."""
    aggregate: Aggregate | None = None
    """How several samples become one output."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names in ``input``, in order."""
        if self.input is None:
            return ()
        return (self.input,) if isinstance(self.input, str) else self.input

    @property
    def needs(self) -> tuple[str, ...]:
        """The ids of the measures that it needs, in order."""
        return tuple(name for name in self.inputs if name not in SOURCES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Where a measure's result stands in the file, as far as it does."""

    evaluation: Block
    result: Block | None = None
    human: Block | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerSettings:
    """How a case's query is put to a model."""

    system: str | None = None
    """The system message; ``None``: there is none."""
    temperature: float | None = None
    """From 0 to ``MAX_TEMPERATURE``; ``None``: the server's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A question, a model's answer, its measures and their recorded results."""

    query: Block
    answer: Block
    measures: Mapping[str, Measure]
    """By id, inputs before what needs them, else in the file's order."""
    recorded: Mapping[str, Recorded]
    """By measure id; measures without an evaluation are missing."""
    blocks: tuple[Block, ...]
    """Every block of ours, in the file's order."""
    model: str | None = None
    """Who gave the answer."""
    tags: tuple[str, ...] = ()
    judge_model: str | None = None
    """The judge that the frontmatter asks for."""
    answer_settings: AnswerSettings = field(default_factory=AnswerSettings)

    @property
    def answered(self) -> bool:
        """Whether there is an answer to measure."""
        return bool(self.answer.text.strip())

    def result_text(self, measure_id: str) -> str:
        """Give the recorded result as it stands in the file, empty if there is none."""
        recorded = self.recorded.get(measure_id)
        return recorded.result.text if recorded and recorded.result else ""

    def has_result(self, measure_id: str) -> bool:
        """Tell whether there is a block for the recorded result, maybe an empty one."""
        recorded = self.recorded.get(measure_id)
        return recorded is not None and recorded.result is not None

    def result_line(self, measure_id: str) -> int:
        """Give the line of the recorded result, else the measure's, from 1."""
        recorded = self.recorded.get(measure_id)
        if recorded and recorded.result:
            return recorded.result.text_line
        return self.measures[measure_id].line
