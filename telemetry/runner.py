"""Runs one endless coroutine: in the loop where it is started, or in a thread of its own where there is none."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

STOP_WITHIN = 2.0
"""Seconds that stopping waits for what is under way."""

T = TypeVar("T")


class Runner:
    """Starts and stops `main` from anywhere: the loop's own thread, another thread, a program without any loop."""

    def __init__(self, main: Callable[[], Coroutine[Any, Any, None]], name: str) -> None:
        self._main = main
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None
        self._beside: set[asyncio.Future[Any]] = set()

    def start(self) -> None:
        """Begins, at once; must not run already.

        Raises:
            OSError: There is no loop here, and none could be made.
        """
        if self._task is not None:  # left by a loop that was closed
            give_up(self._task)
        self._loop = running_loop()
        if self._loop is not None:
            self._task, self._thread = self._loop.create_task(self._main(), name=self._name), None
            return
        started = threading.Event()
        failed: list[Exception] = []

        def run() -> None:
            try:
                asyncio.run(self._in_thread(started))
            except Exception as error:  # no loop could be made: told to whoever waits in start()
                failed.append(error)
                if started.is_set():
                    raise
            finally:
                started.set()

        self._thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._thread.start()
        started.wait()
        if failed:
            raise failed[0]

    def is_running(self) -> bool:
        """Whether `main` was started and hasn't ended."""
        return (
            self._task is not None and not self._task.done() and self._loop is not None and not self._loop.is_closed()
        )

    def stop(self) -> None:
        """Ends it; where it runs in a thread of its own, returns when that has ended, or after STOP_WITHIN seconds."""
        task, loop = self._task, self._loop
        self._task = None
        if task is None or loop is None:
            return
        if running_loop() is loop or loop.is_closed():
            give_up(task)
            return
        with suppress(RuntimeError):  # the loop was closed meanwhile: nothing runs any more
            loop.call_soon_threadsafe(task.cancel)
        if self._thread is not None:
            self._thread.join(STOP_WITHIN)

    async def stop_async(self) -> None:
        """Ends it; returns when it, and what was started beside it, is done (STOP_WITHIN seconds at most)."""
        task, loop = self._task, self._loop
        if task is None:
            return
        if running_loop() is loop:
            self.stop()
            await asyncio.wait({task, *self._beside}, timeout=STOP_WITHIN)
        else:
            await asyncio.to_thread(self.stop)

    async def call(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Awaits `work` in the loop that runs `main`; in the caller's own where none runs."""
        if self.is_running() and self._loop is not None and self._loop is not running_loop():
            return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work(), self._loop))
        return await work()

    def beside(self, work: Awaitable[Any], done: Callable[[asyncio.Future[Any]], None]) -> None:
        """Lets `work` run beside `main`, in the current loop; `done` is called with it when it is over."""
        future = asyncio.ensure_future(work)
        self._beside.add(future)
        future.add_done_callback(self._beside.discard)
        future.add_done_callback(done)

    async def _in_thread(self, started: threading.Event) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        started.set()
        try:
            with suppress(asyncio.CancelledError):  # that is how it is stopped
                await self._main()
        finally:
            if self._beside:
                await asyncio.wait(self._beside, timeout=STOP_WITHIN)


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs in this thread, or None."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def give_up(task: asyncio.Task[Any]) -> None:
    """Cancels a task. One whose loop was closed half way ends here and now: nothing runs it on, and its `finally`
    would otherwise run whenever the garbage is collected, and end what was begun since."""
    coroutine = task.get_coro()
    if task.done():
        return
    if not task.get_loop().is_closed():
        task.cancel()
    elif isinstance(coroutine, Coroutine):
        with suppress(RuntimeError):  # what it cleans up may want the loop, which is closed
            coroutine.close()


def is_under_way(task: asyncio.Task[Any]) -> bool:
    """Whether waiting for it here leads to a result: it has no end yet, wasn't cancelled, and is of this loop."""
    return not task.done() and not task.cancelling() and task.get_loop() is running_loop()
