"""The plugin's options, merged and validated in one place."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import pytest

if TYPE_CHECKING:
    import argparse

    from pytest_evalmd.case.values import Value
    from pytest_evalmd.measuring import Measuring
    from pytest_evalmd.verdict.shard import Shard

Mode = Literal["auto", "replay", "live", "off"]
MAX_CONCURRENCY = 64
"""Beyond this the SDK's connection pool gets slower, not faster (docs/performance.md)."""
MODES: tuple[Mode, ...] = get_args(Mode)
FailOn = Literal["answer", "judge", "any"]
FAIL_ON: tuple[FailOn, ...] = get_args(FailOn)
CONFIRM = 5
MAX_CONFIRM = 99


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line, the environment and the ini file say."""

    mode: Mode
    update_results: bool
    judge_model: str | None
    """From the command line: stands above what a case says."""
    default_judge_model: str | None
    """From the environment or the ini file: a case may say otherwise."""
    answer_models: tuple[str, ...]
    """Those that are asked for new answers; empty: the recorded ones are measured."""
    fail_on: FailOn
    """Which change of a new answer's result fails the run."""
    judge_parameters: Mapping[str, Value]
    timeout_s: float
    """For one reply, waiting and retries included."""
    concurrency: int
    """Requests in flight in this process."""
    confirm: int
    """How often a result that differs is asked at most; 1 or more."""
    confirm_new: int
    """The same for a result that is not recorded yet."""
    max_requests: int | None
    max_tokens: int | None
    run_file: Path | None
    """Where to write what the run found."""
    baseline: Path | None
    """The run file to hold it against."""
    gate: str
    """What decides then, as ``verdict.gate.read_gate`` reads it."""
    reports: tuple[str, ...]
    """Files to write for people, or ``github``; as given."""
    shard: Shard | None
    """The part of the cases to run; ``None``: all of them."""
    logic_timeout_s: float
    logic_memory_mib: int
    logic_stack_kib: int

    @property
    def wants_results(self) -> bool:
        """Whether every item's result is gathered."""
        return bool(self.run_file or self.baseline or self.reports)

    def judge_of(self, case_judge: str | None) -> str:
        """Name the judge of a case; empty if nobody named one."""
        return self.judge_model or case_judge or self.default_judge_model or ""


OPTIONS = pytest.StashKey[Options]()
MEASURING: pytest.StashKey[Measuring] = pytest.StashKey()
"""Set once a case is collected."""


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
        answer_models=_answer_models(config),
        fail_on=_fail_on(given),
        judge_parameters=_parameters(config.getini("evalmd_judge_parameters")),
        timeout_s=_number(config, "evalmd_timeout", 0.1, 86400),
        concurrency=_concurrency(config),
        confirm=_confirm(given.evalmd_confirm, CONFIRM),
        confirm_new=_confirm(given.evalmd_confirm if given.update_results else 1, 1),
        max_requests=_cap(given.evalmd_max_requests, "--evalmd-max-requests"),
        max_tokens=_cap(given.evalmd_max_tokens, "--evalmd-max-tokens"),
        run_file=_path(config, given.evalmd_run),
        baseline=_path(config, given.evalmd_baseline),
        gate=_gate(given.evalmd_gate, given.evalmd_baseline),
        reports=tuple(given.evalmd_report),
        shard=_shard(given.evalmd_shard, given.evalmd_baseline),
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


def _path(config: pytest.Config, name: str | None) -> Path | None:
    return None if name is None else config.invocation_params.dir / name


def _gate(text: str | None, baseline: str | None) -> str:
    if text is None:
        return "any"
    if baseline is None:
        raise pytest.UsageError(
            "--evalmd-gate: expected --evalmd-baseline=FILE with it"
        )
    from pytest_evalmd.verdict.gate import GateError, read_gate

    try:
        read_gate(text)
    except GateError as error:
        raise pytest.UsageError(f"--evalmd-gate: {error}") from None
    return text


def _shard(text: str | None, baseline: str | None) -> Shard | None:
    if text is None:
        return None
    from pytest_evalmd.verdict.shard import ShardError, read_shard

    if baseline is not None:
        raise pytest.UsageError(
            "--evalmd-baseline: a shard is only part of a run; join the shards' files of "
            "--evalmd-run with evalmd merge and compare that with evalmd compare"
        )
    try:
        return read_shard(text)
    except ShardError as error:
        raise pytest.UsageError(f"--evalmd-shard: {error}") from None


def _concurrency(config: pytest.Config) -> int:
    """Give this process's share of the requests in flight."""
    number: int | None = config.option.evalmd_concurrency
    if number is None:
        number = int(_number(config, "evalmd_concurrency", 1, MAX_CONCURRENCY))
    if not 1 <= number <= MAX_CONCURRENCY:
        message = f"--evalmd-concurrency: got {number}; expected 1 to {MAX_CONCURRENCY}"
        raise pytest.UsageError(message)
    worker = getattr(config, "workerinput", {"workercount": 1})
    return max(1, number // int(worker["workercount"]))


def _answer_models(config: pytest.Config) -> tuple[str, ...]:
    """Give each model once, in order."""
    given = config.option
    names = tuple(dict.fromkeys(given.evalmd_answer_models or ()))
    if not names:
        return ()
    if "" in names:
        raise pytest.UsageError("--answer-model: got ''; expected the name of a model")
    if given.update_results and len(names) > 1:
        message = "--update-results can record one new answer only"
        raise pytest.UsageError(f"--answer-model: got {len(names)} models; {message}")
    if (given.evalmd_mode or _ini_mode(config)) == "off":
        message = "expected another mode than --evalmd-mode=off, which asks nobody"
        raise pytest.UsageError(f"--answer-model: {message}")
    return names


def _fail_on(given: argparse.Namespace) -> FailOn:
    if given.evalmd_fail_on and not given.evalmd_answer_models:
        message = "--evalmd-fail-on: expected --answer-model=NAME with it"
        raise pytest.UsageError(message)
    chosen: FailOn = given.evalmd_fail_on or "any"
    return chosen


def _confirm(number: int | None, default: int) -> int:
    if number is None:
        return default
    if 1 <= number <= MAX_CONFIRM:
        return number
    message = f"--evalmd-confirm: got {number}; expected 1 to {MAX_CONFIRM}"
    raise pytest.UsageError(message)


def _cap(number: int | None, name: str) -> int | None:
    if number is not None and number < 0:
        raise pytest.UsageError(f"{name}: got {number}; expected 0 or more")
    return number


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
