"""``evalmd prune``: drop remembered replies that no request uses any more."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

from pytest_evalmd.case.model import Case
from pytest_evalmd.cli.cases import SoundCases, say
from pytest_evalmd.judge.answer import ANSWER, answer_question
from pytest_evalmd.judge.question import Question, question_of
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.store import Keep, fold


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "prune",
        help="drop remembered replies that no request uses any more",
        description="Drop remembered replies whose measure is gone, or whose prompt, "
        "answer, query or schema changed. Replies of every model are kept, and "
        "so are those that only differ in what an input was.",
    )
    parser.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prune; gives the exit status."""
    cases = SoundCases(arguments.cases)
    by_folder: dict[Path, dict[str, Keep]] = {}
    for path, case in cases:
        by_folder.setdefault(path.parent, {})[path.name] = _keep(case)
    pruned = [_prune(folder, keep) for folder, keep in by_folder.items()]
    failed = cases.failed or not all(pruned)
    if not by_folder and not failed:
        say("no case found", error=True)
        failed = True
    return 1 if failed else 0


def _prune(folder: Path, keep: Mapping[str, Keep]) -> bool:
    folded = fold(folder, keep, environment_keys())
    for path, dropped in folded.dropped.items():
        if dropped:
            say(f"{path}: {dropped} {'reply' if dropped == 1 else 'replies'} dropped")
    for path, problem in folded.problems:
        say(f"{path}: not pruned: {problem}", error=True)
    return not folded.problems


def _keep(case: Case) -> Keep:
    """Keep what a present measure may still ask, of any judge."""
    texts = {"query": case.query.text, "answer": case.answer.text}
    wanted: list[tuple[Question, int]] = []
    for measure in case.measures.values():
        if measure.type == "ai":
            seen: dict[str, str] = {
                name: text for name, text in texts.items() if name in measure.context
            }
            question = question_of(measure, model="", texts=seen, parameters={})
            wanted.append((question, measure.samples))

    query = answer_question(case.query.text, "", case.answer_settings)

    # Of any measure: one that was renamed, or asks the same, uses the same reply.
    return lambda reply: (
        "query" not in query.changed_since(reply.question)
        if reply.measure_id == ANSWER
        else any(
            reply.sample < samples and not _changed(question, reply)
            for question, samples in wanted
        )
    )


def _changed(question: Question, reply: Remembered) -> set[str]:
    return {*question.changed_since(reply.question)} - {"model", "parameters", "input"}
