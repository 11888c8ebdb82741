"""When to check between two ticks: at once for a death, at most ten times a second for all else that is heard."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from telemetry.runner import give_up

APART = 0.1
"""Seconds from one check for what was heard to the next: what comes within rides along."""
CONFIRMED_AFTER = 0.25
"""Seconds after a death when the source is asked: by then whoever starts an agent again has done so."""

Check = Callable[[], Coroutine[Any, Any, None]]


class Promptly:
    """Starts checks in one loop; none beside another of the same kind.

    Args:
        glance: Checks with what is known already.
        look: Checks by asking the source.
    """

    def __init__(self, glance: Check, look: Check) -> None:
        self._glance, self._look = glance, look
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._glance_at: asyncio.TimerHandle | asyncio.Handle | None = None
        self._look_at: asyncio.TimerHandle | None = None
        self._last = float("-inf")
        self._again = False

    def begin(self) -> None:
        """Takes note of what is heard from now on, in the running loop."""
        self._loop = asyncio.get_running_loop()

    def end(self) -> None:
        """Starts nothing any more; what is under way is cancelled."""
        self._loop = None
        for handle in (self._glance_at, self._look_at):
            if handle is not None:
                handle.cancel()
        for task in (self._running, self._looking):
            if task is not None:
                give_up(task)
        self._glance_at = self._look_at = self._running = self._looking = None
        self._again = False

    @property
    def has_begun(self) -> bool:
        """Whether anything may be heard."""
        return self._loop is not None

    def heard(self) -> None:
        """The source knows something new."""
        if self._loop is None or self._glance_at is not None:
            return
        wait = self._last + APART - self._loop.time()
        if wait > 0:
            self._glance_at = self._loop.call_later(wait, self._start)
        else:
            self._glance_at = self._loop.call_soon(self._start)

    def died(self) -> None:
        """A process has died: this doesn't wait. The source is asked a little later, for what became of it."""
        if self._loop is None:
            return
        if self._glance_at is not None:
            self._glance_at.cancel()
        # not here and now: of several that die together, all are heard before the check
        self._glance_at = self._loop.call_soon(self._start)
        self.look_soon()

    def look_soon(self) -> None:
        """The source is to be asked before its time."""
        if self._loop is not None and self._look_at is None:
            self._look_at = self._loop.call_later(CONFIRMED_AFTER, self._start_look)

    def look_now(self) -> None:
        """The source is to be asked at once; one that is being asked is asked again after that."""
        if self._loop is not None:
            if self._look_at is not None:
                self._look_at.cancel()
            self._look_at = self._loop.call_later(0, self._start_look)

    def _start(self) -> None:
        self._glance_at = None
        if self._loop is None:
            return
        if self._running is not None and not self._running.done():
            self._again = True
            return
        self._last = self._loop.time()
        self._running = self._loop.create_task(self._check())

    async def _check(self) -> None:
        self._again = True
        while self._again:
            self._again = False
            await self._glance()

    def _start_look(self) -> None:
        self._look_at = None
        if self._loop is None:
            return
        if self._looking is not None and not self._looking.done():
            self.look_soon()
        else:
            self._looking = self._loop.create_task(self._look())
