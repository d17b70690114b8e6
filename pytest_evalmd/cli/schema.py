"""``evalmd schema``: print the JSON Schemas of a case's YAML and of what is written."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files

SCHEMAS = {
    "measures": "pytest_evalmd.case",
    "frontmatter": "pytest_evalmd.case",
    "run": "pytest_evalmd.verdict",
}
"""The package that holds each, by name."""


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "schema",
        help="print the JSON Schema of measures-yaml, the frontmatter or a run file",
        description="Print a JSON Schema (2020-12): of YAML in cases, for an editor that "
        "checks it, or of the JSON that is written for other programs.",
    )
    parser.add_argument(
        "name",
        nargs="?",
        choices=SCHEMAS,
        default="measures",
        help="which one (default: measures)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it; gives the exit status."""
    sys.stdout.write(read_schema(arguments.name))
    return 0


def read_schema(name: str) -> str:
    """Give the text of a schema, in ASCII."""
    file = files(SCHEMAS[name]).joinpath(f"{name}.schema.json")
    return file.read_text(encoding="utf-8")
