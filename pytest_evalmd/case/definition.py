"""The keys of one measure -> a ``Measure``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from pytest_evalmd.case.fields import ANY_PARAM, PARAM, Fields, is_param
from pytest_evalmd.case.model import (
    SOURCES,
    Aggregate,
    Compare,
    Ignore,
    Measure,
    MeasureType,
    Output,
    Source,
)
from pytest_evalmd.case.problems import Problems, nearest, shorten
from pytest_evalmd.case.scalars import Entry
from pytest_evalmd.case.schema import schema_problem
from pytest_evalmd.case.values import Value, write_json

DeclaredOutput = Literal["list", "integer", "number", "boolean", "text", "json"]

_COMPARISON_KEYS = ("compare", "tolerance", "threshold", "ignore")
COMMON_KEYS = (
    *("id", "description", "type", "input", "params", ANY_PARAM),
    *_COMPARISON_KEYS,
)
AI_KEYS = ("prompt", "context", "output", "range", "schema", "samples", "aggregate")
PROGRAMMATIC_KEYS = ("logic",)
KEYS: dict[MeasureType, tuple[str, ...]] = {
    "ai": COMMON_KEYS + AI_KEYS,
    "programmatic": COMMON_KEYS + PROGRAMMATIC_KEYS,
}

_TYPES: tuple[MeasureType, ...] = get_args(MeasureType)
_DECLARED_OUTPUTS: tuple[DeclaredOutput, ...] = get_args(DeclaredOutput)
_COMPARES: tuple[Compare, ...] = get_args(Compare)
_IGNORES: tuple[Ignore, ...] = get_args(Ignore)
_AGGREGATES: tuple[Aggregate, ...] = get_args(Aggregate)

MAX_SAMPLES = 99
"""How often a judge may be asked for one measure."""

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_RANGE = re.compile(r"(-?\d{1,15}(?:\.\d{1,15})?)\s*\.\.\s*(-?\d{1,15}(?:\.\d{1,15})?)")
_PLACEHOLDER = re.compile(r"\{\{([^{}]*)\}\}")
_LIST_COMPARES = ("unordered", "subset", "superset", "overlap")
_AGGREGATED: dict[Aggregate, tuple[Output, ...]] = {
    "median": ("number", "integer"),
    "mean": ("number", "integer"),
    "all": ("boolean",),
    "any": ("boolean",),
}
_SCHEMA_OUTPUTS: dict[Value, Output] = {
    "array": "list",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
    "string": "text",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What the frontmatter says for all ai measures of a case."""

    samples: int | None = None
    context: tuple[Source, ...] | None = None


def read_measure(
    entries: Mapping[str, Entry], line: int, defaults: Defaults, problems: Problems
) -> Measure | None:
    """Make a measure of its keys.

    Args:
        entries: by key; ``params.NAME`` stands beside the others.
        line: where the measure starts, from 1.
        defaults: for the keys it doesn't have.
        problems: takes what is wrong.

    Returns:
        the measure, or ``None`` if it has no id; where ``problems`` were added it is
        only good for finding more of them.
    """
    fields = Fields(entries, line, problems)
    kind = fields.choice("type", _TYPES, required=True)
    measure_id = _id(fields)
    description = fields.text("description", required=True)
    if kind is None:
        kind = "programmatic" if "logic" in entries else "ai"
    fields.check_known(KEYS[kind], f"for type {kind}")
    params = _params(fields)
    own: dict[str, Any] = (
        _ai(fields, params, defaults) if kind == "ai" else {"logic": _logic(fields)}
    )
    compared = _comparison(fields, own.get("output", "any"))
    inputs = fields.words("input")
    if measure_id is None:
        return None
    return Measure(
        id=measure_id,
        description=description or "",
        type=kind,
        line=line,
        input=inputs,
        params=params,
        **compared,
        **own,
    )


def _id(fields: Fields) -> str | None:
    measure_id = fields.text("id", required=True)
    if measure_id is not None and not _ID.fullmatch(measure_id):
        fields.wrong("id", "a letter, then letters, digits, '_' or '-' (ASCII only)")
    if measure_id in SOURCES:
        fields.wrong("id", "another name; 'answer' and 'query' are the case's own")
    return measure_id


def _logic(fields: Fields) -> str:
    fields.require("input", "the id of a measure, a list of ids, answer or query")
    return fields.text("logic", required=True) or ""


def _params(fields: Fields) -> dict[str, Value]:
    given: dict[str, Value] = fields.read("params", dict, "a mapping") or {}
    params = dict(given)
    for key, entry in fields.entries.items():
        if is_param(key):
            name = key.removeprefix(PARAM)
            if name in params:
                message = (
                    f"{shorten(key)} is given twice: here and under params; keep one"
                )
                fields.problems.add(entry.line, message)
            params[name] = entry.value
    return params


