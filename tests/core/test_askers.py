"""The clients in use, and what is known of those that no longer are."""

from __future__ import annotations

import asyncio

import pytest
from judges import Judge

from pytest_evalmd.askers import Asker, Askers
from pytest_evalmd.judge.client import OpenAIClient
from pytest_evalmd.judge.model import JudgeError


class Limited(OpenAIClient):
    adaptations = {"gpt": ("no temperature", "json_object")}  # noqa: RUF012

    def waiting_s(self):
        return 2.5


def test_each_is_made_once_and_then_gone():
    askers, given = Askers(), Judge("x")

    asker = askers.add(given)

    assert askers.get(given) is asker
    assert askers.get(Judge("x")) is None
    assert askers.remove(given) is asker
    assert askers.remove(given) is askers.get(given) is None


def test_what_is_no_client():
    with pytest.raises(JudgeError, match="llm_client is a str"):
        Askers().add("gpt")


def test_adaptations_outlive_their_client():
    """Its fixture is torn down before the report is written."""
    askers, one, other = Askers(), Limited(), Limited()
    lines = ["judge gpt: no temperature", "judge gpt: json_object"]
    for given in (one, other, Judge("x")):
        askers.add(given)

    assert askers.adaptations() == lines
    assert askers.waiting_s() == 2.5
    askers.remove(one)
    askers.remove(other)
    assert askers.adaptations() == lines
    assert askers.waiting_s() == 0


def test_finishing_waits_and_then_gives_up(monkeypatch):
    monkeypatch.setattr("pytest_evalmd.askers.GRACE_S", 0.1)

    async def run():
        asker = Asker(None, Judge("x"))
        await asker.finish()
        waits = (0.02, 60)
        asker.tasks = {asyncio.create_task(asyncio.sleep(s, s)) for s in waits}
        tasks = sorted(asker.tasks, key=lambda task: task.get_name())
        await asker.finish()
        return [task.cancelled() for task in tasks]

    assert sorted(asyncio.run(asyncio.wait_for(run(), 5))) == [False, True]
