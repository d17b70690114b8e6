"""The plugin's options: declared, merged and validated in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import pytest

from pytest_evalmd.case.values import Value

if TYPE_CHECKING:
    from pytest_evalmd.measuring import Measuring

Mode = Literal["auto", "live", "off"]
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line, the environment and the ini file say."""

    mode: Mode
    update_results: bool
    judge_model: str | None
    """From the command line: stands above what a case says."""
    default_judge_model: str | None
    """From the environment or the ini file: a case may say otherwise."""
    judge_parameters: Mapping[str, Value]
    logic_timeout_s: float
    logic_memory_mib: int
    logic_stack_kib: int


OPTIONS = pytest.StashKey[Options]()
MEASURING: pytest.StashKey[Measuring] = pytest.StashKey()
"""Set once a case is collected."""


def add_options(parser: pytest.Parser) -> None:
    """Declare every option."""
    group = parser.getgroup("evalmd", "answers of language models in markdown cases")
    group.addoption(
        "--update-results",
        action="store_true",
        dest="update_results",
        help="write results that differ or are missing into the case files",
    )
    group.addoption(
        "--evalmd-mode",
        choices=MODES,
        dest="evalmd_mode",
        help="where ai outputs come from: auto (ask the judge), live (ask it in any "
        "case) or off (skip ai measures; programmatic ones run on recorded results)",
    )
    group.addoption(
        "--judge-model",
        metavar="NAME",
        dest="evalmd_judge_model",
        help="the model that judges, whatever a case says (default: the case's "
        "judge, then EVALMD_JUDGE_MODEL, then ini evalmd_judge_model)",
    )
    parser.addini("evalmd_mode", "default of --evalmd-mode", default="auto")
    parser.addini("evalmd_judge_model", "the model that judges", default="")
    parser.addini(
        "evalmd_judge_parameters",
        "sent with every request to the judge, a line each, such as temperature: 0",
        type="linelist",
    )
    limits = {
        "evalmd_logic_timeout": "JavaScript's time a measure, in seconds of CPU (1)",
        "evalmd_logic_memory": "JavaScript's memory a measure, in MiB (64)",
        "evalmd_logic_stack": "JavaScript's stack a measure, in KiB (1024)",
    }
    for name, text in limits.items():
        parser.addini(name, text, default=text.rpartition("(")[2].rstrip(")"))


def read_options(config: pytest.Config) -> Options:
    """Merge and validate the options.

    Raises:
        pytest.UsageError: one of them makes no sense.
    """
    given = config.option
    return Options(
        mode=given.evalmd_mode or _ini_mode(config),
        update_results=given.update_results,
        judge_model=given.evalmd_judge_model,
        default_judge_model=os.environ.get("EVALMD_JUDGE_MODEL")
        or config.getini("evalmd_judge_model")
        or None,
        judge_parameters=_parameters(config.getini("evalmd_judge_parameters")),
        logic_timeout_s=_number(config, "evalmd_logic_timeout", 0.01, 3600),
        logic_memory_mib=int(_number(config, "evalmd_logic_memory", 1, 4096)),
        logic_stack_kib=int(_number(config, "evalmd_logic_stack", 64, 16384)),
    )


def _ini_mode(config: pytest.Config) -> Mode:
    text = config.getini("evalmd_mode")
    for mode in MODES:
        if text == mode:
            return mode
    message = f"evalmd_mode: got {text!r}; expected one of {', '.join(MODES)}"
    raise pytest.UsageError(message)


def _number(config: pytest.Config, name: str, low: float, high: float) -> float:
    text = config.getini(name)
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if low <= number <= high:
        return number
    message = f"{name}: got {text!r}; expected a number from {low:g} to {high:g}"
    raise pytest.UsageError(message)


def _parameters(lines: list[str]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for line in lines:
        name, colon, text = line.partition(":")
        if not colon or not name.strip().isidentifier():
            message = f"evalmd_judge_parameters: got {line!r}; expected 'name: value'"
            raise pytest.UsageError(message)
        found[name.strip()] = _parameter(line, text)
    return found


def _parameter(line: str, text: str) -> Value:
    from pytest_evalmd.case.scalars import ScalarError, read_scalar

    try:
        return read_scalar(text)
    except ScalarError as error:
        message = f"evalmd_judge_parameters: {line!r}: {error}"
        raise pytest.UsageError(message) from None
