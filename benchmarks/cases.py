"""Cases for the benchmarks, what their judge is asked, and no-op tests beside them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from pytest_evalmd.case.model import Measure
from pytest_evalmd.case.parse import parse_case
from pytest_evalmd.judge.model import Usage
from pytest_evalmd.judge.negotiation import Terms, build_body
from pytest_evalmd.judge.question import question_of
from pytest_evalmd.judge.recordings import Remembered, write_recordings
from pytest_evalmd.judge.request import build_request
from pytest_evalmd.judge.spool import recordings_path

Asked: TypeAlias = tuple[Measure, dict[str, str]]
"""A measure, and the texts that its judge sees by name."""

MODEL = "mock"
MEASURES = 4
"""How many a case has."""
A_FOLDER = 500
"""How many cases a folder has."""

NO_OP = """\
import pytest

@pytest.mark.parametrize("number", range({count}))
def test(number):
    pass
"""


def write_no_op(folder: Path, count: int) -> Path:
    """Write so many tests that do nothing."""
    folder.mkdir(parents=True)
    path = folder / "test_no_op.py"
    path.write_text(NO_OP.format(count=count), encoding="utf-8")
    return path


def write_cases(folder: Path, measures: int) -> Path:
    """Write cases with so many ai measures in all."""
    folder.mkdir(parents=True)
    (folder / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    for first in range(0, measures, MEASURES):
        ids = [f"m{n}" for n in range(first, min(first + MEASURES, measures))]
        path = folder / f"f{first // MEASURES // A_FOLDER:03}" / f"case{first:06}.md"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_case(f"Answer {first}.", ids), encoding="utf-8")
    return folder


def _case(answer: str, ids: list[str]) -> str:
    lines = [
        f"* ---\n  * id: {id_}\n  * description: D\n  * type: ai\n"
        f"  * prompt: How strongly does it say {id_}?\n  * output: integer"
        for id_ in ids
    ]
    blocks = [("query-text", "Which one?"), ("answer-text", answer)]
    blocks.append(("measures-md", "\n".join(lines)))
    for id_ in ids:
        blocks.append(("evaluation-yaml", f"- measure: {id_}"))
        blocks.append(("evaluation-result-text", "1"))
    return "\n\n".join(f"```{info}\n{body}\n```" for info, body in blocks) + "\n"


def read_cases(folder: Path) -> Iterator[tuple[Path, list[Asked]]]:
    """Give each case with its measures, and what their judge sees."""
    for path in sorted(folder.rglob("*.md")):
        case = parse_case(path.read_text(encoding="utf-8"))
        assert case is not None
        texts = {"query": case.query.text, "answer": case.answer.text}
        yield (
            path,
            [
                (one, {name: texts[name] for name in texts if name in one.context})
                for one in case.measures.values()
            ],
        )


def write_bodies(folder: Path, path: Path) -> Path:
    """Write what the plugin would send, for others to send."""
    bodies = [
        build_body(build_request(one, model=MODEL, texts=texts), Terms())
        for _, asked in read_cases(folder)
        for one, texts in asked
    ]
    path.write_text(json.dumps(bodies), encoding="utf-8")
    return path


def remember(folder: Path) -> None:
    """Write the recordings of all cases, as a run would."""
    for path, asked in read_cases(folder):
        replies = [_reply(one, texts) for one, texts in asked]
        target = recordings_path(path)
        target.parent.mkdir(exist_ok=True)
        target.write_text(write_recordings(path.name, replies), encoding="utf-8")


def _reply(measure: Measure, texts: dict[str, str]) -> Remembered:
    question = question_of(measure, model=MODEL, texts=texts, parameters={})
    return Remembered(
        measure_id=measure.id,
        question=question,
        sample=0,
        key=question.key(0),
        model=MODEL,
        date="2026-11-21",
        reason="As the mock sees it.",
        response=1,
        usage=Usage(asked=100, answered=10, cached=64),
    )
