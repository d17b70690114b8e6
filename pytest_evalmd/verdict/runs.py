"""All that a run found, as values and written as a run file; pure (docs/runs.md)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from pytest_evalmd.case.model import MeasureType
from pytest_evalmd.case.values import Value, write_json
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.outcome import Attribution, Kind
from pytest_evalmd.verdict.shard import Shard

FORMAT = "evalmd-run/1"

Mode = Literal["auto", "replay", "live", "off"]
"""As in options.py, which knows pytest."""

_BEFORE = (
    "case",
    "measure",
    "variant",
    "description",
    "line",
    "type",
    "outcome",
    "answer_model",
    "judge_model",
)
_AFTER = (
    "attribution",
    "votes",
    "recorded_text",
    "human_text",
    "reason",
    "provenance",
    "problem",
    "tags",
    "keys",
)
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
    """How often a result that differs is asked at most; 0: nobody is asked."""
    update_results: bool = False
    shard: Shard | None = None
    """The part of the cases that it ran; ``None``: all of them."""


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
    description: str = ""
    """The measure's."""
    line: int | None = None
    """Of the recorded result in the case file, else of the measure; from 1."""
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
    today_text: str | None = None
    """What the recorded answer is judged as today; ``None`` where nobody asked."""
    attribution: Attribution | None = None
    """What changed where the result moved; ``None`` where nobody knows."""
    votes: tuple[str, ...] = ()
    """The outputs of every round of asking, where there was more than one."""
    recorded_text: str = ""
    """The recorded result; empty if there is none."""
    human_text: str = ""
    """What a person said the result is; empty if nobody did."""
    reason: str = ""
    """The judge's."""
    provenance: str = ""
    """How the recorded result came about."""
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
class RunCase:
    """The texts of a case as they were measured."""

    case: str
    """As results name it."""
    query: str
    answer: str = ""
    """The recorded one; empty if there is none."""
    model: str = ""
    """Who gave it; empty if nobody says."""
    tags: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    """The ids of all of its measures, in the file's order."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """The new answers, by the name of the model that gave each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """All that a run found."""

    head: RunHead
    results: Sequence[RunResult]
    """In any order; no two with the same ``place``."""
    cases: Sequence[RunCase] = ()
    """In any order, each once; results whose case is missing are good without it."""


def write_run(run: Run) -> str:
    """Write a run file: the same text for the same results, in any order.

    A result and a case a line, so that it can be searched; the cases last, so that who
    compares runs holds none of their texts. Nothing is written but the fields above;
    that no text of theirs holds a key is for the caller to see to.
    """
    head, options = run.head, run.head.options
    lines = {
        "format": FORMAT,
        "plugin": head.plugin,
        "date": head.date,
        "options": present(options, *options.__slots__),
        "totals": _totals(run.results),
    }
    top = "".join(f" {write_json(key)}: {write_json(v)},\n" for key, v in lines.items())
    ordered = sorted(run.results, key=lambda result: result.place)
    lists = [_list("results", map(_plain, ordered))]
    if run.cases:
        by_name = sorted(run.cases, key=lambda case: case.case)
        lists.append(_list("cases", map(_plain_case, by_name)))
    return "{\n" + top + ",\n".join(lists) + "\n}\n"


def _list(name: str, items: Iterable[dict[str, Value]]) -> str:
    lines = ",\n".join(f"  {write_json(item)}" for item in items)
    return f' "{name}": [\n{lines}\n ]'


def present(source: object, *names: str) -> dict[str, Value]:
    """Give the fields that say something."""
    values = {name: getattr(source, name) for name in names}
    return {
        name: _value(value)
        for name, value in values.items()
        if value not in ("", (), None)
    }


def _value(value: Any) -> Value:  # noqa: ANN401 - a field of any of them
    if isinstance(value, Shard):
        return asdict(value)
    return list(value) if isinstance(value, tuple) else value


def _plain(result: RunResult) -> dict[str, Value]:
    plain: dict[str, Value] = {"case": result.case, "measure": result.measure}
    plain |= present(result, *_BEFORE)
    if result.output_text is not None:
        plain |= {"output": result.output, "output_text": result.output_text}
    if result.today_text is not None:
        plain["today_text"] = result.today_text
    return plain | present(result, *_AFTER) | cost(result.usage, result.duration_s)


def cost(usage: Usage, duration_s: float | None) -> dict[str, Value]:
    """Give what a result cost, as far as anybody counted."""
    plain: dict[str, Value] = {}
    if counts := present(usage, *Usage.__slots__):
        plain["usage"] = counts
    if duration_s is not None:
        plain["duration_s"] = round(duration_s, 3)
    return plain


def _plain_case(case: RunCase) -> dict[str, Value]:
    plain: dict[str, Value] = {"case": case.case, "query": case.query}
    plain |= present(case, "answer", "model", "tags", "measures")
    if case.answers:
        plain["answers"] = dict(sorted(case.answers.items()))
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
