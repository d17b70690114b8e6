"""What a run would ask: counted before anything is asked."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import pytest
from case_texts import case_text, read
from judges import Judge, ask_of, judging, said

from pytest_evalmd.job import Job
from pytest_evalmd.judge.judging import AnswerAsk
from pytest_evalmd.judge.model import JudgeError, Reply
from pytest_evalmd.judge.spool import recordings_path
from pytest_evalmd.plan import FRAME_TOKENS, Plan, plan_of

A = ("id: a", "description: D", "type: ai", "prompt: A")
B = ("id: b", "description: D", "type: programmatic", "input: a", "logic: return 1;")
C = ("id: c", "description: D", "type: ai", "prompt: C", "input: b", "samples: 2")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "case.md"


def measuring(mode="auto", run="run-1"):
    """Give as much of a ``Measuring`` as a plan looks at."""
    asker = judging(mode, run)

    def ask(job, given, **more):
        texts = {"answer": job.case.answer.text}
        if job.measure.input is not None:
            texts["input"] = given
        return ask_of(job.path, job.measure, texts=texts, **more)

    answers = {}

    async def answer(job, _):
        given = AnswerAsk(
            path=job.path,
            query=job.case.query.text,
            model=job.answer_model,
            settings=job.case.answer_settings,
        )
        answers[job.answer_key] = await asker.answer(given)

    return SimpleNamespace(judging=asker, ask=ask, answer=answer, answers=answers)


def jobs(path, *measures, ids=None):
    case = read(case_text(*measures))
    return [
        Job(path=path, case=case, measure=one)
        for one in case.measures.values()
        if ids is None or one.id in ids
    ]


def remember(job, given="", reply=None):
    one = measuring()
    ask = one.ask(job, given)
    asyncio.run(one.judging.judge(ask, Judge(reply or said('"x"'))))


def numbers(plan):
    return plan.requests, plan.remembered, plan.tokens, plan.unknown


def test_nothing_is_known(path):
    plan = plan_of(jobs(path, A, B, C), measuring())

    assert numbers(plan) == (3, 0, 3 * FRAME_TOKENS, 3)


def test_all_is_known(path):
    a, _, c = every = jobs(path, A, B, C)
    remember(a)
    remember(c, "any input")

    assert numbers(plan_of(every, measuring())) == (0, 3, 0, 0)
    assert numbers(plan_of([c], measuring())) == (0, 3, 0, 0)
    assert numbers(plan_of(every, measuring("live"))) == (3, 0, 360, 0)


def test_what_hangs_on_a_request_counts(path):
    a, _, c = jobs(path, A, B, C)
    remember(c)

    assert numbers(plan_of([c], measuring())) == (3, 0, 240 + FRAME_TOKENS, 1)
    remember(a)
    assert numbers(plan_of([c], measuring())) == (0, 3, 0, 0)


def test_each_measure_once_however_many_need_it(path):
    twice = jobs(path, A, B, C) * 2

    assert plan_of(twice, measuring()).requests == 3


def test_a_like_request_tells_the_tokens(path):
    (a,) = jobs(path, A)
    remember(a)
    (other,) = jobs(path, (*A[:3], "prompt: Another"))

    assert numbers(plan_of([other], measuring())) == (1, 0, 120, 0)


def test_a_like_request_of_which_nobody_counted_the_tokens(path):
    (a,) = jobs(path, A)
    remember(a, reply=Reply(text='{"reason": "so", "response": "x"}'))
    (other,) = jobs(path, (*A[:3], "prompt: Another"))

    guess = FRAME_TOKENS + len("Another" + other.case.answer.text) // 3
    assert numbers(plan_of([other], measuring())) == (1, 0, guess, 1)


def test_broken_recordings(path):
    file = recordings_path(path)
    file.parent.mkdir()
    file.write_text("{")

    with pytest.raises(JudgeError, match="not JSON"):
        plan_of(jobs(path, A), measuring())


LINES = [
    (Plan(), "judge: would ask 0, 0 remembered"),
    (Plan(remembered=2), "judge: would ask 0, 2 remembered"),
    (
        Plan(requests=2, tokens=12345),
        "judge: would ask 2, 0 remembered; about 12,345 tokens",
    ),
    (
        Plan(requests=2, tokens=700, unknown=1),
        "judge: would ask 2, 0 remembered; about 700 tokens, guessed for 1 request "
        "never asked before",
    ),
]


@pytest.mark.parametrize(("plan", "line"), LINES)
def test_the_line(plan, line):
    assert plan.line() == line


@pytest.mark.parametrize(
    ("caps", "option"),
    [
        ((None, None), None),
        ((3, 100), None),
        ((2, 100), "--evalmd-max-requests=2"),
        ((0, None), "--evalmd-max-requests=0"),
        ((3, 99), "--evalmd-max-tokens=99"),
        ((None, 0), "--evalmd-max-tokens=0"),
        ((2, 99), "--evalmd-max-requests=2"),
    ],
)
def test_caps(caps, option):
    plan = Plan(requests=3, tokens=100)
    said_ = plan.over(*caps)

    assert said_ == (
        option and f"{plan.line()}: more than {option} allows; nothing was asked"
    )


def test_a_new_answer_is_asked_for_once_and_all_that_hangs_on_it(path):
    a, b, c = (replace(job, answer_model="new") for job in jobs(path, A, B, C))
    for job in jobs(path, A, B, C)[::2]:
        remember(job)  # of the recorded answer

    plan = plan_of([a, b, c], measuring())

    assert (plan.requests, plan.remembered) == (4, 0)


def test_a_new_answer_that_is_remembered(path):
    (job,) = (replace(job, answer_model="new") for job in jobs(path, A))
    one = measuring()
    ask = AnswerAsk(
        path=path,
        query=job.case.query.text,
        model="new",
        settings=job.case.answer_settings,
    )
    asyncio.run(one.judging.answer(ask, Judge(Reply(text="New."))))

    plan = plan_of([job], measuring())

    assert (plan.requests, plan.remembered) == (1, 1)