def _ai(
    fields: Fields, params: Mapping[str, Value], defaults: Defaults
) -> dict[str, Any]:
    prompt = fields.text("prompt", required=True) or ""
    bounds = _range(fields)
    schema = _schema(fields)
    declared = fields.choice("output", _DECLARED_OUTPUTS)
    output: Output = declared or _inferred_output(prompt, bounds, schema)
    if bounds and output not in ("integer", "number"):
        fields.wrong("range", "no range, or output: integer or number")
    samples = fields.whole("samples", 1, MAX_SAMPLES)
    return {
        "prompt": _fill(fields, prompt, params),
        "context": fields.choices("context", SOURCES)
        or defaults.context
        or ("answer",),
        "output": output,
        "range": bounds,
        "schema": schema,
        "samples": samples or defaults.samples or 1,
        "aggregate": _aggregate(fields, output),
    }


def _inferred_output(
    prompt: str, bounds: object, schema: Mapping[str, Value] | None
) -> Output:
    """Infer the output of a measure that doesn't declare it (docs/format.md)."""
    if bounds:
        return "number"
    if schema is not None:
        kind = schema.get("type")
        return _SCHEMA_OUTPUTS.get(kind, "json") if isinstance(kind, str) else "json"
    if re.search(r"\bJSON array\b", prompt, re.IGNORECASE):
        return "list"
    if re.search(r"\bJSON object\b", prompt, re.IGNORECASE) and re.search(
        r"""["'`]response["'`]""", prompt
    ):
        return "response"
    return "any"


def _range(fields: Fields) -> tuple[float, float] | None:
    expected = "two numbers, the lower first, such as 1..10"
    text = fields.read("range", str, expected)
    if text is None:
        return None
    if match := _RANGE.fullmatch(text.strip()):
        low, high = (float(n) if "." in n else int(n) for n in match.groups())
        if low <= high:
            return low, high
    fields.wrong("range", expected)
    return None


def _schema(fields: Fields) -> Mapping[str, Value] | None:
    schema: dict[str, Value] | None = fields.read(
        "schema", dict, "a JSON Schema mapping"
    )
    if schema is None:
        return None
    if problem := schema_problem(schema):
        fields.problems.add(fields.entries["schema"].line, f"schema: {problem}")
    return schema


def _aggregate(fields: Fields, output: Output) -> Aggregate | None:
    how = fields.choice("aggregate", _AGGREGATES)
    needed = _AGGREGATED.get(how or "mode")
    if needed and output not in (*needed, "response", "any", "json"):
        wanted = " or ".join(needed)
        fields.wrong("aggregate", f"mode, or output: {wanted}; output is {output}")
    return how


def _fill(fields: Fields, prompt: str, params: Mapping[str, Value]) -> str:
    """Fill the placeholders of a prompt."""

    def value(match: re.Match[str]) -> str:
        name = match[1].strip()
        if name not in params:
            fields.problems.add(
                fields.entries["prompt"].line,
                f"prompt: unknown placeholder {shorten(match[0])!r}{nearest(name, params)}; "
                f"set params.{shorten(name) or 'NAME'}",
            )
            return match[0]
        found = params[name]
        return found if isinstance(found, str) else write_json(found)

    return _PLACEHOLDER.sub(value, prompt)


def _comparison(fields: Fields, output: Output) -> dict[str, Any]:
    if fields.entries.keys().isdisjoint(_COMPARISON_KEYS):
        return {}
    tolerance = fields.number("tolerance", 0, float("inf"), "a number, 0 or more")
    threshold = fields.number("threshold", 1e-9, 1, "a number above 0, up to 1")
    compare: Compare = fields.choice("compare", _COMPARES) or (
        "exact" if tolerance is None else "within"
    )
    if compare == "within":
        fields.require("tolerance", "how far a number may be off, such as 1")
    elif tolerance is not None:
        fields.wrong("tolerance", f"none with compare: {compare}; it is for within")
    if compare == "overlap":
        fields.require("threshold", "the least share in common, such as 0.8")
    elif threshold is not None:
        fields.wrong("threshold", f"none with compare: {compare}; it is for overlap")
    if compare in _LIST_COMPARES and output in ("integer", "number", "boolean", "text"):
        fields.wrong("compare", f"another one; {compare} holds lists together")
    if compare == "within" and output in ("list", "boolean", "text"):
        given = "compare" if "compare" in fields.entries else "tolerance"
        fields.wrong(given, f"none with output {output}; within holds numbers together")
    return {
        "compare": compare,
        "tolerance": tolerance or 0,
        "threshold": 1 if threshold is None else threshold,
        "ignore": fields.choices("ignore", _IGNORES) or (),
    }
