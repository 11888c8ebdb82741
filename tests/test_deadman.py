"""The dead man's switch: asked for after each check while all is well, and silent otherwise. Real HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from telemetry.deadman import DeadMansSwitch
from telemetry.model import AgentSample, Reading, State
from telemetry.monitor import ClusterMonitor
from telemetry.paging import Paging
from telemetry.settings import Settings, load
from telemetry.sources.base import SourceError
from telemetry.store import Store
from telemetry.testing import CapturedSignals, FakeClock, ScriptedSource
from tests.notify.receivers import HANG, Receiver, answer

UP = Reading((AgentSample("a", running=True, reported=State.BUSY, proven=True),))


def run(scenario: Callable[[Receiver], Coroutine[Any, Any, None]], *script: bytes) -> None:
    async def within() -> None:
        async with Receiver(*script) as receiver:
            await scenario(receiver)

    asyncio.run(within())


async def asked(switch: DeadMansSwitch) -> None:
    """Has it ask, and waits until that is done."""
    switch.ping()
    assert switch._asking is not None
    await switch._asking


def test_it_asks_for_its_url_and_nothing_else() -> None:
    async def scenario(receiver: Receiver) -> None:
        switch = DeadMansSwitch(receiver.url("/ping/geheim"))
        await asked(switch)
        await asked(switch)
        assert [(r.method, r.target, r.body) for r in receiver.requests] == [("GET", "/ping/geheim", b"")] * 2
        await switch.close()

    run(scenario)


def test_one_at_a_time_and_closing_waits_for_nobody() -> None:
    async def scenario(receiver: Receiver) -> None:
        switch = DeadMansSwitch(receiver.url("/ping/geheim"))
        switch.ping()
        await receiver.asked.wait()
        switch.ping()
        switch.ping()
        await switch.close()
        assert len(receiver.requests) == 1

    run(scenario, HANG)


def test_a_failure_is_told_once_and_its_end_too_without_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(receiver: Receiver) -> None:
        switch = DeadMansSwitch(receiver.url("/ping/geheim"))
        for _ in range(4):
            await asked(switch)

    with caplog.at_level(logging.DEBUG):
        run(scenario, answer(500), answer(404, "no such check: geheim"), answer(500), answer(200))
    ours = [record.getMessage() for record in caplog.records if record.name == "telemetry.deadman"]
    assert len(ours) == 2
    assert "could not be told that all is well" in ours[0]
    assert "can be told again" in ours[1]
    assert "geheim" not in caplog.text


@pytest.mark.parametrize(
    ("answers", "reasons", "expected"),
    [
        ([UP, UP, UP], [], 3),
        ([UP, SourceError("no tmux"), UP], [], 2),
        ([UP, UP, UP], ["another cluster: the last check finished 60 s ago"], 0),
    ],
)
def test_each_check_that_finds_all_well_tells_so(
    tmp_path: Path, answers: list[Reading | Exception], reasons: list[str], expected: int
) -> None:
    async def scenario(receiver: Receiver) -> None:
        environ = {"HOME": str(tmp_path), "ORCHESTRATOR_DEADMAN_URL": receiver.url("/ping/geheim")}
        clock = FakeClock()
        captured = CapturedSignals(clock)
        store = Store(tmp_path / "store", owner=True)
        desk = Paging(load({}, environ, tmp_path).settings, store, clock, captured.signals, lambda: reasons)
        await desk.begin()
        source = ScriptedSource(answers)
        monitor = ClusterMonitor.for_source(source, desk=desk, signals=captured.signals, clock=clock)
        for _ in answers:
            await _checked(monitor)
            assert desk._switch is not None
            if desk._switch._asking is not None:
                await desk._switch._asking
            clock.advance(5)
        assert len(receiver.requests) == expected
        await desk.stop(1.0)

    run(scenario)


async def _checked(monitor: ClusterMonitor) -> None:
    try:
        await monitor.check_now()
    except RuntimeError:
        assert monitor.snapshot is not None
        assert monitor.snapshot.source_error


def test_a_store_that_is_no_use_keeps_it_silent(tmp_path: Path) -> None:
    async def scenario(receiver: Receiver) -> None:
        environ = {"HOME": str(tmp_path), "ORCHESTRATOR_DEADMAN_URL": receiver.url("/ping/geheim")}
        clock = FakeClock()
        captured = CapturedSignals(clock)
        (tmp_path / "store").mkdir()  # where a file should be
        desk = Paging(load({}, environ, tmp_path).settings, Store(tmp_path / "store"), clock, captured.signals, list)
        await desk.begin()
        assert captured.metric("orchestrator.store.usable") == 0
        await desk.checked("demo", well=True)
        assert receiver.requests == []
        assert desk._switch is not None
        assert desk._switch._asking is None
        await desk.stop(1.0)

    run(scenario)


def test_a_message_that_nobody_takes_for_ten_minutes_keeps_it_silent_until_it_is_taken(tmp_path: Path) -> None:
    """Nobody learns of alerts then: whoever waits outside has to."""

    async def scenario(outside: Receiver) -> None:
        async with Receiver(answer(500), answer(200)) as hook:
            environ = {
                "HOME": str(tmp_path),
                "ORCHESTRATOR_DEADMAN_URL": outside.url("/ping/geheim"),
                "ORCHESTRATOR_WEBHOOK_URL": hook.url("/geheim"),
            }
            clock = FakeClock()
            captured = CapturedSignals(clock)
            settings = load({}, environ, tmp_path).settings
            desk = Paging(settings, Store(tmp_path / "store", owner=True), clock, captured.signals, list)
            await desk._pager.load()
            dead = ScriptedSource([Reading((AgentSample("a", running=False, reason="exited"),))])
            monitor = ClusterMonitor.for_source(dead, desk=desk, signals=captured.signals, clock=clock)
            await monitor.check_now()
            (channel,) = desk._pager._channels.values()

            async def pings_after(seconds: float) -> int:
                clock.advance(seconds)
                await desk.checked("demo", well=True)
                if desk._switch is not None and desk._switch._asking is not None:
                    await desk._switch._asking
                return len(outside.requests)

            async def sent(times: int) -> None:
                while len(hook.requests) < times:
                    clock.time = max(clock.time, await channel.step())

            before = await pings_after(0)
            await sent(1)
            assert await pings_after(590) == before + 1
            assert await pings_after(20) == before + 1
            await sent(2)
            assert await pings_after(0) == before + 2
            await desk.stop(1.0)

    run(scenario)


def test_other_settings_have_another_url_asked(tmp_path: Path) -> None:
    async def scenario(receiver: Receiver) -> None:
        def settings(**more: str) -> Settings:
            return load({}, {"HOME": str(tmp_path), **more}, tmp_path).settings

        clock = FakeClock()
        first = settings(ORCHESTRATOR_DEADMAN_URL=receiver.url("/first"))
        desk = Paging(first, Store(tmp_path / "store"), clock, CapturedSignals(clock).signals, list)
        await desk.begin()
        for following in (settings(ORCHESTRATOR_DEADMAN_URL=receiver.url("/second")), settings()):
            await desk.checked("demo", well=True)
            assert desk._switch is not None
            assert desk._switch._asking is not None
            await desk._switch._asking
            await desk.use(desk.prepared(following))
        await desk.checked("demo", well=True)
        assert [request.target for request in receiver.requests] == ["/first", "/second"]
        await desk.stop(1.0)

    run(scenario)
