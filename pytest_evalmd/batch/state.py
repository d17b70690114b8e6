"""What was submitted as one batch <-> the text of its file; pure (docs/batch.md)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pytest_evalmd.batch.remote import REMOTE_ID
from pytest_evalmd.case.model import Measure, Output
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, ValueTextError, read_json, write_json
from pytest_evalmd.judge.question import Question, digest
from pytest_evalmd.judge.recordings import (
    RecordingError,
    read_question,
    write_question,
)

FORMAT = "evalmd-batch/1"
# Of a file below the folder, so that nothing leads out of it.
_CASE = r"\A(?!/|[A-Za-z]:|(?:.*/)?\.\.?/)[^\\\x00-\x1f\x7f]+\.md\Z"
_ANSWERED: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "output": {"enum": [*get_args(Output)]},
        "range": {
            "type": "array",
            "items": {"type": "number"},
            "minItems": 2,
            "maxItems": 2,
        },
    },
    "required": ["output"],
}
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "format": {"const": FORMAT},
        "id": {"type": "string", "pattern": r"\A[0-9a-f]{12}\Z"},
        "model": {"type": "string"},
        "submitted": {"type": "integer", "minimum": 0, "maximum": 10**11},
        "file": {"type": ["string", "null"], "pattern": REMOTE_ID},
        "batch": {"type": ["string", "null"], "pattern": REMOTE_ID},
        "fetched": {"type": "boolean"},
        "blocked": {"type": "integer", "minimum": 0},
        "refused": {"type": "array", "items": {"type": "string"}},
        "asked": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "properties": {
                    "case": {"type": "string", "pattern": _CASE},
                    "measure": {"type": "string"},
                    "question": {
                        "type": "object",
                        "properties": {"schema": _ANSWERED},
                        "required": ["schema"],
                    },
                    "schema": {"type": ["object", "null"]},
                    "samples": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"type": "integer", "minimum": 0, "maximum": 98},
                    },
                },
                "required": ["case", "measure", "question", "schema", "samples"],
            },
        },
    },
}
_REQUIRED = [*_SCHEMA["properties"]]


class BatchFileError(Exception):
    """A batch's file can't be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question about a case, and which samples of its replies are asked for."""

    case: str
    """The case file, from the folder of the batches, with ``/`` between."""
    measure: Measure
    """Once it was written and read: only its id, output, range and schema."""
    question: Question
    samples: tuple[int, ...]
    """From 0."""

    @property
    def place(self) -> str:
        """Name it in a message."""
        return f"{self.case} {self.measure.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What was submitted, or was about to be."""

    id: str
    """Ours: there before the provider knows of it."""
    model: str
    submitted_s: int
    """When, since the epoch."""
    asked: tuple[Asked, ...]
    """In the order of the lines of its file; a line may answer several."""
    blocked: int = 0
    """How many measures could not be asked before these."""
    refused: tuple[str, ...] = ()
    """What the model's server doesn't take, as of ``negotiation.Terms``."""
    file: str | None = None
    """The provider's id of the uploaded file; a batch may exist from then on."""
    batch: str | None = None
    """The provider's id of the batch, once it is known."""
    fetched: bool = False
    """Whether all that came back is remembered, and nothing more is to come."""

    def places(self) -> dict[str, list[tuple[Asked, int]]]:
        """Give what each line answers: questions with their sample, by custom id."""
        found: dict[str, list[tuple[Asked, int]]] = {}
        for asked in self.asked:
            for sample in asked.samples:
                line = custom_id(asked.question.key(sample))
                found.setdefault(line, []).append((asked, sample))
        return found


def custom_id(key: str) -> str:
    """Name the line that asks for the reply with a key."""
    return f"evalmd-{key}"


def may_name(case: str) -> bool:
    """Tell whether a batch's file takes the name of a case file."""
    return re.search(_CASE, case) is not None


def counted(count: int, one: str, more: str) -> str:
    """Say how many there are."""
    return f"{count} {one if count == 1 else more}"


def write_batch(batch: Batch) -> str:
    """Write a batch's file."""
    document: Value = {
        "format": FORMAT,
        "id": batch.id,
        "model": batch.model,
        "submitted": batch.submitted_s,
        "file": batch.file,
        "batch": batch.batch,
        "fetched": batch.fetched,
        "blocked": batch.blocked,
        "refused": [*batch.refused],
        "asked": [_write_asked(asked) for asked in batch.asked],
    }
    return write_json(document, indent=1) + "\n"


def read_batch(text: str) -> Batch:
    """Read what ``write_batch`` wrote.

    Raises:
        BatchFileError: it is something else.
    """
    try:
        document = read_json(text)
    except ValueTextError as error:
        raise BatchFileError(f"not JSON: {error}") from None
    found: Any = _checked(document)
    try:
        asked = tuple(_read_asked(one) for one in found["asked"])
    except RecordingError as error:
        raise BatchFileError(str(error)) from None
    return Batch(
        id=found["id"],
        model=found["model"],
        submitted_s=found["submitted"],
        asked=asked,
        blocked=found["blocked"],
        refused=tuple(found["refused"]),
        file=found["file"],
        batch=found["batch"],
        fetched=found["fetched"],
    )


def _write_asked(asked: Asked) -> Value:
    schema = asked.measure.schema
    return {
        "case": asked.case,
        "measure": asked.measure.id,
        "question": write_question(asked.question),
        "schema": None if schema is None else dict(schema),
        "samples": [*asked.samples],
    }


def _checked(document: Value) -> Value:
    from jsonschema import Draft202012Validator  # only once there is a batch
    from referencing import Registry

    schema = {**_SCHEMA, "required": _REQUIRED}
    validator = Draft202012Validator(schema, registry=Registry())
    for error in validator.iter_errors(document):
        where = "/".join(map(str, error.absolute_path)) or "the file"
        raise BatchFileError(f"{where}: {shorten(error.message, 200)}")
    return document


def _read_asked(entry: Mapping[str, Any]) -> Asked:
    """Read a question, with as much of its measure as it takes to read a reply.

    Raises:
        RecordingError: it is none.
    """
    question, schema = read_question(entry["question"]), entry["schema"]
    known = question.schema.get("schema")
    if known != (None if schema is None else digest(write_json(schema))):
        raise RecordingError("schema: not that of the question; changed by hand")
    output: Any = question.schema["output"]
    bounds: Any = question.schema.get("range")
    return Asked(
        case=entry["case"],
        measure=Measure(
            id=entry["measure"],
            description="",
            type="ai",
            line=1,
            output=output,
            range=None if bounds is None else (bounds[0], bounds[1]),
            schema=schema,
        ),
        question=question,
        samples=tuple(entry["samples"]),
    )
