"""A store that can't be used for a while: watching and paging go on from memory, it is told, and nothing is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from telemetry.model import NoticeKind
from telemetry.testing import FakeClock
from tests.notify.simulated import Simulation
from tests.notify.test_pager import agents, simulated


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
def test_a_store_that_is_damaged_is_kept_and_a_new_one_holds_what_is_known(tmp_path: Path, damage: str) -> None:
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
    assert "kept as" in sim.problems[0]
    assert sim.problems[-1] == ""
    assert {notice.agent for notice in sim.recorder.notices} >= {"a", "b"}
    kept = sim.store.load()
    assert {key.agent for key in kept.alerts["demo"]} >= {"a", "b"}
    assert len({notice.alert_id for notice in sim.recorder.notices}) == len(sim.recorder.notices), "each was told once"
