"""A cluster of two agents in a picture, and an application over it that is asked without a socket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp

from telemetry.alerts import Engine, EngineState
from telemetry.model import (
    AgentHealth,
    AgentSample,
    Alert,
    AlertEvent,
    AlertLevel,
    ClusterMetrics,
    ClusterSnapshot,
    OpenAlert,
    State,
)
from telemetry.picture import Picture
from telemetry.sources.base import SourceState
from telemetry.sources.merging import Word
from telemetry.testing import FakeClock
from telemetry.web.app import create_app

BASE = "http://127.0.0.1:8000"


@dataclass
class FakeMonitor:
    """A monitor as the web sees one."""

    cluster: str
    metrics: ClusterMetrics | None = None
    alerts: list[Alert] = field(default_factory=list)
    check_interval: float = 5.0
    running: bool = True
    starts: int = 0

    def is_running(self) -> bool:
        return self.running

    def start(self) -> None:
        self.running, self.starts = True, self.starts + 1

    async def stop_async(self) -> None:
        await asyncio.sleep(0)
        self.running = False

    def get_metrics(self) -> ClusterMetrics | None:
        return self.metrics

    open_alerts: tuple[OpenAlert, ...] = ()
    forgettable: str = ""

    async def acknowledge(self, alert_id: str, by: str, note: str = "") -> AlertEvent | None:
        state = EngineState({alert.key: alert for alert in self.open_alerts})
        for alert in self.open_alerts:
            if alert.id == alert_id:
                outcome = Engine.acknowledge(state, alert.key, by, note, 0.0)
                self.open_alerts = outcome.state.firing()
                return outcome.events[0]
        return None

    said: tuple[Word, ...] = ()
    sources: tuple[SourceState, ...] = ()
    deaths_are_seen: str = "at once, by pidfd: 1 process"

    def words(self, agent: str) -> tuple[Word, ...]:
        return self.said

    async def forget(self, agent: str) -> bool:
        return agent == self.forgettable

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int | None = 100
    ) -> list[Alert]:
        found = [alert for alert in self.alerts if level in (None, alert.level) and resolved in (None, alert.resolved)]
        return found[:limit]


@dataclass
class World:
    """An application with all that it reads."""

    clock: FakeClock = field(default_factory=FakeClock)
    picture: Picture = field(default_factory=Picture)
    monitors: list[FakeMonitor] = field(default_factory=list)
    fault: Exception | None = None
    apps: list[tuple[dict[str, Any], ASGIApp]] = field(default_factory=list)

    def page(self, now: float) -> bytes:
        if self.fault is not None:
            raise self.fault
        return f"up 1 {now}\n".encode() * 100

    def app(self, **options: Any) -> ASGIApp:
        """One application for the same options: to make one takes longer than to ask it."""
        for known, made in self.apps:
            if known.keys() == options.keys() and all(known[name] is options[name] for name in known):
                return made
        self.apps.append((options, self._made(**options)))
        return self.apps[-1][1]

    def _made(self, **options: Any) -> ASGIApp:
        return create_app(
            self.picture,
            lambda: self.monitors,
            self.page,
            self.clock,
            metrics_type="text/plain; version=0.0.4",
            **options,
        )

    def see(self, cluster: str, *agents: AgentHealth, source_error: str = "") -> None:
        snapshot = ClusterSnapshot(cluster, "scripted", agents, self.clock.now(), "session", source_error=source_error)
        self.picture.publish(snapshot, ())

    def ask(
        self, path: str, method: str = "GET", headers: dict[str, str] | None = None, **options: Any
    ) -> httpx.Response:
        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self.app(**options), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(asking())


def agent(name: str, state: State, now: float, **sample: Any) -> AgentHealth:
    running = state is not State.STOPPED
    return AgentHealth(AgentSample(name=name, running=running, **sample), state, "because", now - 60, now - 90, now)


@pytest.fixture
def world() -> World:
    """Two clusters: «main» with a busy and a stopped agent, «night» that nobody has looked at."""
    made = World()
    now = made.clock.now()
    alerts = [
        Alert(AlertLevel.WARNING, "main", "1 of 2 agents stopped", now - 50, resolved=True, cluster="main"),
        Alert(AlertLevel.ERROR, "b", "agent stopped", now - 60, cluster="main", rule="agent_stopped"),
    ]
    made.monitors = [FakeMonitor("main", ClusterMetrics(2, 1, 0, 1, 3, now), alerts), FakeMonitor("night")]
    made.see(
        "main", agent("a", State.BUSY, now, last_activity=now - 4), agent("b", State.STOPPED, now, restart_count=3)
    )
    return made
