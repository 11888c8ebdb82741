"""A channel in a real loop: it hands over what it holds when it ends, and no fault of a notifier ends it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from telemetry.clock import SystemClock
from telemetry.model import AlertLevel
from telemetry.notify.base import DeliveryError
from telemetry.notify.channel import Channel
from telemetry.notify.delivery import Delivery
from telemetry.notify.grouping import Timing
from telemetry.notify.retry import Patience, after_failure
from telemetry.store import Changes, QueuedMessage, QueuedNotice
from telemetry.testing import FakeClock
from tests.notify.samples import message, notice, resolved
from tests.notify.simulated import PacedRecorder, Recorder

SLOW = Timing(group_wait=3_600.0, group_interval=3_600.0)


class World:
    """One channel with its notifier, and what it kept and told."""

    def __init__(self, kind: type[Recorder] = Recorder, timing: Timing = SLOW) -> None:
        self.kept: list[Changes] = []
        self.deliveries: list[Delivery] = []
        self.notifier = kind("test", FakeClock())
        self.clock = SystemClock()
        self.channel = Channel(
            "test", self.notifier, timing, self.keep, clock=self.clock, observe=self.deliveries.append
        )

    async def keep(self, changes: Changes) -> None:
        self.kept.append(changes)

    def add(self, count: int) -> None:
        self.channel.add([QueuedNotice(i, "test", notice(alert_id=f"a{i}", agent=f"agent{i}")) for i in range(count)])


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def within() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(within())


def test_what_waits_is_handed_over_at_the_end() -> None:
    async def story() -> None:
        world = World()
        running = asyncio.create_task(world.channel.run())
        world.add(3)
        await asyncio.sleep(0)
        assert world.notifier.sent == []
        world.channel.drain()
        await running
        ((_, sent),) = world.notifier.sent
        assert [held.agent for held in sent.notices] == ["agent0", "agent1", "agent2"]
        assert (world.channel.messages, world.channel.notices) == ((), ())

    run(story)


def test_what_fails_at_the_end_is_left_for_the_next_start() -> None:
    async def story() -> None:
        world = World()
        world.notifier.fails = lambda _: DeliveryError("down")
        running = asyncio.create_task(world.channel.run())
        world.add(1)
        world.channel.drain()
        await running
        (left,) = world.channel.messages
        assert (left.attempts, left.error, left.failed) == (1, "down", False)
        assert world.kept[-1].messages == [left]

    run(story)


def test_more_than_one_message_holds_arrives_in_several() -> None:
    async def story() -> None:
        world = World()
        running = asyncio.create_task(world.channel.run())
        world.add(120)
        world.channel.drain()
        await running
        assert [len(sent.notices) for _, sent in world.notifier.sent] == [50, 50, 20]

    run(story)


def test_of_more_than_one_message_holds_the_worst_go_first() -> None:
    async def story() -> None:
        world = World()
        notices = [notice(alert_id=f"a{i}", agent=f"agent{i}") for i in range(60)]
        notices += [notice(alert_id="worst", agent="", level=AlertLevel.CRITICAL), resolved(alert_id="over")]
        world.channel.add([QueuedNotice(seq, "test", held) for seq, held in enumerate(notices)])
        running = asyncio.create_task(world.channel.run())
        world.channel.drain()
        await running
        (_, first), (_, second) = world.notifier.sent
        assert "worst" in [held.alert_id for held in first.notices]
        assert second.notices[-1].alert_id == "over"
        assert len(first.notices) + len(second.notices) == 62

    run(story)


def test_a_paced_one_leaves_at_the_end_what_would_take_longer() -> None:
    async def story() -> None:
        world = World(PacedRecorder)
        running = asyncio.create_task(world.channel.run())
        world.add(120)
        world.channel.drain()
        await running
        assert len(world.notifier.sent) == 1
        assert [len(held.message.notices) for held in world.channel.messages] == [50]
        assert len(world.channel.notices) == 20

    run(story)


def test_a_fault_in_a_notifier_is_an_error_without_its_text_and_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def faulty(_: object) -> DeliveryError | None:
        raise ZeroDivisionError("geheim")

    async def story() -> None:
        world = World(timing=Timing(0.0, 0.0))
        world.notifier.fails = faulty
        world.add(1)
        await world.channel.step()
        (left,) = world.channel.messages
        assert left.error.startswith("a fault in the notifier, please report it: ZeroDivisionError at faulty:")
        assert not left.failed
        world.notifier.fails = lambda _: None
        assert [delivery.outcome for delivery in world.deliveries] == ["retry"]

    with caplog.at_level(logging.DEBUG):
        run(story)
    assert "geheim" not in caplog.text


def test_a_fault_of_ours_does_not_end_it(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("telemetry.notify.channel._AFTER_A_FAULT", 0.0)

    async def story() -> None:
        world = World(timing=Timing(0.0, 0.0))
        keep, calls, sent = world.channel._keep, [], asyncio.Event()

        async def fails_once(changes: Changes) -> None:
            calls.append(changes)
            if len(calls) > 1:
                sent.set()
            if len(calls) == 1:
                raise ZeroDivisionError("ours")
            await keep(changes)

        world.channel._keep = fails_once
        running = asyncio.create_task(world.channel.run())
        world.add(1)
        await sent.wait()
        world.channel.drain()
        await running

    run(story)
    assert caplog.text.count("this is a bug, please report it") == 1


class TestPatience:
    def test_pauses_grow_to_a_cap_and_differ(self) -> None:
        dice, queued, pauses = random.Random(1), QueuedMessage(message()), []  # noqa: S311 - pauses
        for _ in range(20):
            queued = after_failure(queued, DeliveryError("no"), queued.message.created_at, dice, Patience())
            pauses.append(queued.next_at - queued.message.created_at)
        for number, pause in enumerate(pauses):
            whole = min(300.0, 2.0**number)
            assert whole / 2 <= pause <= whole
        assert len(set(pauses)) == 20

    def test_it_gives_up_after_a_day_and_says_so(self) -> None:
        queued = QueuedMessage(message())
        late = queued.message.created_at + 86_400
        after = after_failure(queued, DeliveryError("no"), late, random.Random(1), Patience())  # noqa: S311 - pauses
        assert (after.failed, after.error) == (True, "given up after 24 h: no")
