"""When checks happen between two ticks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from telemetry.promptly import APART, Promptly


@dataclass
class Counted:
    """Counts the checks, and lets a test hold one."""

    glances: list[float] = field(default_factory=list)
    looks: int = 0
    hold: asyncio.Event | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def glance(self) -> None:
        self.glances.append(asyncio.get_running_loop().time())
        self.changed.set()
        if self.hold is not None:
            await self.hold.wait()

    async def look(self) -> None:
        self.looks += 1
        self.changed.set()
        if self.hold is not None:
            await self.hold.wait()

    async def next(self) -> None:
        self.changed.clear()
        async with asyncio.timeout(5):
            await self.changed.wait()


def playing(scene: Callable[[Promptly, Counted], Awaitable[None]]) -> None:
    async def play() -> None:
        counted = Counted()
        promptly = Promptly(counted.glance, counted.look)
        promptly.begin()
        try:
            await scene(promptly, counted)
        finally:
            promptly.end()

    asyncio.run(play())


def test_what_is_heard_is_checked_at_once_and_the_rest_ten_times_a_second() -> None:
    async def scene(promptly: Promptly, counted: Counted) -> None:
        for _ in range(100):
            promptly.heard()
        await counted.next()
        for _ in range(100):
            promptly.heard()
        await counted.next()
        assert len(counted.glances) == 2
        assert counted.glances[1] - counted.glances[0] >= APART - 0.001

    playing(scene)


def test_a_death_waits_for_nobody_and_has_the_source_asked_later() -> None:
    async def scene(promptly: Promptly, counted: Counted) -> None:
        promptly.heard()
        await counted.next()
        promptly.heard()
        promptly.died()
        promptly.died()
        await counted.next()
        assert counted.glances[1] - counted.glances[0] < APART
        await counted.next()
        assert (len(counted.glances), counted.looks) == (2, 1)

    playing(scene)


def test_what_is_heard_during_a_check_is_checked_after_it() -> None:
    async def scene(promptly: Promptly, counted: Counted) -> None:
        counted.hold = asyncio.Event()
        promptly.died()
        await counted.next()
        promptly.died()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(counted.glances) == 1
        counted.hold.set()
        await counted.next()
        assert len(counted.glances) == 2

    playing(scene)


def test_a_source_that_must_look_is_asked_at_once_and_never_twice_at_once() -> None:
    async def scene(promptly: Promptly, counted: Counted) -> None:
        counted.hold = asyncio.Event()
        promptly.look_now()
        await counted.next()
        promptly.look_now()
        await asyncio.sleep(0.01)
        assert counted.looks == 1
        counted.hold.set()
        await counted.next()
        assert counted.looks == 2

    playing(scene)


def test_before_the_beginning_and_after_the_end_nothing_is_heard() -> None:
    async def scene() -> None:
        counted = Counted()
        promptly = Promptly(counted.glance, counted.look)
        for tell in (promptly.heard, promptly.died, promptly.look_soon, promptly.look_now):
            tell()
        promptly.begin()
        promptly.died()
        promptly.end()
        await asyncio.sleep(0.01)
        assert (counted.glances, counted.looks) == ([], 0)

    asyncio.run(scene())
