"""A monitor as a process of its own, to be killed: `python -m tests.notify.paged SETTINGS BEGAN`.

Real monitor, engine, pager, store and channels; only the agents are scripted: a hundred that die within the first
second after BEGAN (Unix s), and three more each second from then on.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path

from telemetry import watching
from telemetry.clock import SystemClock
from telemetry.model import AgentSample, Reading, State
from telemetry.monitor import ClusterMonitor
from telemetry.paging import Paging
from telemetry.runtime import Signals
from telemetry.settings import load
from telemetry.store import Store

AGENTS = 1_000
AT_ONCE = 100


def dead_by(seconds: float) -> int:
    """How many agents are dead so many seconds after the begin."""
    return max(0, min(AGENTS - 1, int(AT_ONCE * min(1.0, seconds) + 3 * max(0.0, seconds - 1.0))))


class Dying:
    """A source whose agents die one after the other. The last one never does: the cluster isn't down."""

    name = "scripted"
    cluster = "demo"

    def __init__(self, began: float) -> None:
        self._began = began

    async def read(self, now: float) -> Reading:
        dead = dead_by(now - self._began)
        return Reading(
            tuple(
                AgentSample(
                    f"agent{number:03}", running=number >= dead, reported=State.BUSY if number >= dead else None
                )
                for number in range(AGENTS)
            )
        )

    async def close(self) -> None:
        """Holds nothing."""


async def run(settings_file: Path, began: float) -> None:
    """Until it is killed."""
    settings = load({}, {"HOME": str(settings_file.parent)}, settings_file.parent, str(settings_file)).settings
    signals, store = Signals.silent(), Store(watching.store_path(settings), owner=True)
    desk = Paging(settings, store, SystemClock(), signals, list)
    await desk.begin()
    monitor = ClusterMonitor.for_source(
        Dying(began), check_interval=settings.check_interval, rules=desk.rules, desk=desk, signals=signals
    )
    monitor.start()
    print("watching", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    logging.disable()
    asyncio.run(run(Path(sys.argv[1]), float(sys.argv[2])))
