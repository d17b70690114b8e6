"""All that a run found, as values and written as a run file; pure (docs/runs.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from pytest_evalmd.case.model import MeasureType
from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.outcome import Kind

FORMAT = "evalmd-run/1"

Mode = Literal["auto", "replay", "live", "off"]
"""As in options.py, which knows pytest."""

_BEFORE = (
    "case",
    "measure",
    "variant",
    "type",
    "outcome",
    "answer_model",
    "judge_model",
)
_AFTER = ("recorded_text", "human_text", "reason", "problem", "tags", "keys")
_NO_USAGE = Usage()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """The options of a run that decide what its results say; nothing secret."""

    mode: Mode = "auto"
    judge_model: str | None = None
    """From the command line, the environment or the ini file."""
    answer_models: tuple[str, ...] = ()
    """Those that were asked for new answers."""
    confirm: int = 0
    """How often a result that differs is asked again; 0 or more."""
    update_results: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHead:
    """What is true of a whole run."""

    plugin: str
    """The version of pytest-evalmd."""
    date: str
    """Of the run: year-month-day."""
    options: RunOptions = field(default_factory=RunOptions)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What became of one item."""

    case: str
    """The case file's path from pytest's root folder, with ``/``; never absolute."""
    measure: str
    """The measure's id."""
    variant: str = ""
    """What stands in the brackets of the item's name; empty if there are none."""
    type: MeasureType
    outcome: Kind
    answer_model: str | None = None
    """Who gave the answer that was measured; ``None``: it is the recorded answer."""
    judge_model: str | None = None
    """Who judged; ``None`` of what needs no judge."""
    output: Value = None
    """What was computed."""
    output_text: str | None = None
    """The output as a result block would hold it; ``None`` if none was computed."""
    recorded_text: str = ""
    """The recorded result; empty if there is none."""
    human_text: str = ""
    """What a person said the result is; empty if nobody did."""
    reason: str = ""
    """The judge's."""
    problem: str = ""
    """Why there is no output, on one line."""
    tags: tuple[str, ...] = ()
    """The case's."""
    keys: tuple[str, ...] = ()
    """Of the remembered replies."""
    usage: Usage = _NO_USAGE
    """Tokens of all its requests; 0 where every reply was remembered."""
    duration_s: float | None = None

    @property
    def place(self) -> tuple[str, str, str]:
        """Tell it from every other result of its run."""
        return self.case, self.measure, self.variant


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that a run found."""

    head: RunHead
    results: Sequence[RunResult]
    """In any order; no two with the same ``place``."""


def write_run(run: Run) -> str:
    """Write a run file: the same text for the same results, in any order.

    A result a line, so that it can be searched. Nothing is written but the fields above;
    that no text of theirs holds a key is for the caller to see to.
    """
    head, options = run.head, run.head.options
    lines = {
        "format": FORMAT,
        "plugin": head.plugin,
        "date": head.date,
        "options": _present(options, *options.__slots__),
        "totals": _totals(run.results),
    }
    top = "".join(f" {write_json(key)}: {write_json(v)},\n" for key, v in lines.items())
    ordered = sorted(run.results, key=lambda result: result.place)
    results = ",\n".join(f"  {write_json(_plain(result))}" for result in ordered)
    return f'{{\n{top} "results": [\n{results}\n ]\n}}\n'


def _present(source: object, *names: str) -> dict[str, Value]:
    """Give the fields that say something."""
    values = {name: getattr(source, name) for name in names}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value not in ("", (), None)
    }


def _plain(result: RunResult) -> dict[str, Value]:
    plain: dict[str, Value] = {"case": result.case, "measure": result.measure}
    plain |= _present(result, *_BEFORE)
    if result.output_text is not None:
        plain |= {"output": result.output, "output_text": result.output_text}
    plain |= _present(result, *_AFTER)
    if usage := _present(result.usage, *Usage.__slots__):
        plain["usage"] = usage
    if result.duration_s is not None:
        plain["duration_s"] = round(result.duration_s, 3)
    return plain


def _totals(results: Sequence[RunResult]) -> Value:
    counts = Counter(result.outcome for result in results)
    usages = [result.usage for result in results]
    return {
        "results": len(results),
        "outcomes": {kind: counts[kind] for kind in get_args(Kind) if counts[kind]},
        "usage": {
            name: sum(getattr(usage, name) or 0 for usage in usages)
            for name in Usage.__slots__
        },
        "duration_s": round(sum(result.duration_s or 0 for result in results), 3),
    }
