"""The flat map of everything that is shown."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from telemetry.alerts import Engine, EngineState
from telemetry.model import (
    NO_DETAIL,
    AlertLevel,
    ClusterSnapshot,
    Message,
    Notice,
    NoticeKind,
    Silence,
    State,
    TeamTasks,
)
from telemetry.web import views
from telemetry.web.backends import backend_view
from telemetry.web.items import Memory, Shown, changes, items, of_cluster
from tests.web.conftest import FakeMonitor, World, agent


@dataclass
class Queue:
    """A message that can't be delivered."""

    message: Message
    attempts: int = 3
    next_at: float = 0.0
    error: str = "no route"


@dataclass
class Channel:
    """A channel as the web sees one."""

    name: str
    on: bool = True
    waiting: int = 0
    sending: Queue | None = None
    failed: tuple[Queue, ...] = ()
    delivered_at: float | None = None


@dataclass
class Told:
    """People, as far as items go."""

    silences: tuple[Silence, ...] = ()
    channels: tuple[Channel, ...] = ()


LOKI = SimpleNamespace(
    name="loki",
    state="ok",
    reason="3 sent",
    sent={"logs": 3},
    failed={},
    refused=0,
    queue=0,
    queue_capacity=1000,
    ready=True,
)


def shown(world: World, **more: Any) -> Shown:
    return Shown(world.picture, lambda: world.monitors, **more)


def look(world: World, memory: Memory | None = None, **more: Any) -> dict[str, dict[str, Any]]:
    return items(shown(world, **more), memory or Memory(), world.clock.now())


def test_what_it_holds(world: World) -> None:
    now = world.clock.now()
    found = look(world, version="1.2")
    assert list(found) == ["cluster/main", "agent/main/a", "agent/main/b", "cluster/night", "monitor"]
    assert found["cluster/main"] == {
        "name": "main",
        "monitoring": True,
        "check_interval": 5.0,
        "taken_at": now,
        "source": "scripted",
        "source_error": "",
        "session_name": "session",
        "session_exists": True,
        "tasks": [],
    }
    assert found["cluster/night"]["taken_at"] is None
    assert found["agent/main/a"] == {
        "cluster": "main",
        "name": "a",
        "role": "",
        "state": "busy",
        "reason": "because",
        "running": True,
        "since": now - 60,
        "active_at": now - 4,
        "restart_count": 0,
        "last_activity": now - 4,
        "pane_index": None,
        "pid": None,
        "has_work": None,
        **NO_DETAIL._asdict(),
    }
    assert found["agent/main/b"]["active_at"] == now - 90, "never active: from when it was first seen"
    assert found["monitor"] == {
        "store_problem": "",
        "collector_problem": "",
        "damaged_queue_files": 0,
        "problems": ["cluster night: no check has finished yet"],
        "version": "1.2",
    }


def test_tasks_alerts_silences_channels_backends_and_the_monitor(world: World) -> None:
    now = world.clock.now()
    snapshot = ClusterSnapshot(
        "main", "scripted", (agent("b", State.STOPPED, now),), now, tasks=(TeamTasks("t", open=2),)
    )
    firing = Engine().evaluate(EngineState(), snapshot).state.firing()
    world.picture.publish(snapshot, ())
    world.monitors[0].open_alerts = firing
    world.picture.set_store_problem("disk full")
    silence = Silence("51", "mia", "deploy", now + 5, now + 60)
    notice = Notice(NoticeKind.FIRING, "x", "main", "b", "agent_stopped", AlertLevel.ERROR, "stopped", now, now)
    stuck = Queue(Message("m", "slack", "main", (notice,), now))
    told = Told((silence,), (Channel("slack", sending=stuck),))
    found = look(
        world,
        people=told,
        pipeline=SimpleNamespace(
            standing=SimpleNamespace(backends=[LOKI], collector=SimpleNamespace(problem="no answer", damaged=2))
        ),
    )
    assert found["cluster/main"]["tasks"][0] == {
        "team": "t", "open": 2, "in_progress": 0, "blocked": 0, "done": 0, "oldest_at": 0.0
    }  # fmt: skip
    assert {found[f"alert/{alert.id}"]["rule"] for alert in firing} >= {"agent_stopped"}
    assert found["silence/51"]["active"] is False
    world.clock.advance(6)
    assert look(world, people=told)["silence/51"]["active"] is True
    assert found["channel/slack"]["sending"]["error"] == "no route"
    assert found["backend/loki"] == backend_view(LOKI)
    assert found["monitor"]["store_problem"] == "disk full"
    assert found["monitor"]["collector_problem"] == "no answer"
    assert found["monitor"]["damaged_queue_files"] == 2
    json.dumps(found, allow_nan=False)


