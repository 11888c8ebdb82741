"""A monitor that is started again with the same store: what goes on, in what it sees and in its alerts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from telemetry import ClusterMonitor
from telemetry.alerts import Override, RuleChange, RuleSet
from telemetry.model import AgentHealth, AgentSample, AlertLevel, ClusterSnapshot, Detail, OpenAlert, State
from telemetry.paging import Paging
from telemetry.recording import Bounds, Recorder
from telemetry.settings import Settings
from telemetry.store import Store
from telemetry.store.timeline import TimelineStore
from telemetry.testing import CapturedSignals, FakeClock, ScriptedSource

RULES = RuleSet(overrides=[Override({"agent_waiting": RuleChange(enabled=True)})])
BOUNDS = Bounds.of(check_interval=5, retention_days=7, max_mib=64)

RESTS = AgentSample("a", running=True, reported=State.IDLE, proven=True)
WAITS = RESTS._replace(reported=State.WAITING)
LIVES = AgentSample("b", running=True, reported=State.BUSY, proven=True)
DEAD = AgentSample(
    "a",
    running=False,
    reason="pane %5 is gone: it was killed by signal 9 (SIGKILL)",
    detail=Detail("%5", exit_status=-9),
)
GONE = DEAD._replace(reason="pane %5 is gone", detail=Detail("%5"))


@dataclass
class Machine:
    """What outlives a monitor: a store on disk, and the time."""

    path: Path
    clock: FakeClock = field(default_factory=FakeClock)

    @contextmanager
    def run(self) -> Iterator[Run]:
        """One run of the monitor."""
        with closing(Store(self.path, owner=True)) as store:
            yield Run(self.clock, store)


class Run:
    """A monitor from its start to its end, as a daemon puts it together; it is checked by hand."""

    def __init__(self, clock: FakeClock, store: Store) -> None:
        self.clock = clock
        self.signals = CapturedSignals(clock).signals
        self.paging = Paging(Settings(), store, clock, self.signals, list, outside=False)
        self.recorder = Recorder(self.signals.picture, store, clock, bounds=lambda: BOUNDS)
        self.alerts: dict[str, OpenAlert] = {}

    def see(self, *steps: tuple[float, Sequence[AgentSample] | Exception]) -> dict[str, AgentHealth]:
        """Checks so many seconds after the last; what is known of each agent at the end."""
        return asyncio.run(self._see(steps))

    async def _see(self, steps: Sequence[tuple[float, Sequence[AgentSample] | Exception]]) -> dict[str, AgentHealth]:
        await self.paging.begin()
        await self.recorder.begin()
        source = ScriptedSource.of(*(step for _, step in steps))
        monitor = ClusterMonitor.for_source(
            source,
            rules=RULES,
            desk=self.paging,
            signals=self.signals,
            clock=self.clock,
            recall=self.recorder.last_seen,
        )
        for seconds, step in steps:
            self.clock.advance(seconds)
            if isinstance(step, Exception):
                with pytest.raises(RuntimeError):
                    await monitor.check_now()
            else:
                await monitor.check_now()
        self.alerts = {alert.rule: alert for alert in monitor.open_alerts}
        snapshot = monitor.snapshot
        assert snapshot is not None
        await monitor.close()
        await self.recorder.stop(5)
        await self.paging.stop(1)
        return {agent.name: agent for agent in snapshot.agents}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path / "store.sqlite3")


def test_states_that_go_on_began_when_they_began_and_others_now(machine: Machine) -> None:
    with machine.run() as first:
        before = first.see((0, [LIVES, WAITS]), (60, [LIVES, DEAD]), (120, [LIVES, DEAD]))
    with machine.run() as second:
        after = second.see((10, [LIVES, DEAD]), (5, [LIVES, DEAD]))
    assert {name: agent.since for name, agent in after.items()} == {name: agent.since for name, agent in before.items()}
    assert before["a"].since == before["b"].since + 60
    with machine.run() as third:
        changed = third.see((10, [LIVES, WAITS]))
    assert (changed["a"].since, changed["b"].since) == (machine.clock.now(), before["b"].since)


def test_a_source_that_gives_no_answer_at_first_costs_nothing_of_it(machine: Machine) -> None:
    with machine.run() as first:
        before = first.see((0, [LIVES, DEAD]), (60, [LIVES, DEAD]))
    for _ in range(2):  # that nobody was seen at first is not remembered as their going
        with machine.run() as again:
            after = again.see((10, OSError("no server yet")), (5, [LIVES, GONE]))
        assert {n: (a.since, a.reason) for n, a in after.items()} == {n: (a.since, a.reason) for n, a in before.items()}


def test_how_an_agent_died_is_known_as_long_as_it_is_the_same_death(machine: Machine) -> None:
    with machine.run() as first:
        first.see((0, [LIVES, WAITS]), (60, [LIVES, DEAD]))
        fired = first.alerts["agent_stopped"]
    with machine.run() as second:
        after = second.see((10, [LIVES, GONE]), (5, [LIVES, GONE]))
        assert after["a"].reason == DEAD.reason
        assert after["a"].sample.detail.exit_status == -9
        assert second.alerts["agent_stopped"] == fired
    with machine.run() as third:
        after = third.see((10, [LIVES, GONE._replace(restart_count=1)]))
        assert after["a"].reason == "pane %5 is gone", "another process, of whose end nothing is known"


def test_an_alert_about_waiting_goes_on_through_a_restart(machine: Machine) -> None:
    with machine.run() as first:
        first.see((0, [LIVES, WAITS]), (100, [LIVES, WAITS]))
        fired = first.alerts["agent_waiting"]
        assert fired.level is AlertLevel.WARNING
    with machine.run() as second:
        second.see((10, [LIVES, WAITS]))
        assert second.alerts["agent_waiting"] == fired, "neither over nor fired anew"
    with machine.run() as third:
        third.see((10, [LIVES, WAITS]), (500, [LIVES, WAITS]))
        assert (third.alerts["agent_waiting"].id, third.alerts["agent_waiting"].level) == (fired.id, AlertLevel.ERROR)


def test_a_time_without_a_monitor_makes_no_alert_about_rest(machine: Machine) -> None:
    with machine.run() as first:
        first.see((0, [LIVES, RESTS]), (400, [LIVES, RESTS]))
        fired = first.alerts["agent_idle"]
        assert fired.level is AlertLevel.WARNING
    with machine.run() as second:
        second.see((3600, [LIVES, RESTS]))
        assert second.alerts["agent_idle"] == fired, "an hour that nobody watched is not counted"
    with machine.run() as third:
        third.see((10, [LIVES, RESTS]), (250, [LIVES, RESTS]))
        assert third.alerts["agent_idle"].level is AlertLevel.ERROR


def test_a_time_without_a_monitor_makes_no_alert_about_waiting(machine: Machine) -> None:
    with machine.run() as first:
        before = first.see((0, [LIVES, WAITS]), (100, [LIVES, WAITS]))
        fired = first.alerts["agent_waiting"]
        assert fired.level is AlertLevel.WARNING
    with machine.run() as second:
        after = second.see((3600, [LIVES, WAITS]))
        assert after["a"].since == before["a"].since, "it may have waited for all that time"
        assert second.alerts["agent_waiting"] == fired, "but nobody has seen that it did"
    with machine.run() as third:
        third.see((10, [LIVES, WAITS]), (450, [LIVES, WAITS]), (50, [LIVES, WAITS]))
        assert third.alerts["agent_waiting"].level is AlertLevel.ERROR


def test_a_new_state_counts_for_alerts_from_its_own_beginning(machine: Machine) -> None:
    with machine.run() as first:
        first.see((0, [LIVES, RESTS]), (400, [LIVES, RESTS]))
    with machine.run() as second:
        second.see((10, [LIVES, WAITS]), (50, [LIVES, WAITS]))
        assert "agent_waiting" not in second.alerts


def test_a_death_is_written_at_once_and_not_with_the_next_write(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("telemetry.recording.WRITE_EVERY", 3600.0)
    dead = AgentHealth(DEAD, State.STOPPED, DEAD.reason, 1.0, 1.0, 1.0)

    async def scene(run: Run, store: Store) -> None:
        await run.recorder.begin()
        kept = TimelineStore(store)
        run.signals.picture.publish(ClusterSnapshot("demo", "scripted", (dead,), machine.clock.now()), ())
        while not (seen := await asyncio.to_thread(kept.last_seen)):  # noqa: ASYNC110 - what is waited for is a file
            await asyncio.sleep(0.001)
        assert seen["demo"]["a"].exit_status == -9
        await run.recorder.stop(5)

    with closing(Store(machine.path, owner=True)) as store:
        asyncio.run(asyncio.wait_for(scene(Run(machine.clock, store), store), 30))
