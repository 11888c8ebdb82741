"""Ends that don't wait for ever: blocking work with a deadline, and the process's own last resort."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable


async def within(seconds: float, work: Callable[[], object]) -> bool:
    """Runs blocking work in a thread that, should it hang, doesn't keep the process. False when it took longer."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        try:
            work()
        finally:
            with contextlib.suppress(RuntimeError):  # the loop may have ended meanwhile
                loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, name="ending", daemon=True).start()
    try:
        await asyncio.wait_for(done.wait(), seconds)
    except TimeoutError:
        return False
    return True


def at_the_latest(seconds: float) -> None:
    """Ends the process that many seconds from now, whatever still hangs by then."""
    timer = threading.Timer(seconds, _give_up)
    timer.daemon = True
    timer.start()


def _give_up() -> None:
    print("orchestrator-telemetry: something did not stop in time and was left behind", file=sys.stderr)  # noqa: T201 - no log by now
    os._exit(0)