def test_what_says_nothing_new_is_the_object_of_last_time_and_not_made_again(world: World, monkeypatch: Any) -> None:
    memory, now = Memory(), world.clock.now()
    world.monitors[0].open_alerts = (
        Engine()
        .evaluate(EngineState(), world.picture.snapshot("main") or ClusterSnapshot("", "", (), 0.0))
        .state.firing()
    )
    first = look(world, memory)
    monkeypatch.setattr(views, "open_alert", None)
    monkeypatch.setattr(views, "agent", None)
    snapshot = world.picture.snapshot("main")
    assert snapshot is not None
    equal = replace(snapshot, agents=tuple(type(held)(*held) for held in snapshot.agents), taken_at=now + 5)
    world.picture.publish(equal, ())
    second = look(world, memory)
    for key in first:
        if key.startswith(("agent/", "alert/")):
            assert second[key] is first[key]
    assert changes(first, second) == ({"cluster/main": second["cluster/main"]}, [])


def test_time_alone_is_no_change(world: World) -> None:
    world.monitors.pop()
    memory = Memory()
    before = look(world, memory)
    world.clock.advance(3)
    assert changes(before, look(world, memory)) == ({}, [])
    world.clock.advance(3600)
    new, gone = changes(before, look(world, memory))
    assert (list(new), gone) == (["monitor"], []), "but that nobody checks any more is one"


def test_agents_that_come_go_and_change_their_places(world: World) -> None:
    memory, now = Memory(), world.clock.now()
    a, b, c = (agent(name, State.BUSY, now) for name in "abc")
    world.see("main", a, b, c)
    before = look(world, memory)
    world.see("main", c, a)
    after = look(world, memory)
    assert changes(before, after) == ({}, ["agent/main/b"])
    assert after["agent/main/c"]["name"] == "c"
    world.see("main", c._replace(state=State.IDLE), a, b)
    new, gone = changes(after, look(world, memory))
    assert (sorted(new), gone) == (["agent/main/b", "agent/main/c"], [])


def test_a_cluster_that_is_watched_no_longer_goes_with_its_agents(world: World) -> None:
    memory = Memory()
    before = look(world, memory)
    world.monitors = world.monitors[1:]
    world.picture.remove("main")
    assert changes(before, look(world, memory))[1] == ["cluster/main", "agent/main/a", "agent/main/b"]
    assert not memory.agents


def test_one_cluster(world: World) -> None:
    """By what it says, not by how its key begins: names may hold a slash."""
    now = world.clock.now()
    world.monitors.append(FakeMonitor("main/b"))
    world.see("main/b", agent("c", State.BUSY, now))
    assert list(of_cluster(look(world), "main")) == ["cluster/main", "agent/main/a", "agent/main/b", "monitor"]
    assert list(of_cluster(look(world), "main/b")) == ["cluster/main/b", "agent/main/b/c", "monitor"]


_MAPS = st.dictionaries(st.sampled_from("abcdef"), st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)))


@given(before=_MAPS, after=_MAPS)
def test_changes_make_the_later_of_the_earlier_and_are_no_more_than_that(before: Any, after: Any) -> None:
    new, gone = changes(before, after)
    assert {**{key: item for key, item in before.items() if key not in gone}, **new} == after
    assert all(before.get(key) != item for key, item in new.items())
    assert set(gone) <= set(before) - set(after)
