"""One event loop in a background thread: pytest is synchronous, clients are not."""

from __future__ import annotations

import asyncio
import concurrent.futures
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")

STOP_TIMEOUT_S = 5.0
"""How long a client that blocks the loop may hold up the end of the session."""


class BackgroundLoop:
    """Runs coroutines for threads that can't; starts its own at the first one."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._at_close: list[Callable[[], Awaitable[object]]] = []

    def submit(
        self, coroutine: Coroutine[Any, Any, _T]
    ) -> concurrent.futures.Future[_T]:
        """Start a coroutine."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="evalmd-loop", daemon=True
            )
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def at_close(self, finish: Callable[[], Awaitable[object]]) -> None:
        """Have something awaited on the loop before it closes, such as a client."""
        self._at_close.append(finish)

    def close(self) -> None:
        """Cancel what still runs, close what was asked for, and end the thread."""
        if self._loop is None or self._thread is None:
            return
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        try:
            asyncio.run_coroutine_threadsafe(self._finish(), loop).result(
                STOP_TIMEOUT_S
            )
        except concurrent.futures.TimeoutError:
            return  # a client blocks the loop: its daemon thread ends with the process
        loop.call_soon_threadsafe(loop.stop)
        thread.join(STOP_TIMEOUT_S)
        loop.close()

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        closing = [finish() for finish in self._at_close]
        await asyncio.gather(*closing, return_exceptions=True)
        await asyncio.get_running_loop().shutdown_asyncgens()


async def in_daemon_thread(call: Callable[[], _T]) -> _T:
    """Await a blocking call.

    Unlike the pool behind ``asyncio.to_thread``, a call that never returns doesn't
    keep the process from ending.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def finish(set_it: Callable[[Any], None], outcome: object) -> None:
        if not done.done():
            set_it(outcome)

    def work() -> None:
        set_it: Callable[[Any], None]
        outcome: object
        try:
            outcome, set_it = call(), done.set_result
        except Exception as error:  # noqa: BLE001 - handed to the awaiting task
            outcome, set_it = error, done.set_exception
        if not loop.is_closed():
            loop.call_soon_threadsafe(finish, set_it, outcome)

    threading.Thread(target=work, name="evalmd-client", daemon=True).start()
    return await done


if sys.version_info >= (3, 12):
    within = asyncio.wait_for
elif sys.version_info >= (3, 11):

    async def within(awaitable: Awaitable[_T], timeout_s: float) -> _T:
        """Do as ``asyncio.wait_for``, which makes a task of each call before 3.12.

        Raises:
            TimeoutError: it takes longer.
        """
        async with asyncio.timeout(timeout_s):
            return await awaitable

else:
    within = asyncio.wait_for


def run_now(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that never waits, without an event loop."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("this was to be computed without waiting")
