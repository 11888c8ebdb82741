"""Alerts over time: fired once, escalated, resolved once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telemetry.alerts import CATALOGUE, AlertEvent, Change, Engine, Key, idle_ladder, with_ladders
from telemetry.health import Limits, evaluate, without_answer
from telemetry.model import AgentHealth, AgentSample, Alert, AlertLevel, ClusterSnapshot, State

NOW = 1_800_000_000.0
LIMITS = Limits()


class Cluster:
    """Drives the engine through checks."""

    def __init__(self, engine: Engine | None = None) -> None:
        self.engine = engine or Engine()
        self.open: dict[Key, Alert] = {}
        self.agents: tuple[AgentHealth, ...] = ()
        self.now = NOW

    def check(
        self, *samples: AgentSample, after: float = 5.0, session: bool = True, error: str = "", hangs: bool = False
    ) -> Sequence[AlertEvent]:
        self.now += after
        if error:
            self.agents = without_answer(self.agents, error, hangs, self.now)
        else:
            self.agents = evaluate(samples, self.agents, LIMITS, self.now)
        snapshot = ClusterSnapshot("demo", "test", self.agents, self.now, "main", session, error)
        outcome = self.engine.evaluate(self.open, snapshot)
        self.open = dict(outcome.open)
        return outcome.events


def told(events: Sequence[AlertEvent]) -> set[tuple[str, str, str, str]]:
    return {(e.change.value, e.alert.agent_name, e.alert.rule, e.alert.level.value) for e in events}


UP = AgentSample("a", running=True, reported=State.BUSY, proven=True)
OTHER = AgentSample("b", running=True, reported=State.BUSY, proven=True)
DOWN = AgentSample("a", running=False, reason="exited")


def test_a_death_is_told_once_and_so_is_its_end() -> None:
    cluster = Cluster()
    assert told(cluster.check(UP, OTHER)) == set()
    assert told(cluster.check(DOWN, OTHER)) == {
        ("fired", "a", "agent_stopped", "error"),
        ("fired", "demo", "stopped_agents", "warning"),
    }
    for _ in range(720):
        assert cluster.check(DOWN, OTHER) == ()
    assert told(cluster.check(UP, OTHER)) == {
        ("resolved", "a", "agent_stopped", "error"),
        ("resolved", "demo", "stopped_agents", "warning"),
    }
    assert cluster.open == {}


def test_what_is_over_is_told_as_info_with_its_duration() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    ended = next(e for e in cluster.check(UP, OTHER, after=65) if e.alert.rule == "agent_stopped")
    assert ended.alert.resolved
    assert ended.alert.resolved_at == cluster.now
    assert (ended.told().level, ended.told().message) == (AlertLevel.INFO, "over after 65 s: agent stopped: exited")


def test_idle_climbs_the_seeds_ladder_and_is_over_with_activity() -> None:
    idle = AgentSample("a", running=True, last_activity=NOW, reported=State.IDLE)
    cluster = Cluster()
    steps = [told(cluster.check(idle, OTHER, after=100)) for _ in range(10)]
    assert [(i + 1, *s.pop()) for i, s in enumerate(steps) if s] == [
        (3, "fired", "a", "agent_idle", "warning"),
        (6, "escalated", "a", "agent_idle", "error"),
        (9, "escalated", "a", "agent_idle", "critical"),
    ]
    assert told(cluster.check(UP, OTHER)) == {("resolved", "a", "agent_idle", "critical")}


def test_max_idle_time_sets_the_ladders_unit() -> None:
    cluster = Cluster(Engine(with_ladders(idle=idle_ladder(10.0))))
    idle = AgentSample("a", running=True, last_activity=NOW, reported=State.IDLE)
    assert told(cluster.check(idle, after=10)) == {("fired", "a", "agent_idle", "warning")}
    assert told(cluster.check(idle, after=10)) == {("escalated", "a", "agent_idle", "error")}


def test_an_agent_without_work_may_idle() -> None:
    idle = AgentSample("a", running=True, last_activity=NOW, reported=State.IDLE, has_work=False)
    assert Cluster().check(idle, after=5_000) == ()


def test_restarts_and_stopped_agents_by_the_seeds_table() -> None:
    by_id = {rule.id: dict(rule.levels) for rule in CATALOGUE}
    warning, error, critical = AlertLevel.WARNING, AlertLevel.ERROR, AlertLevel.CRITICAL
    assert by_id["agent_idle"] == {warning: 300, error: 600, critical: 900}
    assert by_id["agent_restarting"] == {warning: 3, error: 5, critical: 10}
    assert by_id["stopped_agents"] == {warning: 1, error: 2, critical: 3}
    cluster = Cluster()
    for count, expected in ((2, set()), (3, {"fired"}), (4, set()), (5, {"escalated"}), (10, {"escalated"})):
        sample = AgentSample("a", running=True, reported=State.BUSY, proven=True, restart_count=count)
        assert {e.change.value for e in cluster.check(sample)} == expected


def test_the_whole_cluster_down_is_critical() -> None:
    cluster = Cluster()
    assert ("fired", "demo", "cluster_down", "critical") in told(cluster.check(DOWN))
    gone = Cluster()
    assert ("fired", "demo", "cluster_down", "critical") in told(gone.check(UP, session=False))
    assert "session main is gone" in gone.open["", "cluster_down"].message


@pytest.mark.parametrize("hangs", [False, True])
def test_a_failing_source_is_told_once_and_holds_what_was_open(hangs: bool) -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    assert told(cluster.check(error="no tmux", hangs=hangs)) == {("fired", "demo", "source_failing", "error")}
    assert cluster.check(error="no tmux", hangs=hangs) == ()
    assert ("a", "agent_stopped") in cluster.open
    assert told(cluster.check(DOWN, OTHER)) == {("resolved", "demo", "source_failing", "error")}


def test_what_a_person_resolved_is_quiet_until_its_cause_was_over_once() -> None:
    idle = AgentSample("a", running=True, last_activity=NOW, reported=State.IDLE)
    cluster = Cluster()
    cluster.check(idle, OTHER, after=310)
    cluster.open["a", "agent_idle"].resolved = True
    assert cluster.check(idle, OTHER, after=400) == ()
    assert cluster.check(UP, OTHER) == ()
    assert told(cluster.check(idle, OTHER)) == {("fired", "a", "agent_idle", "error")}


def test_a_catalogue_of_one_rule_will_do() -> None:
    only = [rule for rule in CATALOGUE if rule.id == "agent_stopped"]
    assert told(Cluster(Engine(only)).check(DOWN)) == {("fired", "a", "agent_stopped", "error")}


def test_an_agent_that_left_the_configuration_takes_its_alerts_along() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    assert ("resolved", "a", "agent_stopped", "error") in told(cluster.check(OTHER))


SAMPLES = st.builds(
    AgentSample,
    st.sampled_from(["a", "b", "c"]),
    running=st.booleans(),
    restart_count=st.integers(0, 12),
    last_activity=st.floats(NOW - 2_000, NOW + 2_000),
    reported=st.sampled_from([None, State.BUSY, State.IDLE, State.WAITING]),
)


@given(
    st.lists(
        st.tuples(
            st.lists(SAMPLES, max_size=3, unique_by=lambda s: s.name), st.booleans(), st.sampled_from(["", "", "lost"])
        ),
        max_size=30,
    )
)
def test_whatever_is_seen_every_firing_ends_once_or_is_open(steps: list[tuple[list[AgentSample], bool, str]]) -> None:
    cluster, live = Cluster(), dict[Key, AlertLevel]()
    for samples, session, error in steps:
        for event in cluster.check(*samples, session=session, error=error, hangs=session, after=100):
            assert not error or event.change is not Change.RESOLVED
            agent = "" if event.alert.agent_name == "demo" else event.alert.agent_name
            key = (agent, event.alert.rule)
            if event.change is Change.FIRED:
                assert key not in live
                live[key] = event.alert.level
            elif event.change is Change.RESOLVED:
                del live[key]
            else:
                assert live[key] is not event.alert.level
                live[key] = event.alert.level
        assert live == {key: alert.level for key, alert in cluster.open.items()}
