"""What the fuzz tests found, each as small as it gets; and what must not get slow."""

from __future__ import annotations

import contextlib
import time

import pytest
from seeds import CASE, CONFIG, RUN, SMALL_TEMPLATE, TEMPLATE, recordings
from targets import TARGETS

from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.case.problems import CaseError
from pytest_evalmd.generate.config import read_config
from pytest_evalmd.generate.template import read_template

LONG = "x" * 5000
FOUND = {
    # A long name made a message of its length.
    "an unknown key": ("case", CASE.replace("range:", f"{LONG}:")),
    "a key given twice": ("case", CASE.replace("range:", f"{LONG}: 1\n>   * {LONG}:")),
    "a param given twice": (
        "case",
        CASE.replace(
            "params: {least: 1,", f"params.{LONG}: 1\n>   * params: {{{LONG}: 1,"
        ),
    ),
    "a broken value": ("case", CASE.replace("range:", f"{LONG}: [\n>   * range:")),
    "an unknown input": ("case", CASE.replace("[named, answer]", LONG)),
    "an id given twice": (
        "case",
        CASE.replace("id: count", f"id: {LONG}").replace("id: rating", f"id: {LONG}"),
    ),
    "a cycle": (
        "case",
        CASE.replace("named", LONG).replace("range: 1..10", "input: count"),
    ),
    "a placeholder": ("case", CASE.replace("{{word}}", f"{{{{{LONG}}}}}")),
    "a block": ("case", CASE.replace("```query-text", f"```measures-{LONG}")),
    "an open fence": ("case", CASE + f"\n\n```{LONG}"),
    "many of one description": (
        "case",
        CASE.replace(
            "> * ---\n>   * id: rating",
            "".join(
                f"> * ---\n>   * id: i{n}\n>   * description: How many?\n"
                ">   * type: ai\n>   * prompt: p\n"
                for n in range(500)
            )
            + "> * ---\n>   * id: rating",
        ),
    ),
    "a template's key": (
        "template",
        TEMPLATE.replace("range:", f"{LONG}: 1\n  * {LONG}:"),
    ),
    "a template's value": (
        "template",
        TEMPLATE.replace("range:", f"{LONG}: [\n  * range:"),
    ),
    "a config's names": (
        "config",
        CONFIG.replace(
            "unused", "\n".join(f"n{n}_name: a" for n in range(500)) + "\nu"
        ),
    ),
    "a shard": ("shard", "9" * 5000 + "/1"),
    # Two measures without an id were a KeyError.
    "no ids": ("template", SMALL_TEMPLATE.replace("  * id: a\n", "") * 2),
    "no ids, two measures": (
        "template",
        SMALL_TEMPLATE.replace("  * id: a\n", "")
        + "* ---\n  * description: b\n  * type: ai\n  * prompt: p\n",
    ),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(name):
    target, text = FOUND[name]
    assert text not in TARGETS[target].seeds  # the change did change something
    TARGETS[target].check(text)


UNITS = (
    *(
        "> ",
        ">",
        "- ",
        "1. ",
        "* ---\n",
        "  * id: a\n",
        "`",
        "```\n",
        "```a\n",
        "{{",
        "[",
    ),
    *(
        "{",
        '"',
        ",",
        "[a,",
        "{a: ",
        "- - ",
        "? ",
        "&a [",
        "|\n",
        "\t",
        "\r",
        "\n",
        "<!--",
    ),
    *(
        "# Query\n",
        "# Measures\n",
        "    x\n",
        "\n> ",
        "```query-text\nx\n```\n",
        "[[],",
    ),
    *("- x\n  ", "<think>", '{"response":1}', '{"', "*a ", "[a]: b\n", "9", '{"a":'),
    *(
        "```evaluation-yaml\n- id: a\n```\n",
        "> * ---\n>   * id: a\n",
        "a: b\n",
        "{{a}}",
    ),
)
SIZE = 40_000
CPU_S = 5.0
"""Quadratic readers take minutes; ours less than 0.5 s on an idle machine."""


def _read_only(check, text):
    with contextlib.suppress(CaseError):
        check(text)


SLOW = {
    "case": (CASE, lambda text: _read_only(parse_case, text)),
    "template": (TEMPLATE, lambda text: _read_only(read_template, text)),
    "config": (
        CONFIG,
        lambda text: _read_only(lambda one: read_config(one, markdown=True), text),
    ),
    "recordings": (recordings()[0], TARGETS["recordings"].check),
    "run": (RUN, TARGETS["run"].check),
    "completion": ("", TARGETS["completion"].check),
}
"""Replies have theirs in tests/core/test_reply_laws.py."""


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_time_is_linear_in_what_is_read(name):
    seed, check = SLOW[name]
    lines = [i + 1 for i, c in enumerate(seed) if c == "\n"][::20]
    for unit in UNITS:
        for at in (0, len(seed), *lines):
            text = seed[:at] + unit * (SIZE // len(unit)) + seed[at:]
            started = time.process_time()
            check(text)
            assert time.process_time() - started < CPU_S, (unit, at)
