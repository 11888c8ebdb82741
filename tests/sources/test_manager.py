"""The seed's source: whatever has get_status()."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest

from telemetry.model import Reading, State
from telemetry.sources.base import SourceError
from telemetry.sources.manager import ManagerSource

AGENT = {"name": "grand_boss", "role": "boss", "running": True, "restart_count": 1, "last_activity": 5.0}
STATUS = {"cluster_name": "orchestrator-cc", "session_name": "cc", "session_exists": True, "agents": [AGENT]}


class Manager:
    def __init__(self, status: Any) -> None:
        self.status = status

    def get_status(self) -> Any:
        if isinstance(self.status, Exception):
            raise self.status
        return self.status


def read(status: Any) -> Reading:
    return asyncio.run(ManagerSource(Manager(status)).read(0.0))


def test_a_status_becomes_samples() -> None:
    source = ManagerSource(Manager(STATUS))
    reading = asyncio.run(source.read(0.0))
    (sample,) = reading.agents
    assert (source.cluster, reading.session_name, reading.session_exists) == ("orchestrator-cc", "cc", True)
    assert (sample.name, sample.role, sample.running) == ("grand_boss", "boss", True)
    assert (sample.restart_count, sample.last_activity, sample.reported) == (1, 5.0, None)


def test_an_async_manager_and_one_that_returns_an_awaitable() -> None:
    class Async:
        async def get_status(self) -> Any:
            return STATUS

    class Lazy:
        def get_status(self) -> Any:
            return Async().get_status()

    for manager in (Async(), Lazy()):
        assert asyncio.run(ManagerSource(manager).read(0.0)).agents[0].name == "grand_boss"


def test_an_agent_about_which_nothing_changed_is_the_same_object() -> None:
    manager = Manager(STATUS)
    source = ManagerSource(manager)
    first = asyncio.run(source.read(0.0)).agents[0]
    manager.status = {**STATUS, "agents": [dict(AGENT)]}
    assert asyncio.run(source.read(5.0)).agents[0] is first
    manager.status = {**STATUS, "agents": [{**AGENT, "last_activity": 6.0}]}
    assert asyncio.run(source.read(10.0)).agents[0] is not first


def test_only_name_and_running_are_needed_and_a_state_may_be_reported() -> None:
    reading = read(
        {"agents": [{"name": "a", "running": 1, "state": "waiting"}, {"name": "b", "running": 0, "state": "?"}]}
    )
    assert [(a.running, a.reported) for a in reading.agents] == [(True, State.WAITING), (False, None)]


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (None, "NoneType, not a dict"),
        ({}, "['agents'] is NoneType"),
        ({"agents": "abc"}, "['agents'] is str"),
        ({"agents": [{"running": True}]}, "[0] is unusable: KeyError: 'name'"),
        ({"agents": [{"name": "a", "running": True}, 7]}, "[1] is unusable"),
        ({"agents": [{"name": "a", "running": True, "last_activity": "yesterday"}]}, "yesterday"),
        ({"agents": [{"name": "a", "running": True}] * 2}, "two agents are named 'a'"),
        (RuntimeError("tmux broke\nbadly"), "get_status() raised RuntimeError: tmux broke"),
    ],
)
def test_an_unusable_answer_says_what_is_wrong_in_one_line(status: Any, says: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(status)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -5.0, None, 0])
def test_an_impossible_activity_time_means_never(value: Any) -> None:
    assert read({"agents": [{**AGENT, "last_activity": value}]}).agents[0].last_activity == 0.0


@pytest.mark.parametrize(("value", "count"), [(-1, 0), (2**70, 2**53), (float("nan"), 0), (None, 0), ("2", 2)])
def test_a_count_that_metrics_could_not_carry_is_bounded(value: Any, count: int) -> None:
    assert read({"agents": [{**AGENT, "restart_count": value}]}).agents[0].restart_count == count


@pytest.mark.parametrize("name", ["a\ud800b", "a\x00b", "\x1b[31mred", "x" * 1_000_000, "\u202eevil", b"bytes", 2**70])
def test_a_hostile_name_is_made_safe_where_it_enters(name: Any) -> None:
    cleaned = read({"agents": [{"name": name, "running": True}]}).agents[0].name
    assert cleaned.encode()
    assert cleaned.isprintable()
    assert len(cleaned) <= 200


def test_a_call_that_hangs_stalls_nobody_and_is_not_started_twice() -> None:
    release, calls = threading.Event(), []

    class Hanging:
        def get_status(self) -> Any:
            calls.append(1)
            release.wait(10)
            return STATUS

    async def scenario() -> None:
        source = ManagerSource(Hanging())
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await source.read(0.0)
        release.set()
        assert (await source.read(0.0)).agents[0].name == "grand_boss"

    asyncio.run(scenario())
    assert len(calls) == 1
