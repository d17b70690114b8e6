from __future__ import annotations

import asyncio
import time

from pytest_evalmd.judge.turns import Turns


def narrowed():
    """Give turns that let one through at a time, and none has been let through."""
    turns = Turns(max_backoff_s=0.0)
    turns.refused(turns.gate.enter(), None)
    return turns


def take(turns, *, within_s):
    return turns.take(time.monotonic() + within_s)


def test_without_trouble_nobody_waits():
    async def session():
        turns = Turns(30)
        return [await take(turns, within_s=1) for _ in range(50)]

    assert asyncio.run(session()) == [0] * 50


def test_a_deadline_ends_the_waiting():
    async def session():
        turns = narrowed()
        held = await take(turns, within_s=5)
        waited = await asyncio.gather(*[take(turns, within_s=0.05) for _ in range(3)])
        turns.answered(held)
        return waited, await take(turns, within_s=5)

    waited, ticket = asyncio.run(session())
    assert waited == [None] * 3
    assert ticket is not None  # nobody's place was lost


def test_first_come_first_served():
    async def session():
        turns, served = narrowed(), []

        async def one(name):
            ticket = await take(turns, within_s=5)
            served.append(name)
            await asyncio.sleep(0)
            turns.answered(ticket)

        await asyncio.gather(*map(one, range(9)))
        return served

    assert asyncio.run(session()) == [*range(9)]


def test_a_deadline_that_is_over():
    assert asyncio.run(take(Turns(30), within_s=-1)) is None
