"""Why no remembered reply fits a question, component by component; pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.case.values import Value, same
from pytest_evalmd.judge.question import Question
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.judge.request import visible

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n")
_NAMES = {"answer": "the answer"}
DIFF_LINES = 12
"""How many lines of a prompt's diff are shown."""
DIFF_WIDTH = 200
"""How much of each, in characters."""


def explain_miss(
    measure_id: str,
    question: Question,
    replies: Iterable[Remembered],
    *,
    samples: int = 1,
) -> str:
    """Say which component of a request changed since a reply was remembered.

    Args:
        measure_id: what was to be judged; or ``answer``.
        question: what would be asked.
        replies: what is remembered of its case.
        samples: how many are wanted.

    Returns:
        one line, then a short diff of the prompt if that changed.
    """
    ask = f"run with --evalmd-mode=auto to ask {question.model or 'the judge'}"
    name = _NAMES.get(measure_id, measure_id)
    start = f"no reply is remembered for {name}"
    old = nearest(measure_id, question, replies)
    if old is None:
        return f"{start}; {ask}"
    changed = question.changed_since(old.question)
    if not changed and samples == 1:
        return f"no further reply is remembered for {name}; {ask}"
    if not changed:
        wanted = f"{samples} samples are wanted, fewer are remembered"
        return f"{start}: {wanted}; {ask}"
    what = changes(question, old, f"since {old.date}")
    line = f"{start}: {what}; {ask} again"
    if "prompt" not in changed:
        return line
    return "\n".join([line, *_prompt_diff(old.question.prompt, question.prompt)])


def changes(question: Question, old: Remembered, since: str) -> str:
    """Say what changed since a reply was given, and what did not."""
    changed = question.changed_since(old.question)
    kept = [name for name in question.component_names() if name not in changed]
    same_ = (
        f" ({_and(kept)} {'is' if len(kept) == 1 else 'are'} the same)" if kept else ""
    )
    return visible(f"the {_and(changed)} changed {since}{same_}")


def nearest(
    measure_id: str, question: Question, replies: Iterable[Remembered]
) -> Remembered | None:
    """Give the reply to the question most like this one; the newest of several."""
    own = [reply for reply in replies if reply.measure_id == measure_id]
    own.sort(key=lambda reply: reply.date, reverse=True)
    own.sort(key=lambda reply: len(question.changed_since(reply.question)))
    return own[0] if own else None


def provenance(
    measure_id: str, question: Question, recorded: Value, replies: Iterable[Remembered]
) -> str | None:
    """Say how a recorded result came about, if a reply is remembered that gave it."""
    gave = [reply for reply in replies if same(reply.response, recorded)]
    old = nearest(measure_id, question, gave)
    if old is None:
        return None
    judge = visible(old.model or old.question.model) or "the judge"
    line = f"recorded from {judge} on {old.date}"
    if not question.changed_since(old.question):
        return f"{line}; it was asked the same then"
    return f"{line}; {changes(question, old, 'since then')}"


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _prompt_diff(old: str, new: str) -> list[str]:
    from difflib import unified_diff  # only once a prompt changed

    was, now = (_SENTENCE_END.split(visible(text)) for text in (old, new))
    lines = islice(unified_diff(was, now, lineterm="", n=0), 2, None)  # without heads
    changed = [shorten(line, DIFF_WIDTH) for line in lines if line[:2] != "@@"]
    if len(changed) > DIFF_LINES:
        changed[DIFF_LINES:] = ["…"]
    return changed or ["(only white space differs)"]
