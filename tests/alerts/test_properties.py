"""Over any sequence of observations: what must hold for every alert."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.alerts import CATALOGUE, Controls, Damping, Engine, EngineState, Override, RuleChange, RuleSet
from telemetry.alerts.findings import of_agent, of_cluster
from telemetry.model import (
    AgentSample,
    AlertLevel,
    Change,
    ClusterSnapshot,
    Key,
    Phase,
    Reason,
    Silence,
    State,
    Suppression,
)
from tests.alerts.driving import NOW, Cluster

SAMPLES = st.builds(
    AgentSample,
    st.sampled_from(["a", "b", "c"]),
    running=st.booleans(),
    restart_count=st.integers(0, 12),
    last_activity=st.floats(NOW - 2_000, NOW + 2_000),
    reported=st.sampled_from([None, State.BUSY, State.IDLE, State.WAITING, State.UNKNOWN]),
    has_work=st.sampled_from([None, True, False]),
)
CHECKS = st.tuples(
    st.lists(SAMPLES, max_size=3, unique_by=lambda s: s.name),
    st.booleans(),
    st.sampled_from(["", "", "", "lost"]),
    st.sampled_from([1.0, 5.0, 7.0, 100.0, 1_000.0]),
    st.sampled_from(["", "", "", "restarted", "acknowledged", "silenced"]),
)
RULES = RuleSet(
    overrides=[
        Override({"agent_waiting": RuleChange(enabled=True), "agent_idle": RuleChange(hold_for=30.0)}),
        Override({"agent_stopped": RuleChange(keep_firing_for=0.0, hold_for=3.0)}, agent="b"),
    ],
    cluster="demo",
)
SILENCED = Controls((Silence("s", "x", "y", NOW, NOW + 500, agent="a"),))


@pytest.mark.slow  # seconds of dice
@settings(max_examples=100, deadline=None)
@given(st.lists(CHECKS, max_size=30), st.sampled_from([1, 3]))
def test_every_firing_ends_once_or_is_open_at_a_level_of_the_catalogue(
    checks: list[tuple[list[AgentSample], bool, str, float, str]], after: int
) -> None:
    cluster, live = Cluster(Engine(RULES, Damping(after=after))), dict[Key, AlertLevel]()
    for samples, session, error, seconds, person in checks:
        if person == "restarted":
            cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
        if person == "silenced":
            cluster.controls = SILENCED if cluster.controls is not SILENCED else Controls()
        if person == "acknowledged" and cluster.firing:
            cluster.state = Engine.acknowledge(cluster.state, min(cluster.firing), "x", "", cluster.now).state
        before = cluster.state.alerts
        for event in cluster.check(*samples, session=session, error=error, hangs=session, after=seconds):
            key = event.alert.key
            assert not error or event.change is not Change.RESOLVED
            if event.change is Change.FIRED:
                assert key not in live, "an identity is never open twice"
                live[key] = event.alert.level
            elif event.change is Change.RESOLVED:
                del live[key]
            elif event.change in (Change.ESCALATED, Change.DEESCALATED):
                risen = event.alert.level.rank > live[key].rank
                assert risen is (event.change is Change.ESCALATED)
                assert event.before is live[key]
                live[key] = event.alert.level
            else:
                assert event.change in (Change.PENDING, Change.DROPPED)
        assert live == {key: alert.level for key, alert in cluster.firing.items()}
        _told_what_changed(cluster, before)
        _levels_are_the_catalogues(cluster, blind=bool(error))


def _told_what_changed(cluster: Cluster, before: object) -> None:
    assert isinstance(before, dict)
    assert cluster.last is not None
    after = cluster.state.alerts
    assert {a.key for a in cluster.last.changed} == {key for key, a in after.items() if before.get(key) != a}
    assert set(cluster.last.gone) == before.keys() - after.keys()


def _levels_are_the_catalogues(cluster: Cluster, *, blind: bool) -> None:
    """What is found now is open at that level, unless it is held higher for a while; nothing else is open."""
    if blind:
        return
    snapshot = cluster.state.seen
    assert isinstance(snapshot, ClusterSnapshot)
    found = {
        Key(agent.name, rule): finding.level
        for agent in snapshot.agents
        if agent.state is not State.UNKNOWN
        for rule, finding in of_agent(
            agent,
            RULES.of_agent(agent.name, ""),
            cluster.state.memory.restarts.get(agent.name, ()),
            snapshot.taken_at,
        )[0].items()
    }
    is_silenced = cluster.controls is SILENCED and snapshot.taken_at < NOW + 500
    quiet = {"a": Suppression(Reason.SILENCED, "")} if is_silenced else {}
    of_all = of_cluster(snapshot, RULES.of_cluster(), quiet)
    found |= {Key("", rule): finding.level for rule, finding in of_all.items()}
    unknown = {agent.name for agent in snapshot.agents if agent.state is State.UNKNOWN}
    for key, alert in cluster.state.alerts.items():
        rule = next(rule for rule in CATALOGUE if rule.id == key.rule)
        assert alert.level in rule.levels
        if key.agent in unknown:
            continue
        if alert.lower_since is None or alert.phase is not Phase.FIRING:
            assert found[key] is alert.level
        else:
            assert found.get(key, AlertLevel.INFO).rank < alert.level.rank
    assert not {key for key in found if key not in cluster.state.alerts}
