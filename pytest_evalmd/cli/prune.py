"""``evalmd prune``: drop remembered replies that no request uses any more."""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from pathlib import Path

from pytest_evalmd.case.model import Case, Measure
from pytest_evalmd.cli.cases import SoundCases, say
from pytest_evalmd.judge.answer import ANSWER, answer_question
from pytest_evalmd.judge.question import Question, question_of
from pytest_evalmd.judge.recordings import RecordingError, Remembered
from pytest_evalmd.judge.secrets import environment_keys
from pytest_evalmd.judge.store import CaseReplies, Keep, fold


def add_to(subcommands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the subcommand."""
    parser = subcommands.add_parser(
        "prune",
        help="drop remembered replies that no request uses any more",
        description="Drop remembered replies whose measure is gone, or whose prompt, "
        "answer, query or schema changed. Replies of every model are kept, those "
        "about remembered new answers, votes, and those that only differ in what "
        "an input was.",
    )
    parser.add_argument("cases", nargs="+", type=Path, help="case files or folders")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prune; gives the exit status."""
    cases = SoundCases(arguments.cases)
    by_folder: dict[Path, dict[str, Keep]] = {}
    for path, case in cases:
        by_folder.setdefault(path.parent, {})[path.name] = _keep(path, case)
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


def _keep(path: Path, case: Case) -> Keep:
    """Keep what a present measure may still ask, of any judge and about any answer.

    Of whatever sample: more than a measure wants have voted.
    """
    query = answer_question(case.query.text, "", case.answer_settings)

    def is_answer(reply: Remembered) -> bool:
        same_query = "query" not in query.changed_since(reply.question)
        return reply.measure_id == ANSWER and same_query

    known = _remembered(path)
    answers = {
        case.answer.text,
        *(str(one.response) for one in known if is_answer(one)),
    }
    wanted = [
        _question(case, measure, answer)
        for answer in answers
        for measure in case.measures.values()
        if measure.type == "ai"
    ]
    # Of any measure: one that was renamed, or asks the same, uses the same reply.
    return lambda reply: (
        is_answer(reply)
        if reply.measure_id == ANSWER
        else any(not _changed(question, reply) for question in wanted)
    )


def _remembered(path: Path) -> Collection[Remembered]:
    try:
        return CaseReplies(path, run="").by_key.values()
    except RecordingError:
        return ()  # whoever folds them says so


def _question(case: Case, measure: Measure, answer: str) -> Question:
    texts = {"query": case.query.text, "answer": answer}
    seen: dict[str, str] = {
        name: text for name, text in texts.items() if name in measure.context
    }
    return question_of(measure, model="", texts=seen, parameters={})


def _changed(question: Question, reply: Remembered) -> set[str]:
    return {*question.changed_since(reply.question)} - {"model", "parameters", "input"}
