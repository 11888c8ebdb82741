"""A store that can't be used for a while: watching and paging go on from memory, it is told, and nothing is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from telemetry.model import Key, NoticeKind, Silence
from telemetry.store import AlertStore, Database, HistoryQuery, StoreError
from telemetry.testing import FakeClock
from tests.notify.simulated import Simulation
from tests.notify.test_pager import DAY, agents, simulated


def test_a_store_that_is_locked_for_a_while(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    seen = agents(lambda name, now: (name == "a" and now < 100) or (name == "b" and 60 <= now < 700))
    sim = Simulation(seen, path=tmp_path / "store")
    holder = sqlite3.connect(tmp_path / "store", isolation_level=None)

    async def story() -> None:
        await sim.run(30)
        holder.execute("BEGIN IMMEDIATE")
        await sim.run(170)  # b dies, a comes back
        assert "can't be used: database is locked" in sim.pager.store_problem
        assert sim.recorder.notices[-1].kind is NoticeKind.RESOLVED
        assert {notice.agent for notice in sim.recorder.notices} >= {"a", "b"}
        holder.execute("ROLLBACK")
        await sim.run(10)
        assert sim.pager.store_problem == ""

    simulated(sim, story)
    assert [bool(problem) for problem in sim.problems] == [True, False]
    assert sum("goes on from memory" in line or "go on from memory" in line for line in caplog.messages) == 1
    assert sum("can be used again" in line for line in caplog.messages) == 1
    again = Simulation(lambda now: seen(now + 210), path=tmp_path / "store", clock=FakeClock(sim.began + 210))

    async def after() -> None:
        await again.run(600)

    simulated(again, after)
    assert [(n.kind.value, n.agent) for n in again.recorder.notices if n.agent] == [("resolved", "b")]


@pytest.mark.parametrize("damage", ["while it runs", "before it starts"])
def test_a_store_that_is_damaged_is_kept_and_a_new_one_holds_what_is_known(
    tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store"
    sim = Simulation(agents(lambda name, now: name == "a" or (name == "b" and now >= 60)), path=path)
    bad = b"no database at all\n" * 1_000
    if damage == "before it starts":
        path.write_bytes(bad)

    async def story() -> None:
        await sim.run(30)
        if damage == "while it runs":
            sim.store._database.close()  # what is open and unlinked would be read on for ever
            for side in ("-wal", "-shm"):
                path.with_name(path.name + side).unlink(missing_ok=True)
            path.write_bytes(bad)
        await sim.run(60)
        assert sim.pager.store_problem == ""

    simulated(sim, story)
    assert (tmp_path / "store.damaged-1").read_bytes() == bad
    assert sim.problems == [], "the new one can be used at once"
    (told,) = [line for line in caplog.messages if "store" in line]
    assert f"the store {path} is damaged (file is not a database): kept as {path}.damaged-1, a new one is begun" in told
    lost = (
        "and the timeline that it held are lost, watching goes on"
        if damage == "before it starts"
        else "only the history and the timeline before are lost"
    )
    assert lost in told
    assert "from memory" not in told
    assert {notice.agent for notice in sim.recorder.notices} >= {"a", "b"}
    kept = sim.store.load()
    assert {key.agent for key in kept.alerts["demo"]} >= {"a", "b"}
    assert len({notice.alert_id for notice in sim.recorder.notices}) == len(sim.recorder.notices), "each was told once"


def test_what_people_said_and_what_ended_meanwhile_is_in_the_store_afterwards(tmp_path: Path) -> None:
    sim = Simulation(agents(lambda name, now: name == "a" or (name == "b" and now < 100)), path=tmp_path / "store")
    holder = sqlite3.connect(tmp_path / "store", isolation_level=None)

    async def story() -> None:
        await sim.run(30)
        await sim.pager.silence(Silence("old", "ann", "x", sim.began, sim.began + DAY))
        holder.execute("BEGIN IMMEDIATE")
        (alert,) = [held for held in sim.monitor.open_alerts if held.key == Key("a", "agent_stopped")]
        await sim.monitor.acknowledge(alert.id, "ann", "at it")
        await sim.pager.silence(Silence("new", "ann", "y", sim.began, sim.began + DAY, agent="c"))
        assert await sim.pager.unsilence("old")
        await sim.run(200)
        assert sim.pager.store_problem
        for _ in range(2):  # and once more: what was written is not written again
            holder.execute("ROLLBACK")
            await sim.run(10)
            assert sim.pager.store_problem == ""
            holder.execute("BEGIN IMMEDIATE")
            await sim.pager.silence(Silence("new", "ann", "y", sim.began, sim.began + DAY, agent="c"))
            assert sim.pager.store_problem
        holder.execute("ROLLBACK")
        await sim.run(10)

    simulated(sim, story)
    kept = AlertStore(Database(tmp_path / "store")).load()
    assert [silence.id for silence in kept.silences] == ["new"]
    known = kept.alerts["demo"][Key("a", "agent_stopped")].acknowledged
    assert (known and (known.by, known.note)) == ("ann", "at it")
    over = sim.store.history(HistoryQuery(rule="agent_stopped")).alerts
    assert [(alert.agent_name, alert.resolved) for alert in over] == [("b", True)], "once, whenever it was written"


def test_a_file_that_somebody_else_begins_anew_holds_what_is_known_again(tmp_path: Path) -> None:
    """The history is asked for, or agents are remembered, and that finds the damage: the pager didn't."""
    path = tmp_path / "store"
    seen = agents(lambda name, now: name == "a" or (name == "b" and now >= 100))
    sim = Simulation(seen, path=path)

    async def story() -> None:
        await sim.run(30)
        await sim.pager.silence(Silence("s1", "ann", "x", sim.began, sim.began + DAY, agent="e"))
        sim.store._database.close()
        path.write_bytes(b"no database at all\n" * 1_000)
        with pytest.raises(StoreError, match="a new one is begun"):
            sim.store.history(HistoryQuery())
        await sim.run(170)
        assert sim.pager.store_problem == ""

    simulated(sim, story)
    assert sim.problems == []
    again = Simulation(lambda now: seen(now + 200), path=path, clock=FakeClock(sim.began + 200))

    async def after() -> None:
        await again.run(60)

    simulated(again, after)
    assert again.recorder.notices == [], "all of it was told before"
    assert [silence.id for silence in again.pager.silences] == ["s1"]


