"""A clock that is set back, by a day here: what is to be told is told as if nothing had happened."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from telemetry.notify.base import DeliveryError
from telemetry.testing import FakeClock
from tests.notify.simulated import PacedRecorder, RefreshedRecorder, Simulation
from tests.notify.test_pager import DAY, agents, simulated, undelivered


def test_the_next_alert_is_told_at_once() -> None:
    dies = {"a": 60.0, "b": 700.0}
    sim = Simulation(agents(lambda name, now: now >= dies.get(name, DAY)), [PacedRecorder])

    async def story() -> None:
        await sim.run(600)
        told = len(sim.recorder.sent)
        assert told
        sim.set_back(DAY)
        await sim.run(120)
        assert [notice.agent for notice in sim.recorder.sent[told][1].notices if notice.agent] == ["b"]

    simulated(sim, story)


def test_what_waits_to_be_tried_again_is_tried() -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now >= 60))
    sim.recorder.fails = lambda _: DeliveryError("down")

    async def story() -> None:
        await sim.run(600)
        sim.set_back(DAY)
        sim.recorder.fails = lambda _: None
        await sim.run(10)
        assert [notice.agent for notice in sim.recorder.notices] == ["a"]

    simulated(sim, story)


def test_what_an_earlier_run_left_is_tried_within_the_hour(tmp_path: Path) -> None:
    seen = agents(lambda name, now: name == "a")
    first = undelivered(seen, tmp_path / "store", 600)
    second = Simulation(seen, path=tmp_path / "store", clock=FakeClock(first.began - DAY))

    async def after() -> None:
        await second.run(3_700)
        assert [notice.agent for notice in second.recorder.notices][:1] == ["a"]

    simulated(second, after)


def test_what_a_receiver_forgets_is_said_again() -> None:
    sim = Simulation(agents(lambda name, now: name == "a"), [RefreshedRecorder])

    async def story() -> None:
        await sim.run(600)
        told = len(sim.recorder.sent)
        sim.set_back(DAY)
        await sim.run(600)
        assert len(sim.recorder.sent) >= told + 6

    simulated(sim, story)


def test_a_store_that_can_be_used_again_is_used(tmp_path: Path) -> None:
    sim = Simulation(agents(lambda name, now: name == "a" and now >= 60), path=tmp_path / "store")
    holder = sqlite3.connect(tmp_path / "store", isolation_level=None)

    async def story() -> None:
        await sim.run(30)
        holder.execute("BEGIN IMMEDIATE")
        await sim.run(60)
        assert sim.pager.store_problem
        holder.execute("ROLLBACK")
        sim.set_back(DAY)
        await sim.run(10)
        assert sim.pager.store_problem == ""

    simulated(sim, story)
    holder.close()
