"""The command line ``evalmd``: what is done with cases outside a test run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from pytest_evalmd.cli import (
    agreement,
    answer,
    batch,
    check,
    compare,
    generate,
    merge,
    prune,
    report,
    schema,
    selfcheck,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand.

    Returns:
        the exit status: 0 if all went well, 1 if something did not, 2 for bad usage.
    """
    parser = argparse.ArgumentParser(
        prog="evalmd", description="What is done with cases outside a test run."
    )
    subcommands = parser.add_subparsers(dest="command", required=True)
    agreement.add_to(subcommands)
    answer.add_to(subcommands)
    batch.add_to(subcommands)
    check.add_to(subcommands)
    compare.add_to(subcommands)
    generate.add_to(subcommands)
    merge.add_to(subcommands)
    prune.add_to(subcommands)
    report.add_to(subcommands)
    schema.add_to(subcommands)
    selfcheck.add_to(subcommands)
    parsed = parser.parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads has read enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status
