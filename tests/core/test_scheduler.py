"""At most so many at once, the most wanted first, and no slot is ever lost."""

from __future__ import annotations

import asyncio
import random

import pytest

from pytest_evalmd.judge.scheduler import Slots


class Work:
    """What was done at which place, in order, and how much at once."""

    def __init__(self, limit):
        self.slots = Slots(limit)
        self.order = []
        self.most = 0

    async def do(self, place, wait_s=0.0):
        async with self.slots.slot(place):
            self.order.append(place)
            self.most = max(self.most, self.slots.in_flight)
            await asyncio.sleep(wait_s)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.mark.parametrize("limit", [1, 3, 20])
def test_at_most_so_many(limit):
    async def run():
        work = Work(limit)
        await asyncio.gather(*(work.do(n, 0.001) for n in range(50)))
        return work

    work = asyncio.run(run())
    assert work.most == limit
    assert len(work.order) == 50
    assert work.slots.in_flight == 0


def test_the_lowest_place_first_then_who_came_first():
    async def run():
        work = Work(1)
        places = [5, 3, 9, 3, -1, 7]
        await asyncio.gather(work.do(0, 0.001), *map(work.do, places))
        return work.order

    assert asyncio.run(run()) == [0, -1, 3, 3, 5, 7, 9]


def test_a_slot_comes_back_from_work_that_fails():
    async def run():
        slots = Slots(1)
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                async with slots.slot(0):
                    raise ValueError("no")
        async with slots.slot(0):
            return slots.in_flight

    assert asyncio.run(asyncio.wait_for(run(), 5)) == 1


def test_cancelled_while_it_waits():
    async def run():
        work = Work(1)
        first = asyncio.create_task(work.do(0, 0.01))
        await settle()
        waiting = [asyncio.create_task(work.do(n)) for n in range(1, 5)]
        await settle()
        waiting[0].cancel()
        waiting[2].cancel()
        await asyncio.gather(first, *waiting, return_exceptions=True)
        await work.do(9)
        return work.order

    assert asyncio.run(asyncio.wait_for(run(), 5)) == [0, 2, 4, 9]


def test_cancelled_when_it_has_just_been_given_a_slot():
    async def run():
        work = Work(1)
        held = work.slots.slot(0)
        await held.__aenter__()
        given, other = (asyncio.create_task(work.do(n)) for n in (1, 2))
        await settle()
        await held.__aexit__(None, None, None)  # hands the slot to the first
        given.cancel()
        await asyncio.gather(given, other, return_exceptions=True)
        return given.cancelled(), work.order

    assert asyncio.run(asyncio.wait_for(run(), 5)) == (True, [2])


def test_cancelling_at_random_leaks_nothing():
    async def run(chance):
        work = Work(3)
        tasks = [asyncio.create_task(work.do(n, 0.0005)) for n in range(60)]
        for task in chance.sample(tasks, 30):
            await asyncio.sleep(chance.choice([0, 0, 0.0003]))
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        work.most = 0
        await asyncio.gather(*(work.do(n, 0.001) for n in range(9)))
        return work

    for seed in range(5):
        work = asyncio.run(asyncio.wait_for(run(random.Random(seed)), 10))
        assert work.most == 3
        assert work.slots.in_flight == 0
