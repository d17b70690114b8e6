"""``evalmd schema``: print the JSON Schemas of a case's YAML, for editors."""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files

SCHEMAS = ("measures", "frontmatter")


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "schema",
        help="print the JSON Schema of measures-yaml or of the frontmatter",
        description="Print a JSON Schema (2020-12) for an editor that checks YAML.",
    )
    parser.add_argument(
        "name",
        nargs="?",
        choices=SCHEMAS,
        default=SCHEMAS[0],
        help="which one (default: measures)",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it; gives the exit status."""
    sys.stdout.write(read_schema(arguments.name))
    return 0


def read_schema(name: str) -> str:
    """Give the text of a schema, in ASCII."""
    file = files("pytest_evalmd.case").joinpath(f"{name}.schema.json")
    return file.read_text(encoding="utf-8")
