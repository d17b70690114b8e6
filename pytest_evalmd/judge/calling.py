"""One call of a client, which may be a user's: a reply or an error, whatever it does."""

from __future__ import annotations

import asyncio

from pytest_evalmd.case.problems import shorten
from pytest_evalmd.judge.model import JudgeError, LLMClient, Reply, Request

BACKSTOP_S = 1.0
"""How much longer than the client's own deadline a client may take."""


async def call(client: LLMClient, request: Request, timeout_s: float) -> Reply:
    """Ask a client once.

    Raises:
        JudgeError: no reply came, or something that is none.
    """
    # A task of its own: one that doesn't end when it is cancelled is left behind.
    task = asyncio.create_task(_guarded(client, request))
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait([task], timeout=timeout_s + BACKSTOP_S)
        if task.done():
            return task.result()
    finally:
        task.cancel()
    message = f"no reply within {timeout_s:g} s; evalmd_timeout is the limit"
    raise JudgeError("timeout", message)


async def _guarded(client: LLMClient, request: Request) -> Reply:
    try:
        reply: object = await client.complete(request)
    except JudgeError:
        raise
    except BaseException as error:  # noqa: BLE001 - it would end the event loop
        said = shorten(f"{type(error).__name__}: {error}".removesuffix(": "), 200)
        raise JudgeError("client", f"llm_client raised {said}") from None
    if not isinstance(reply, Reply):
        message = f"llm_client returned a {type(reply).__name__}; expected a Reply"
        raise JudgeError("client", message)
    return reply
