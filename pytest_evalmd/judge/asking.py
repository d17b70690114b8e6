"""One request, tried until it is answered or given up."""

from __future__ import annotations

import asyncio
import time

from pytest_evalmd.judge.completion import read_completion
from pytest_evalmd.judge.fault import (
    Fault,
    asked_to_wait,
    fault_error,
    fault_within,
    gave_up,
)
from pytest_evalmd.judge.loop import within
from pytest_evalmd.judge.model import JudgeError, Reply, Request
from pytest_evalmd.judge.negotiation import Terms, build_body, renegotiate
from pytest_evalmd.judge.transport import Sender
from pytest_evalmd.judge.turns import Turns

TRY_SHARE = 0.75
"""How much of the deadline one try may take.

Enough is left to ask again where a reply got lost; but a slow model is not asked, and
paid, twice for nothing.
"""
LAST_START_SHARE = 0.95
"""How much of the deadline may be over when a try starts."""
_NO_TURN = Fault(kind="timeout", what="no turn came")


class Model:
    """What all requests to a model share: their gate, and what its server refuses."""

    def __init__(self, deadline_s: float) -> None:
        self.turns = Turns(max_backoff_s=min(30.0, deadline_s / 8))
        self.terms = Terms()
        self.last_fault = _NO_TURN


class Asking:
    """One request on its way."""

    def __init__(
        self, request: Request, model: Model, transport: Sender, deadline_s: float
    ) -> None:
        self._request, self._model, self._transport = request, model, transport
        self._turns, self._terms = model.turns, Terms()
        self._deadline_s = deadline_s
        started = time.monotonic()
        self._deadline = started + deadline_s
        self._last_start = started + deadline_s * LAST_START_SHARE
        self._replies_before = model.turns.gate.replies
        self._tries = 0

    async def reply(self) -> Reply:
        """Try until there is a reply.

        What the server refuses is remembered for the others once a reply comes: a
        complaint can be misread.

        Raises:
            JudgeError: there is none.
        """
        while True:
            # Others may have found out more meanwhile.
            self._terms = self._model.terms | self._terms
            outcome = await self._try()
            if isinstance(outcome, Reply):
                self._model.terms = self._model.terms | self._terms
                return outcome
            if outcome.passing:
                self._check_patience(outcome)
            else:
                self._renegotiate(outcome)

    async def _try(self) -> Reply | Fault:
        ticket = await self._turns.take(self._last_start)
        if ticket is None:
            raise self._without_turn()
        self._tries += 1
        try:
            body = await self._send()
        except BaseException:  # cancelled, or no JSON came
            self._turns.leave()
            raise
        fault = body if isinstance(body, Fault) else fault_within(body)
        self._end_turn(ticket, fault)
        return fault or read_completion(body)

    async def _send(self) -> object:
        body = build_body(self._request, self._terms)
        left_s = self._deadline - time.monotonic()
        limit_s = self._deadline_s * TRY_SHARE
        try:
            return await within(self._transport.send(body), min(left_s, limit_s))
        except asyncio.TimeoutError:
            what = "none yet" if left_s < limit_s else f"no reply within {limit_s:g} s"
            return Fault(kind="timeout", what=what, passing=True)

    def _end_turn(self, ticket: int, fault: Fault | None) -> None:
        if fault and fault.passing:
            self._model.last_fault = fault
            self._turns.refused(ticket, fault.retry_after_s)
        elif fault and not fault.status:
            self._turns.leave()
        else:
            self._turns.answered(ticket)

    def _renegotiate(self, fault: Fault) -> None:
        terms = renegotiate(self._request, self._terms, fault)
        if terms is None:
            raise fault_error(fault, self._request.model)
        self._terms = terms

    def _check_patience(self, fault: Fault) -> None:
        if self._turns.gate.exhausted(fault.kind == "unreachable"):
            self._turns.given_up(self._replies_before)
            raise gave_up(fault, self._tries, None)

    def _without_turn(self) -> JudgeError:
        """Say why there is no turn: the time is up, or waiting is no use."""
        now, gate, fault = time.monotonic(), self._turns.gate, self._model.last_fault
        left_s = self._deadline - now
        if gate.asked_to_wait and gate.not_before - now > max(left_s, 1.0):
            return asked_to_wait(fault, gate.not_before - now, left_s)
        self._turns.given_up(self._replies_before)
        too_late = max(now, gate.not_before) >= self._last_start
        return gave_up(fault, self._tries, self._deadline_s if too_late else None)
