"""``evalmd agreement``: hold a judge's recorded results against people's."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.results import ResultError
from pytest_evalmd.case.values import Value, same, write_json
from pytest_evalmd.cli.cases import SoundCases, say
from pytest_evalmd.files import read_regular
from pytest_evalmd.judge.recordings import RecordingError, Remembered, read_recordings
from pytest_evalmd.judge.spool import recordings_path
from pytest_evalmd.verdict.agreement import Agreement, Opinion, agreements
from pytest_evalmd.verdict.compare import holds, read_recorded

SHOWN = 10
"""How many of the cases that disagree are listed."""
FEW = 30
"""With fewer pairs than this an interval is wide, and it is said."""


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "agreement",
        help="hold a judge's recorded results against people's",
        description="For each measure with human-result-text blocks and each judge: "
        "how many agree, Cohen's kappa (with quadratic weights for numbers) and its "
        "95 % interval, the confusion matrix, and the cases farthest apart.",
    )
    parser.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print it; gives the exit status: 1 if there is nothing to hold together."""
    cases = SoundCases(arguments.cases)
    opinions = [one for path, case in cases for one in _opinions(path, case)]
    for number, one in enumerate(agreements(opinions)):
        say("\n" * bool(number) + "\n".join(describe(one)))
    if not opinions:
        say("no human-result-text stands beside a recorded result", error=True)
    return 1 if cases.failed or not opinions else 0


def describe(one: Agreement) -> Iterator[str]:
    """Say what was found about one measure and judge."""
    share = f"{one.agreed} of {one.n} agree ({one.agreed / one.n:.0%})"
    yield f"{one.measure_id}, judged by {one.judge}: {share}"
    if one.kappa is None:
        yield "  kappa: not defined (one answer only, or too many different ones)"
    else:
        low, high = one.kappa.interval
        name = "quadratic weighted kappa" if one.weighted else "kappa"
        few = f"; {one.n} pairs are few" if one.n < FEW else ""
        yield f"  {name}: {one.kappa.value:.2f} (95 %: {low:.2f} to {high:.2f}{few})"
    yield from _table(one)
    for opinion in one.disagreements[:SHOWN]:
        said = (
            f"the judge {_shown(opinion.by_judge)}, people {_shown(opinion.by_person)}"
        )
        yield f"  {opinion.case}: {said}"
    if len(one.disagreements) > SHOWN:
        yield f"  … and {len(one.disagreements) - SHOWN} more"


def _table(one: Agreement) -> Iterator[str]:
    if len(one.categories) < 2:
        return
    names = [_shown(value, 12) for value in one.categories]
    width = max(len(name) for name in (*names, "judge \\ people"))
    cell = max(len(name) for name in names)
    yield "  " + " ".join(
        ["judge \\ people".ljust(width), *(n.rjust(cell) for n in names)]
    )
    for name, row in zip(names, one.table, strict=True):
        yield "  " + " ".join([name.ljust(width), *(str(n).rjust(cell) for n in row)])


def _opinions(path: Path, case: Case) -> Iterator[Opinion]:
    replies = _replies(path)
    for measure_id, recorded in case.recorded.items():
        measure = case.measures[measure_id]
        human = recorded.human.text if recorded.human else ""
        result = case.result_text(measure_id)
        if not human.strip() or not result.strip():
            continue
        if measure.compare in ("pattern", "any-of"):
            continue  # what is recorded says what is accepted, not what came out
        try:
            by_judge = read_recorded(measure, result, None)
            by_person = read_recorded(measure, human, by_judge)
        except ResultError as error:
            say(f"{path}: {measure_id}: {error}", error=True)
            continue
        yield Opinion(
            case=str(path),
            measure_id=measure_id,
            judge=_judge(case, measure, by_judge, replies),
            by_judge=by_judge,
            by_person=by_person,
            agree=holds(measure, human, by_judge, _matches),
        )


def _judge(
    case: Case, measure: Measure, value: Value, replies: Iterable[Remembered]
) -> str:
    """Name who gave a recorded result, as far as the recordings tell."""
    if measure.type == "programmatic":
        return "JavaScript"
    for reply in replies:
        if reply.measure_id == measure.id and same(reply.response, value):
            return reply.model or reply.question.model
    return case.judge_model or "an unknown judge"


def _replies(path: Path) -> list[Remembered]:
    file = recordings_path(path)
    try:
        text = read_regular(file).decode()
        return list(read_recordings(text).values())
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError, RecordingError) as error:
        say(f"{file}: {error}; judges are named as the cases say", error=True)
        return []


def _matches(pattern: str, text: str, ignore_case: bool) -> bool:
    return bool(re.fullmatch(pattern, text, re.IGNORECASE if ignore_case else 0))


def _shown(value: Value, width: int = 60) -> str:
    return shorten(value if isinstance(value, str) else write_json(value), width)
