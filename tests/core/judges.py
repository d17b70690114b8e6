"""Questions, remembered replies and judges that need no network."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st

from pytest_evalmd.case.model import Measure
from pytest_evalmd.judge.judging import Ask, Judging
from pytest_evalmd.judge.model import Reply, Usage
from pytest_evalmd.judge.question import question_of
from pytest_evalmd.judge.recordings import Remembered
from pytest_evalmd.judge.reply import reply_problem
from pytest_evalmd.judge.scheduler import Slots

ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | ANY_TEXT,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3)
    ),
    max_leaves=6,
)
MAPPINGS = st.dictionaries(ANY_TEXT, JSON, max_size=3)


def ai(id_="tone", prompt="Rate it.", output="text", **fields):
    return Measure(
        id=id_,
        description="D",
        type="ai",
        line=1,
        prompt=prompt,
        output=output,
        **fields,
    )


def question(measure=None, *, model="judge-1", parameters=None, **texts):
    return question_of(
        measure or ai(), model=model, texts=texts, parameters=parameters or {}
    )


def remembered(asked=None, sample=0, **fields):
    """Give a reply to a question."""
    asked = asked or question()
    given = {
        "measure_id": "tone",
        "model": "judge-1-0613",
        "date": "2026-11-20",
        "reason": "So.",
        "response": "calm",
        "usage": Usage(asked=100, answered=20, cached=0),
    }
    return Remembered(
        question=asked, sample=sample, key=asked.key(sample), **given | fields
    )


class Judge:
    """Gives its replies one after the other, the last one again and again.

    A reply may be a text, a ``Reply``, an exception or a coroutine function of the
    request.
    """

    def __init__(self, *replies, wait_s=0.0):
        self.replies, self.wait_s = list(replies), wait_s
        self.asked = []
        self.in_flight = self.most_in_flight = 0

    async def complete(self, request):
        reply = self.replies[min(len(self.asked), len(self.replies) - 1)]
        self.asked.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.wait_s)
        finally:
            self.in_flight -= 1
        if isinstance(reply, BaseException):
            raise reply
        if callable(reply):
            return await reply(request)
        return Reply(text=reply) if isinstance(reply, str) else reply


def said(response, **fields):
    usage = Usage(asked=100, answered=20, cached=40)
    text = f'{{"reason": "so", "response": {response}}}'
    return Reply(**{"text": text, "model": "judge-1-0613", "usage": usage} | fields)


def judging(mode="auto", run="run-1", **fields):
    given = {"parameters": {}, "timeout_s": 5.0, "slots": Slots(8), "keys": set()}
    return Judging(mode=mode, run=run, **given | fields)


def ask_of(path, measure=None, **fields):
    measure = measure or ai()
    given = {"texts": {"query": "Q", "answer": "A"}, "model": "judge-1"}
    given["problem_of"] = reply_problem(measure)
    return Ask(path=path, measure=measure, **given | fields)