def test_damage_that_a_reader_finds_is_told_and_loses_nothing_though_nothing_is_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "store"
    sim = Simulation(agents(lambda name, now: name == "a"), path=path)

    async def story() -> None:
        await sim.run(30)
        await sim.pager.silence(Silence("s1", "ann", "x", sim.began, sim.began + DAY, agent="e"))
        sim.store._database.close()
        path.write_bytes(b"no database at all\n" * 1_000)
        with pytest.raises(StoreError, match="a new one is begun"):
            sim.store.history(HistoryQuery())
        await sim.run(20)

    simulated(sim, story)
    kept = sim.store.load()
    assert {key.agent for key in kept.alerts["demo"]} >= {"a"}
    assert [silence.id for silence in kept.silences] == ["s1"]
    (told,) = [line for line in caplog.messages if "damaged" in line]
    assert f"kept as {path}.damaged-1" in told
    assert "only the history and the timeline before are lost" in told


def test_another_problem_is_told_and_the_same_one_only_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "store"
    path.mkdir()
    sim = Simulation(agents(lambda name, now: name == "a"), path=path)
    holder = None

    async def story() -> None:
        nonlocal holder
        await sim.run(60)
        path.rmdir()
        holder = sqlite3.connect(path, isolation_level=None)
        holder.execute("PRAGMA journal_mode = WAL")
        holder.execute("BEGIN IMMEDIATE")
        await sim.run(60)
        holder.execute("ROLLBACK")
        await sim.run(10)

    simulated(sim, story)
    assert ["unable to open" in problem or "directory" in problem for problem in sim.problems] == [True, False, False]
    assert "database is locked" in sim.problems[1]
    assert sim.problems[2] == ""
    assert sum("go on from memory" in line for line in caplog.messages) == 2
    assert [notice.agent for notice in sim.recorder.notices] == ["a"]
    assert {key.agent for key in sim.store.load().alerts["demo"]} >= {"a"}
