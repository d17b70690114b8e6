"""One measure from its texts to a verdict: what is asked, kept and counted."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import json

import pytest
from judges import Judge, ai, ask_of, judging, said

from pytest_evalmd.judge import spool as spool_module
from pytest_evalmd.judge.judging import NeedsJudge
from pytest_evalmd.judge.model import JudgeError, Reply, Usage
from pytest_evalmd.judge.scheduler import Slots, StoppedError
from pytest_evalmd.judge.spool import recordings_path
from pytest_evalmd.judge.store import fold

CALM, ANGRY = said('"calm"'), said('"angry"')


@pytest.fixture
def case(tmp_path):
    return tmp_path / "case.md"


def judge(judging_, ask, client=None, **more):
    async def run():
        return await asyncio.wait_for(judging_.judge(ask, client, **more), 10)

    return asyncio.run(run())


def spooled(case):
    files = (case.parent / "__evalmd__/.spool").glob("*.json")
    return sorted((json.loads(f.read_text())["reply"] for f in files), key=by_sample)


def by_sample(reply):
    return reply["sample"]


def test_asked_once_then_remembered(case):
    client, first = Judge(CALM), judging()

    judged = judge(first, ask_of(case), client)
    again = judge(first, ask_of(case), client)
    later = judging(run="run-2")
    remembered = judge(later, ask_of(case))

    assert (judged.value, judged.reason) == ("calm", "so")
    assert again.value == remembered.value == "calm"
    assert len(client.asked) == 1
    assert judged.keys == remembered.keys
    assert (first.cost.requests, later.cost.requests) == (1, 0)
    assert (judged.cost.remembered, remembered.cost.remembered) == (0, 1)
    assert (first.cost.tokens_asked, first.cost.tokens_cached) == (100, 40)
    (entry,) = spooled(case)
    assert entry["date"] == datetime.date.today().isoformat()
    assert entry["model"] == "judge-1-0613"
    assert entry["usage"] == {"asked": 100, "answered": 20, "cached": 40}


def test_nobody_to_ask(case):
    for mode in ("auto", "live"):
        with pytest.raises(NeedsJudge):
            judge(judging(mode), ask_of(case))
    assert list(case.parent.iterdir()) == []


UNUSABLE = Reply(text="What?", usage=Usage(asked=10, answered=1))


def test_an_unusable_reply_is_complained_about_once(case):
    client, one = Judge(UNUSABLE, CALM), judging()

    judged = judge(one, ask_of(case), client)

    assert judged.value == "calm"
    first, second = client.asked
    assert second.messages[: len(first.messages)] == first.messages
    assert second.messages[-2].content == "What?"
    assert judged.cost.requests == one.cost.requests == 2
    assert one.cost.tokens_asked == 110
    assert len(spooled(case)) == 1


def test_two_unusable_replies_are_an_error_and_not_remembered(case):
    client, one = Judge(UNUSABLE), judging()

    with pytest.raises(JudgeError):
        judge(one, ask_of(case), client)

    assert len(client.asked) == 2
    assert one.cost.requests == 2
    assert spooled(case) == []


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text="", refusal="I won't."),
        Reply(text='{"reason": "so", "resp', finish_reason="length"),
        Reply(text="", finish_reason="content_filter"),
        said("11"),
        said("true"),
    ],
)
def test_what_is_never_remembered(case, reply):
    measure = ai(output="integer", range=(0, 10))

    with pytest.raises(JudgeError):
        judge(judging(), ask_of(case, measure), Judge(reply))

    assert spooled(case) == []


class Mean(BaseException):
    """As an outcome of pytest is."""


RAISED = {
    "an error": (
        ValueError("no\nsuch"),
        "client",
        "llm_client raised ValueError: no su",
    ),
    "of ours": (JudgeError("quota", "no money"), "quota", "no money"),
    "exit": (SystemExit(3), "client", "llm_client raised SystemExit: 3"),
    "interrupt": (KeyboardInterrupt(), "client", "llm_client raised KeyboardInterrupt"),
    "a base": (Mean("x"), "client", "llm_client raised Mean: x"),
    "cancelled": (
        asyncio.CancelledError(),
        "client",
        "llm_client raised CancelledError",
    ),
    "a timeout": (
        TimeoutError("slow"),
        "client",
        "llm_client raised TimeoutError: slow",
    ),
    "a stop": (StopAsyncIteration(), "client", "llm_client raised StopAsyncIteration"),
    "a generator's": (GeneratorExit(), "client", "llm_client raised GeneratorExit"),
    "a long one": (
        ValueError("x" * 9999),
        "client",
        "llm_client raised ValueError: xx",
    ),
}


@pytest.mark.parametrize(("error", "kind", "start"), RAISED.values(), ids=RAISED)
def test_a_client_that_raises_anything(case, error, kind, start):
    one = judging()

    with pytest.raises(JudgeError) as caught:
        judge(one, ask_of(case), Judge(error))

    assert caught.value.kind == kind
    assert str(caught.value).startswith(start)
    assert len(str(caught.value)) < 300
    assert one.slots.in_flight == 0
    assert one.cost.requests == 0
    assert judge(one, ask_of(case), Judge(CALM)).value == "calm"


@pytest.mark.parametrize("returned", [None, b"x", {"text": "x"}, 7])
def test_a_client_that_returns_anything(case, returned):
    class Odd:
        async def complete(self, request):
            return returned

    with pytest.raises(JudgeError, match=r"llm_client returned a .*; expected a Reply"):
        judge(judging(), ask_of(case), Odd())


def test_a_client_that_is_not_async(case):
    class Sync:
        def complete(self, request):
            return CALM

    with pytest.raises(JudgeError, match=r"llm_client raised TypeError: .*await"):
        judge(judging(), ask_of(case), Sync())


def test_a_client_that_takes_too_long(case, monkeypatch):
    monkeypatch.setattr("pytest_evalmd.judge.calling.BACKSTOP_S", 0.0)

    with pytest.raises(JudgeError, match=r"no reply within 0\.05 s; evalmd_timeout is"):
        judge(judging(timeout_s=0.05), ask_of(case), Judge(CALM, wait_s=60))


def test_a_client_that_does_not_let_itself_be_cancelled(case, monkeypatch, caplog):
    monkeypatch.setattr("pytest_evalmd.judge.calling.BACKSTOP_S", 0.0)

    class Stubborn:
        async def complete(self, request):
            for _ in range(4):
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.1)
            return CALM

    async def run():
        one = judging(timeout_s=0.05)
        with pytest.raises(JudgeError, match="no reply within"):
            await asyncio.wait_for(one.judge(ask_of(case), Stubborn()), 1)

    asyncio.run(run())
    assert caplog.text == ""


def test_cancelled_from_outside(case, caplog):
    one, client = judging(slots=Slots(1)), Judge(CALM, wait_s=60)

    async def run():
        tasks = [
            asyncio.create_task(one.judge(ask_of(case, ai(prompt=p)), client))
            for p in "ab"
        ]
        await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        return [type(error) for error in found], client.in_flight, one.slots.in_flight

    assert asyncio.run(run()) == ([asyncio.CancelledError] * 2, 0, 0)
    gc.collect()
    assert caplog.text == ""
    assert spooled(case) == []


def test_samples_are_asked_at_once_and_aggregated(case):
    measure = ai(output="integer", samples=3)
    client = Judge(said("7"), said("9"), said("8"), wait_s=0.01)

    judged = judge(judging(), ask_of(case, measure), client)

    assert judged.value == 8
    assert client.most_in_flight == 3
    assert sorted(request.sample for request in client.asked) == [0, 1, 2]
    assert len({*judged.keys}) == 3
    assert [entry["sample"] for entry in spooled(case)] == [0, 1, 2]


def test_only_the_samples_that_are_missing_are_asked(case):
    few, many = (ai(output="integer", samples=n) for n in (1, 3))
    judge(judging(), ask_of(case, few), Judge(said("7")))
    client, one = Judge(said("7")), judging(run="r2")

    judge(one, ask_of(case, many), client)

    assert sorted(request.sample for request in client.asked) == [1, 2]
    assert (one.cost.requests, one.cost.remembered) == (2, 1)


def test_good_samples_are_kept_where_one_fails(case):
    measure = ai(output="integer", samples=3)
    client = Judge(said("7"), JudgeError("server", "down"), said("8"), wait_s=0.01)

    with pytest.raises(JudgeError, match="down"):
        judge(judging(), ask_of(case, measure), client)

    assert len(spooled(case)) == 2
    again = Judge(said("9"))
    assert judge(judging(run="r2"), ask_of(case, measure), again).value == 8
    assert len(again.asked) == 1


def test_judges_that_disagree_are_remembered_all_the_same(case):
    measure = ai(samples=2)

    with pytest.raises(JudgeError, match="the judge disagrees with itself"):
        judge(judging(), ask_of(case, measure), Judge(CALM, ANGRY))

    assert len(spooled(case)) == 2


def test_live_asks_again_once(case):
    judge(judging(), ask_of(case), Judge(CALM))
    client, live = Judge(ANGRY), judging("live", run="r2")

    values = [judge(live, ask_of(case), client).value for _ in range(2)]

    assert values == ["angry", "angry"]
    assert len(client.asked) == 1
    assert [old.response for old in live.replies(case).replaced] == ["calm"]
    worker = judging("live", run="r2")  # another process of the same session
    assert judge(worker, ask_of(case)).value == "angry"
    assert judge(judging(run="r3"), ask_of(case)).value == "angry"


def test_a_rerun_asks_again(case):
    client, one = Judge(CALM, ANGRY), judging()
    judge(one, ask_of(case), client)

    with pytest.raises(NeedsJudge):
        judge(one, ask_of(case, again=True))
    judged = judge(one, ask_of(case, again=True), client)

    assert judged.value == "angry"
    assert len(client.asked) == 2
    (entry,) = spooled(case)
    assert entry["response"] == "angry"


def test_replay_explains_what_it_does_not_have(case):
    judge(judging(), ask_of(case), Judge(CALM))
    replay = judging("replay", run="r2")

    assert judge(replay, ask_of(case)).value == "calm"
    assert judge(replay, ask_of(case, again=True)).value == "calm"
    with pytest.raises(JudgeError, match="the answer changed since") as caught:
        judge(replay, ask_of(case, texts={"query": "Q", "answer": "B"}))
    assert caught.value.kind == "miss"


def test_a_broken_file_is_an_error_with_its_path(case):
    path = recordings_path(case)
    path.parent.mkdir()
    path.write_text("{")

    for _ in range(2):
        with pytest.raises(JudgeError, match="not JSON") as caught:
            judge(judging(), ask_of(case), Judge(CALM))
        assert str(path) in str(caught.value)


def test_a_response_of_another_kind_is_an_error(case):
    """As somebody wrote it into the file by hand: a key says nothing of a response."""
    judge(judging(), ask_of(case, ai(output="list")), Judge(said('["a"]')))
    fold(case.parent, {}, ())
    path = recordings_path(case)
    document = json.loads(path.read_text())
    document["measures"]["tone"][0]["replies"][0]["response"] = {"a": 1}
    path.write_text(json.dumps(document))

    with pytest.raises(JudgeError, match="is no list; delete it"):
        judge(judging("replay"), ask_of(case, ai(output="list")))


def test_a_cap_refuses(case):
    client = Judge(CALM)

    with pytest.raises(JudgeError, match="too much") as caught:
        judge(judging(refusal="too much"), ask_of(case), client)

    assert (caught.value.kind, client.asked) == ("cap", [])


def test_stopped(case):
    client = Judge(CALM)

    with pytest.raises(StoppedError):
        judge(judging(), ask_of(case), client, stopped=lambda: True)

    assert client.asked == []


def test_a_full_disk_is_said_and_the_reply_used(case, monkeypatch):
    def full_disk(*_args, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool_module, "write_new", full_disk)
    client, one = Judge(CALM), judging()

    assert judge(one, ask_of(case), client).value == "calm"
    assert judge(one, ask_of(case), client).value == "calm"
    assert len(client.asked) == 1
    assert one.not_remembered == [f"{recordings_path(case)}: No space left on device"]


def test_a_key_in_a_reply_is_said_and_not_written(case):
    one = judging(keys={"sk-live-12345"})

    judged = judge(one, ask_of(case), Judge(said('"sk-live-12345"')))

    assert judged.value == "sk-live-12345"
    assert len(one.not_remembered) == 1
    assert "sk-live" not in one.not_remembered[0]
    assert spooled(case) == []


def test_measures_that_ask_the_same_share_a_reply(case):
    client, one = Judge(CALM, wait_s=0.02), judging()

    async def run():
        asks = [ask_of(case, ai(name)) for name in ("one", "two")]
        return await asyncio.gather(*(one.judge(ask, client) for ask in asks))

    found = asyncio.run(run())

    assert [judged.value for judged in found] == ["calm", "calm"]
    assert len(client.asked) == 1


def test_processes_that_ask_the_same_at_once_share_a_reply(case):
    client = Judge(CALM, wait_s=0.02)

    async def run():
        workers = [judging() for _ in range(3)]
        return await asyncio.gather(*(w.judge(ask_of(case), client) for w in workers))

    found = asyncio.run(run())

    assert [judged.value for judged in found] == ["calm"] * 3
    assert len(client.asked) == 1


def test_clients_of_a_parametrised_fixture_are_told_apart(case):
    one = judging()

    calm = judge(one, ask_of(case, alias="calm"), Judge(CALM))
    angry = judge(one, ask_of(case, alias="angry"), Judge(ANGRY))

    assert (calm.value, angry.value) == ("calm", "angry")
    assert len(spooled(case)) == 2


def test_as_many_in_flight_as_there_are_slots(case):
    client = Judge(CALM, wait_s=0.005)
    one = judging(slots=Slots(3))

    async def run():
        asks = [ask_of(case, ai(prompt=f"{n}", samples=2)) for n in range(10)]
        await asyncio.gather(*(one.judge(a, client, n) for n, a in enumerate(asks)))

    asyncio.run(run())

    assert client.most_in_flight == 3
    assert len(client.asked) == 20
    assert len(spooled(case)) == 20
