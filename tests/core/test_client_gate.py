from __future__ import annotations

import math

from pytest_evalmd.judge.gate import Gate


def refuse(gate, now, retry_after_s=None, jitter=0.0):
    gate.refused(gate.enter(), now, retry_after_s, jitter)


def test_an_open_gate_lets_everybody_through():
    gate = Gate(30)
    assert [gate.enter() for _ in range(100)] == [0] * 100
    assert gate.delay_s(0) == 0
    assert not gate.recovering


def test_it_closes_for_as_long_as_the_server_says():
    gate = Gate(30)
    refuse(gate, 10, retry_after_s=4)
    assert gate.delay_s(11) == 3
    assert gate.delay_s(14) == 0
    assert gate.asked_to_wait


def test_jitter_only_adds():
    gate = Gate(30)
    refuse(gate, 0, retry_after_s=4, jitter=1.0)
    assert gate.delay_s(0) == 5


def test_it_closes_twice_as_long_each_time_up_to_a_limit():
    gate, waits, now = Gate(3), [], 0.0
    for _ in range(5):
        refuse(gate, now)
        waits.append(gate.delay_s(now))
        now += waits[-1]
    assert waits == [0.5, 1, 2, 3, 3]
    assert not gate.asked_to_wait


def test_a_wave_counts_once():
    gate = Gate(30)
    tickets = [gate.enter() for _ in range(8)]
    for ticket in tickets:
        gate.refused(ticket, 0, None, 0)
    assert gate.delay_s(0) == 0.5


def test_a_straggler_may_ask_for_more_but_not_for_less():
    gate = Gate(30)
    first, second, third = (gate.enter() for _ in range(3))
    gate.refused(first, 0, 2, 0)
    gate.refused(second, 0, 5, 0)
    gate.refused(third, 0, 1, 0)
    assert gate.delay_s(0) == 5


def test_half_as_many_go_through_afterwards_and_more_with_each_reply():
    gate = Gate(30)
    tickets = [gate.enter() for _ in range(8)]
    for ticket in tickets:
        gate.refused(ticket, 0, None, 0)
    entered = [gate.enter() for _ in range(4)]
    assert gate.delay_s(9) == math.inf
    gate.answered(entered[0])
    assert gate.delay_s(9) == 0
    gate.enter()
    assert gate.delay_s(9) == 0  # 4.5 of 4 are taken
    gate.enter()
    assert gate.delay_s(9) == math.inf


def test_a_reply_resets_the_wait_unless_it_was_under_way_before():
    gate = Gate(30)
    early = gate.enter()
    refuse(gate, 0)
    refuse(gate, 1)
    gate.answered(early)
    assert gate.recovering
    gate.answered(gate.enter())
    assert not gate.recovering
    refuse(gate, 10)
    assert gate.delay_s(10) == 0.5


def test_leaving_gives_the_place_back():
    gate = Gate(30)
    refuse(gate, 0)
    gate.enter()
    assert gate.delay_s(9) == math.inf
    gate.leave()
    assert gate.delay_s(9) == 0


def test_a_server_that_never_answered_is_given_up_soon():
    gate = Gate(30)
    tired = []
    for now in range(4):
        refuse(gate, now)
        tired.append(gate.exhausted(unreachable=True))
        assert not gate.exhausted(unreachable=False)
    assert tired == [False, False, True, True]


def test_a_server_that_answered_once_is_waited_for():
    gate = Gate(30)
    gate.answered(gate.enter())
    for now in range(9):
        refuse(gate, now)
    assert not gate.exhausted(unreachable=True)


def test_after_one_was_given_up_the_others_try_once():
    gate = Gate(30)
    refuse(gate, 0)
    assert not gate.hopeless(0, deadline=60)
    gate.given_up(replies_before=0)
    assert gate.exhausted(unreachable=False)
    assert gate.hopeless(0, deadline=60)
    assert not gate.hopeless(0.5, deadline=60)  # one may look whether it is back
    gate.answered(gate.enter())
    assert not gate.exhausted(unreachable=False)


def test_one_that_was_given_up_while_others_got_through_says_nothing():
    gate = Gate(30)
    gate.answered(gate.enter())
    gate.given_up(replies_before=0)
    assert not gate.down


def test_waiting_beyond_the_deadline_is_hopeless():
    gate = Gate(30)
    refuse(gate, 0, retry_after_s=100)
    assert gate.hopeless(0, deadline=100)
    assert not gate.hopeless(0, deadline=101)
