"""Settings become channels, routes and texts; what monitors find reaches people; every attempt is told. Real HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from telemetry.model import AgentSample, Reading, Silence, State
from telemetry.monitor import ClusterMonitor
from telemetry.paging import Paging
from telemetry.settings import Settings, SettingsError, load
from telemetry.store import HistoryQuery, Store
from telemetry.testing import CapturedSignals, FakeClock, ScriptedSource
from tests.notify.receivers import Receiver, answer
from tests.waiting import eventually

UP = AgentSample("a", running=True, reported=State.BUSY, proven=True)
OTHER = AgentSample("b", running=True, reported=State.BUSY, proven=True)
DOWN = AgentSample("a", running=False, reason="exited")


class World:
    """A desk over one receiver, and a monitor whose source says what is told to it."""

    def __init__(self, home: Path, receiver: Receiver, text: str, **environ: str) -> None:
        self.home, self.receiver = home, receiver
        self.clock = FakeClock()
        self.captured = CapturedSignals(self.clock)
        self.store = Store(home / "store", owner=True)
        self.desk = self.made(text, **environ)
        self.source = ScriptedSource([Reading((UP, OTHER))])

    def settings(self, text: str, **environ: str) -> Settings:
        (self.home / "settings.yaml").write_text(text.replace("RECEIVER", self.receiver.url("/hook/geheim")))
        return load({}, {"HOME": str(self.home), **environ}, self.home, str(self.home / "settings.yaml")).settings

    def made(self, text: str, **environ: str) -> Paging:
        settings = self.settings(text, **environ)
        return Paging(settings, self.store, self.clock, self.captured.signals, list, dashboard_url="http://d:8000")

    def monitor(self) -> ClusterMonitor:
        return ClusterMonitor.for_source(
            self.source, rules=self.desk.rules, desk=self.desk, signals=self.captured.signals, clock=self.clock
        )

    async def see(self, monitor: ClusterMonitor, *samples: AgentSample, after: float = 5.0) -> None:
        self.clock.advance(after)
        self.source.answers = [Reading(samples)]
        await monitor.check_now()

    async def delivered(self, count: int) -> list[Any]:
        """The bodies that the receiver got, when they are so many. Simulated time goes on meanwhile."""

        def look() -> bool:
            self.clock.advance(11)
            return len(self.receiver.requests) >= count

        await asyncio.to_thread(eventually, look, 10)
        return [json.loads(request.body) for request in self.receiver.requests]


def run(home: Path, text: str, story: Callable[[World], Coroutine[Any, Any, None]], *script: bytes) -> None:
    async def within() -> None:
        async with Receiver(*script) as receiver:
            world = World(home, receiver, text)
            await world.desk.begin()
            try:
                await story(world)
            finally:
                await world.desk.stop(1.0)

    asyncio.run(within())


def test_each_attempt_is_counted_and_is_a_span_that_is_linked_to_the_check_that_found_it(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        monitor = world.monitor()
        await world.see(monitor, UP, OTHER)
        await world.see(monitor, DOWN, OTHER)
        await world.delivered(2)
        await asyncio.to_thread(eventually, lambda: _deliveries(world)["delivered"] == 1)
        assert _deliveries(world) == {"delivered": 1, "retry": 1, "failed": 0}
        check = next(span for span in world.captured.spans if span.name == "orchestrator.check")
        failed, done = (span for span in world.captured.spans if span.name == "orchestrator.notify")
        assert check.context is not None
        assert [link.context.trace_id for link in done.links] == [check.context.trace_id]
        assert done.attributes == {"channel": "webhook", "cluster": "demo", "outcome": "delivered"}
        assert failed.status.description is not None
        assert "answered 500" in failed.status.description
        assert "geheim" not in str([span.to_json() for span in world.captured.spans])

    run(tmp_path, "channels: {webhook: {url: RECEIVER}}", story, answer(500), answer(200))


def _deliveries(world: World) -> dict[str, int]:
    found = world.captured.metrics()["orchestrator.notification.deliveries"]
    return {dict(labels)["outcome"]: value for labels, value in found.items()}


def test_texts_are_in_the_language_that_is_set_and_lead_to_a_runbook(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        monitor = world.monitor()
        await world.see(monitor, UP, OTHER)
        await world.see(monitor, DOWN, OTHER)
        (body,) = await world.delivered(1)
        (alert,) = body["alerts"]
        assert alert["summary"] == "エージェントが動いていません。"
        assert alert["runbook_url"] == "http://d:8000/runbooks#agent_stopped"
        assert alert["level"] == "critical", "as the override for this agent says"

    text = (
        "channels: {webhook: {url: RECEIVER}}\nnotify: {language: ja}\n"
        "overrides: [{agent: a, rules: {agent_stopped: {level: critical}}}]"
    )
    run(tmp_path, text, story)


def test_a_maintenance_window_keeps_quiet(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        monitor = world.monitor()
        await world.see(monitor, UP, OTHER)
        await world.see(monitor, DOWN, OTHER)
        (alert,) = [alert for alert in monitor.get_alerts(resolved=False) if alert.rule == "agent_stopped"]
        assert alert.suppressed == "maintenance: backup"
        assert world.captured.metric(
            "orchestrator.alert.suppressed", cluster="demo", agent_name="a", rule="agent_stopped"
        )

    run(tmp_path, "channels: {webhook: {url: RECEIVER}}\nmaintenance: [{agent: a, reason: backup}]", story)


@pytest.mark.slow
def test_other_settings_are_used_and_what_people_said_stays(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        monitor = world.monitor()
        await world.desk.silence(Silence("s1", "ann", "known", world.clock.now(), world.clock.now() + 60, agent="x"))
        await world.see(monitor, UP, OTHER)
        await world.see(monitor, DOWN, OTHER)
        prepared = world.desk.prepared(world.settings("channels: {webhook: {url: RECEIVER}}"))
        assert not list(world.desk.channels)
        await world.desk.use(prepared)
        assert [held.id for held in world.desk.controls.silences] == ["s1"]
        (body,) = await world.delivered(1)
        assert body["alerts"][0]["agent"] == "a"
        with pytest.raises(SettingsError, match="the channel apprise can't be used"):
            world.desk.prepared(world.settings("channels: {apprise: {urls: ['nosuch://geheim']}}"))
        assert [held.name for held in world.desk.channels if held.on] == ["webhook"]

    run(tmp_path, "", story)


def test_a_channel_that_was_refused_for_good_keeps_the_dead_mans_switch_silent_until_it_works(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World) -> None:
        pinged: list[float] = []
        async with Receiver() as outside:
            text = f"channels: {{webhook: {{url: RECEIVER}}}}\ndeadman: {{url: '{outside.url('/ping')}'}}"
            await world.desk.use(world.desk.prepared(world.settings(text)))
            assert world.desk._switch is not None
            world.desk._switch.ping = lambda: pinged.append(world.clock.now())  # type: ignore[method-assign]
            monitor = world.monitor()
            await world.see(monitor, UP, OTHER)
            assert len(pinged) == 1
            await world.see(monitor, DOWN, OTHER)
            await world.delivered(1)
            await asyncio.to_thread(eventually, lambda: world.desk.channels[0].refused)
            for _ in range(3):
                await world.see(monitor, DOWN, OTHER)
            assert len(pinged) == 2, "the check that found it was before the refusal"
            assert (await world.desk.test("webhook")).delivered
            await world.see(monitor, DOWN, OTHER)
            assert len(pinged) == 3

    run(tmp_path, "", story, answer(404), answer(200))
    assert caplog.text.count("the dead man's switch is not told that all is well") == 1


def test_what_a_channel_that_is_off_holds_is_no_reason_for_the_dead_mans_switch(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        monitor = world.monitor()
        await world.see(monitor, UP, OTHER)
        await world.see(monitor, DOWN, OTHER)
        await world.delivered(1)
        await world.desk.use(world.desk.prepared(world.settings("")))
        world.clock.advance(7_200)
        assert [held.on for held in world.desk.channels] == [False]
        assert list(world.desk._problems()) == []

    run(tmp_path, "channels: {webhook: {url: RECEIVER}}", story, answer(500))


def test_a_cluster_that_is_watched_no_longer_leaves_nothing_open(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        monitor = world.monitor()
        await world.see(monitor, UP, OTHER)
        await world.see(monitor, DOWN, OTHER)
        await world.delivered(1)
        await world.desk.leave({"demo"})
        await world.desk.leave(())
        bodies = await world.delivered(2)
        assert [alert["kind"] for alert in bodies[-1]["alerts"]] == ["resolved"]
        page = await world.desk.history(HistoryQuery())
        assert {alert.rule for alert in page.alerts} == {"agent_stopped", "stopped_agents"}
        assert world.desk.known("demo")[0] == {}

    run(tmp_path, "channels: {webhook: {url: RECEIVER}}", story)
