"""What the plots ask for, answered by a real recorder over a store in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from telemetry.model import AgentHealth, AlertLevel, State
from telemetry.recording import Bounds, Recorder
from telemetry.store import MEMORY, Store, StoreError
from tests.web.conftest import BASE, FakeMonitor, World, agent


@dataclass
class Recorded:
    """The world, recorded."""

    world: World = field(default_factory=World)
    store: Store = field(default_factory=lambda: Store(MEMORY))

    def __post_init__(self) -> None:
        self.world.monitors = [FakeMonitor("main"), FakeMonitor("night")]
        bounds = Bounds.of(check_interval=5, retention_days=7, max_mib=64)
        self.recorder = Recorder(self.world.picture, self.store, self.world.clock, bounds=lambda: bounds)
        self.world.picture.on_change(self.recorder.look)

    @property
    def now(self) -> float:
        return self.world.clock.now()

    def see(self, seconds: float, **states: State) -> None:
        """Has time pass, and the cluster looked at then."""
        self.world.clock.advance(seconds)
        self.world.see("main", *(self.agent(name, state) for name, state in states.items()))

    def agent(self, name: str, state: State) -> AgentHealth:
        return agent(name, state, self.now)

    def ask(self, path: str, **query: object) -> httpx.Response:
        async def asking() -> httpx.Response:
            transport = httpx.ASGITransport(self.world.app(recorded=self.recorder), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
                wanted: dict[str, Any] = {name: str(value) for name, value in query.items()}
                return await client.get(f"/api/v1/timeline/{path}", params=wanted)

        return asyncio.run(asking())


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


@pytest.mark.parametrize("written", [True, False])
def test_each_agent_is_a_strip_of_states(recorded: Recorded, written: bool) -> None:
    recorded.see(0, a=State.BUSY, b=State.IDLE)
    begin = recorded.now
    recorded.see(5, a=State.STOPPED, b=State.IDLE)
    recorded.see(5, a=State.STOPPED)
    if written:
        recorded.recorder.write()
    recorded.world.clock.advance(2)
    said = recorded.ask("agents").json()
    assert (said["now"], said["until"], said["since"]) == (recorded.now, recorded.now, recorded.now - 10_800)
    main, night = said["clusters"]
    assert (main["name"], main["watched"]) == ("main", [[begin, recorded.now]])
    assert main["agents"] == {
        "a": [[begin, "busy"], [begin + 5, "stopped"]],
        "b": [[begin, "idle"], [begin + 10, None]],
    }
    assert night == {"name": "night", "watched": [], "agents": {}}
    later = recorded.ask("agents", since=begin + 7, until=begin + 9, cluster="main").json()["clusters"]
    assert later == [
        {
            "name": "main",
            "watched": [[begin + 7, begin + 9]],
            "agents": {"a": [[begin + 7, "stopped"]], "b": [[begin + 7, "idle"]]},
        }
    ]


def test_counts_are_means_and_peaks(recorded: Recorded) -> None:
    recorded.see(0, a=State.BUSY, b=State.IDLE)
    begin = recorded.now
    recorded.see(4, a=State.STOPPED, b=State.IDLE)
    recorded.world.picture.count_alert("main", AlertLevel.ERROR)
    recorded.see(1, a=State.BUSY, b=State.IDLE)
    recorded.see(15, a=State.BUSY, b=State.IDLE)
    said = recorded.ask("counts", since=begin, cluster="main", points=2).json()
    assert said["step"] % 10 == 0
    (main,) = said["clusters"]
    values = [value for value in main["states"]["stopped"] if value is not None]
    assert sum(values) == pytest.approx(1 / (said["step"] if len(values) > 1 else 20), abs=0.01)
    assert max(value for value in main["troubled"] if value is not None) == 1
    assert sum(value for value in main["alerts"]["error"] if value is not None) == 1
    assert len(main["at"]) == len(main["open"]) == len(main["restarts"]) == len(main["states"]["busy"]) <= 2


def test_nobody_watched_is_null(recorded: Recorded) -> None:
    recorded.see(0, a=State.BUSY)
    begin = recorded.now
    recorded.see(3600, a=State.BUSY)
    recorded.world.clock.advance(2)
    (main,) = recorded.ask("counts", cluster="main", points=1000, since=begin).json()["clusters"]
    assert main["states"]["busy"].count(None) > 300
    assert main["troubled"].count(None) == main["alerts"]["info"].count(None) == main["states"]["busy"].count(None)
    (strip,) = recorded.ask("agents", cluster="main", since=begin - 1).json()["clusters"]
    assert strip["watched"] == [[begin, begin + 15], [begin + 3600, begin + 3602]]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ({"since": -1}, "since: "),
        ({"since": "nan"}, "since: "),
        ({"until": "inf"}, "until: "),
        ({"since": 1e10}, "since: 10000000000 is in the future"),
        ({"until": 1e10}, "until: 10000000000 is in the future"),
        ({"since": 5, "until": 5}, "since: 5 must be before until, which is 5"),
        ({"since": 6.25, "until": 5}, "since: 6.25 must be before until, which is 5"),
        ({"since": "yesterday"}, "since: "),
    ],
)
@pytest.mark.parametrize("route", ["agents", "counts"])
def test_a_wrong_time_is_named(recorded: Recorded, route: str, query: dict[str, object], said: str) -> None:
    answer = recorded.ask(route, **query)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(said)


@pytest.mark.parametrize("points", [0, 1, 1001, "many"])
def test_points_are_bounded(recorded: Recorded, points: object) -> None:
    answer = recorded.ask("counts", points=points)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("points: ")


def test_a_cluster_that_is_not_watched(recorded: Recorded) -> None:
    assert recorded.ask("agents", cluster="none").status_code == 404


def test_a_store_that_fails_is_one_line(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise StoreError("the store /x can't be used: disk I/O error")

    monkeypatch.setattr(recorded.store, "transaction", fail)
    for route in ("agents", "counts"):
        answer = recorded.ask(route)
        assert (answer.status_code, answer.json()["detail"]) == (503, "the store /x can't be used: disk I/O error")
