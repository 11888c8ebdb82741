"""GET /api/v1/alerts over what fires and what a real store keeps: the meaning of old, filters, pages that join."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from telemetry.model import Alert, AlertLevel, AlertPage
from telemetry.store import AlertStore, Database, HistoryQuery, StoreError
from telemetry.store.values import Changes
from telemetry.web.alert_list import cut, matching
from tests.web.conftest import World

NOW = 1_800_000_000.0


def over(at: float, agent: str = "a", lasting: float = 5.0, **more: Any) -> Alert:
    told: dict[str, Any] = {"cluster": "main", "rule": "agent_stopped", "id": f"{agent}{at}", **more}
    return Alert(AlertLevel.ERROR, agent, f"{agent} stopped", at, resolved=True, resolved_at=at + lasting, **told)


def fires(at: float, agent: str = "z") -> Alert:
    return Alert(AlertLevel.CRITICAL, agent, "is wrong", at, cluster="main", rule="agent_idle", id=f"{agent}{at}")


@dataclass
class Kept:
    """The desk, with a real store."""

    store: AlertStore
    broken: bool = False
    channels: tuple[()] = ()
    silences: tuple[()] = ()

    async def history(self, query: HistoryQuery) -> AlertPage:
        if self.broken:
            raise StoreError("the store can't be used: disk full")
        return self.store.history(query)


@pytest.fixture
def kept(tmp_path: Path, world: World) -> Kept:
    """Ten alerts that are over, each other one of agent b; three that fire, two of them older than some of those."""
    store = AlertStore(Database(tmp_path / "store.db"))
    history = [over(NOW + at * 10, "ab"[at % 2], lasting=100.0 - at * 10) for at in range(10)]
    store.save(Changes(history=history))
    world.monitors[0].alerts = [fires(NOW + 95), fires(NOW + 45), fires(NOW - 5)]
    return Kept(store)


def ask(world: World, query: str, people: Any = None) -> dict[str, Any]:
    answer = world.ask(f"/api/v1/alerts?{query}", people=people)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def times(told: dict[str, Any]) -> list[float]:
    return [held["timestamp"] - NOW for held in told["alerts"]]


EVERY = [95, 90, 80, 70, 60, 50, 45, 40, 30, 20, 10, 0, -5]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_pages_join_to_the_whole_whatever_fires_between(world: World, kept: Kept, limit: int) -> None:
    read: list[float] = []
    for offset in range(0, 20, limit):
        told = ask(world, f"limit={limit}&offset={offset}", kept)
        assert (told["total"], told["limit"], told["offset"], told["over_from"]) == (13, limit, offset, "store")
        assert len(told["alerts"]) <= limit
        read += times(told)
    assert read == EVERY


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("resolved=false", [95, 45, -5]),
        ("resolved=true", [90, 80, 70, 60, 50, 40, 30, 20, 10, 0]),
        ("agent=b", [90, 70, 50, 30, 10]),
        ("agent=z", [95, 45, -5]),
        ("level=critical", [95, 45, -5]),
        ("rule=agent_stopped&agent=a", [80, 60, 40, 20, 0]),
        (f"since={NOW + 45:f}&until={NOW + 70:f}", [60, 50, 45]),
        ("text=IS+WRONG", [95, 45, -5]),
        ("text=b+stopped&limit=2&offset=1", [70, 50]),
        ("text=%25", []),
        ("cluster=night", []),
        ("offset=12", [-5]),
        ("offset=13", []),
        ("offset=1000000000", []),
    ],
)
def test_filters_hold_for_both_alike(world: World, kept: Kept, query: str, expected: list[float]) -> None:
    assert times(ask(world, query, kept)) == expected


def test_total_counts_what_matches_and_not_the_page(world: World, kept: Kept) -> None:
    assert ask(world, "agent=b&limit=2", kept)["total"] == 5
    assert ask(world, "resolved=false&limit=1", kept)["total"] == 3
    assert ask(world, "offset=13", kept)["total"] == 13


def test_without_a_store_and_where_it_fails_memory_answers_and_says_so(world: World, kept: Kept) -> None:
    world.monitors[0].alerts.append(over(NOW + 1, "m"))
    assert (times(ask(world, "")), ask(world, "")["over_from"]) == ([95, 45, 1, -5], "memory")
    kept.broken = True
    told = ask(world, "agent=m", kept)
    assert (times(told), told["over_from"]) == ([1], "memory")
    kept.broken = False
    world.picture.set_store_problem("disk full")
    assert ask(world, "agent=m", kept)["over_from"] == "memory"
    world.picture.set_store_problem("")
    assert ask(world, "agent=m", kept)["total"] == 0, "the store, which has it only once it was written"


def test_memory_and_store_find_the_same(kept: Kept) -> None:
    """The filters stand in two places: SQL, and Python for what fires."""
    everything = list(kept.store.history(HistoryQuery(limit=1000, by_firing=True)).alerts)
    base = HistoryQuery(limit=4, offset=1, changes=True, by_firing=True)
    for query in (
        base,
        replace(base, agent="b"),
        replace(base, level=AlertLevel.WARNING),
        replace(base, text="A STOP"),
        replace(base, since=NOW + 20, until=NOW + 60),
        replace(base, rule="agent_stopped", cluster="main"),
    ):
        assert cut(matching(everything, query), query) == kept.store.history(query)


def test_a_cluster_that_is_not_watched_is_named_with_those_that_are(world: World, kept: Kept) -> None:
    answer = world.ask("/api/v1/alerts?cluster=mian", people=kept)
    assert answer.status_code == 404
    assert answer.json()["detail"] == "no cluster is named 'mian'; watched are: main, night"


def test_the_history_goes_by_when_it_was_over_and_the_list_by_when_it_fired(kept: Kept) -> None:
    async def both() -> tuple[AlertPage, AlertPage]:
        return await kept.history(HistoryQuery(limit=2)), await kept.history(HistoryQuery(limit=2, by_firing=True))

    ended, fired = asyncio.run(both())
    assert [held.timestamp - NOW for held in fired.alerts] == [90, 80]
    assert ended.total == fired.total == 10
