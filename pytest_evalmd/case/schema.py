"""Whether a JSON Schema from a case file may be used."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value


def schema_problem(schema: Mapping[str, Value]) -> str | None:
    """Say what is wrong with a JSON Schema (2020-12), or ``None``.

    References may only point within the schema: nothing is ever fetched.
    """
    from jsonschema import Draft202012Validator, SchemaError  # only once one is used

    if outside := _outside_reference(dict(schema)):
        return f"$ref {shorten(outside)!r} points elsewhere; expected '#/...'"
    try:
        Draft202012Validator.check_schema(dict(schema))
    except SchemaError as error:
        return f"{error.json_path}: {shorten(error.message, 200)}"
    except RecursionError:
        return "nested too deeply to be checked; expected fewer levels"
    return None


def _outside_reference(value: Value) -> str | None:
    if isinstance(value, list):
        inner = value
    elif isinstance(value, dict):
        for key in ("$ref", "$dynamicRef"):
            reference = value.get(key)
            if isinstance(reference, str) and not reference.startswith("#"):
                return reference
        inner = list(value.values())
    else:
        return None
    return next(filter(None, map(_outside_reference, inner)), None)
