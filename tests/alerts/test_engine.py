"""Alerts over time: pending, fired once, escalated, held, resolved once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from telemetry.alerts import (
    CATALOGUE,
    Damping,
    Engine,
    EngineState,
    Override,
    RuleChange,
    RuleSet,
    idle_ladder,
    ladder,
    with_ladders,
)
from telemetry.model import AgentSample, AlertLevel, Change, Key, Phase, Reason, State
from tests.alerts.driving import DOWN, NOW, OTHER, UP, Cluster, told

WARNING, ERROR, CRITICAL = AlertLevel.WARNING, AlertLevel.ERROR, AlertLevel.CRITICAL
IDLE = AgentSample("a", running=True, last_activity=NOW, reported=State.IDLE)


def cluster_with(**changes: RuleChange) -> Cluster:
    return Cluster(Engine(RuleSet(overrides=[Override(changes)], cluster="demo")))


def test_a_death_is_told_once_and_so_is_its_end() -> None:
    cluster = Cluster()
    assert told(cluster.check(UP, OTHER)) == set()
    assert told(cluster.check(DOWN, OTHER)) == {
        ("fired", "a", "agent_stopped", "error"),
        ("fired", "demo", "stopped_agents", "warning"),
    }
    for _ in range(720):
        assert cluster.check(DOWN, OTHER) == ()
    assert cluster.check(UP, OTHER) == ()
    assert cluster.check(UP, OTHER, after=14) == ()
    assert told(cluster.check(UP, OTHER, after=1)) == {
        ("resolved", "a", "agent_stopped", "error"),
        ("resolved", "demo", "stopped_agents", "warning"),
    }
    assert cluster.state.alerts == {}


def test_what_comes_back_at_once_was_never_over() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    for _ in range(50):
        assert not [e for e in cluster.check(UP, OTHER, after=7) if e.alert.rule == "agent_stopped"]
        assert not [e for e in cluster.check(DOWN, OTHER, after=7) if e.alert.rule == "agent_stopped"]
    cluster.check(UP, OTHER)
    ended = next(e for e in cluster.check(UP, OTHER, after=15) if e.alert.rule == "agent_stopped")
    assert (ended.change, ended.reason) == (Change.RESOLVED, Reason.OVER)
    assert ended.text == "over after 720 s: agent stopped: exited"


def test_an_alert_that_comes_and_goes_is_kept_open_until_it_is_quiet() -> None:
    cluster = Cluster(Engine(damping=Damping(after=3, window=600, hold=300)))
    changes = []
    for _ in range(10):
        changes += [e.change for e in cluster.check(DOWN, OTHER, after=30) if e.alert.rule == "agent_stopped"]
        cluster.check(UP, OTHER, after=5)
        changes += [e.change for e in cluster.check(UP, OTHER, after=20) if e.alert.rule == "agent_stopped"]
    assert changes == [Change.FIRED, Change.RESOLVED, Change.FIRED, Change.RESOLVED, Change.FIRED]
    assert cluster.firing[Key("a", "agent_stopped")].flapping
    assert cluster.check(UP, OTHER, after=270) == ()
    assert ("resolved", "a", "agent_stopped", "error") in told(cluster.check(UP, OTHER, after=30))


def test_idle_climbs_the_seeds_ladder_and_is_over_with_activity() -> None:
    cluster = Cluster()
    steps = [told(cluster.check(IDLE, OTHER, after=100)) for _ in range(10)]
    assert [(i + 1, *s.pop()) for i, s in enumerate(steps) if s] == [
        (3, "fired", "a", "agent_idle", "warning"),
        (6, "escalated", "a", "agent_idle", "error"),
        (9, "escalated", "a", "agent_idle", "critical"),
    ]
    assert cluster.firing[Key("a", "agent_idle")].message == "agent idle for more than 900 s"
    assert told(cluster.check(UP, OTHER)) == {("resolved", "a", "agent_idle", "critical")}


def test_max_idle_time_sets_the_ladders_unit() -> None:
    cluster = Cluster(Engine(with_ladders(idle=idle_ladder(10.0))))
    assert told(cluster.check(IDLE, after=10)) == {("fired", "a", "agent_idle", "warning")}
    assert told(cluster.check(IDLE, after=10)) == {("escalated", "a", "agent_idle", "error")}


def test_an_agent_without_work_may_idle() -> None:
    assert Cluster().check(IDLE._replace(has_work=False), after=5_000) == ()


def test_waiting_for_a_person_is_told_where_that_is_on() -> None:
    waiting = AgentSample("a", running=True, reported=State.WAITING)
    off = Cluster()
    assert [off.check(waiting, OTHER, after=100) for _ in range(30)] == [()] * 30
    on = cluster_with(agent_waiting=RuleChange(enabled=True))
    steps = [told(on.check(waiting, OTHER, after=100)) for _ in range(20)]
    assert [(i, *s.pop()) for i, s in enumerate(steps) if s] == [
        (1, "fired", "a", "agent_waiting", "warning"),
        (6, "escalated", "a", "agent_waiting", "error"),
        (18, "escalated", "a", "agent_waiting", "critical"),
    ]
    assert told(on.check(UP, OTHER)) == {("resolved", "a", "agent_waiting", "critical")}


def test_restarts_and_stopped_agents_by_the_seeds_table() -> None:
    by_id = {rule.id: dict(rule.levels) for rule in CATALOGUE}
    assert by_id["agent_idle"] == {WARNING: 300, ERROR: 600, CRITICAL: 900}
    assert by_id["agent_restarting"] == {WARNING: 3, ERROR: 5, CRITICAL: 10}
    assert by_id["stopped_agents"] == {WARNING: 1, ERROR: 2, CRITICAL: 3}
    cluster = Cluster()
    for count, expected in ((2, set()), (3, {"fired"}), (4, set()), (5, {"escalated"}), (10, {"escalated"})):
        events = cluster.check(UP._replace(restart_count=count), after=1_000)
        assert {e.change.value for e in events if e.alert.rule == "agent_restarting"} == expected


def test_restarts_within_ten_minutes_are_a_rate_and_slow_ones_are_not() -> None:
    slow = Cluster()
    for count in range(12):
        slow.check(UP._replace(restart_count=count), after=300)
        assert Key("a", "agent_restart_rate") not in slow.state.alerts
    quick = Cluster()
    events = [e for n in range(12) for e in quick.check(UP._replace(restart_count=n), after=20)]
    assert [e.alert.level for e in events if e.alert.rule == "agent_restart_rate"] == [WARNING, ERROR, CRITICAL]
    assert quick.why("a", "agent_restart_rate") == "REPEATS"
    later = [e for _ in range(70) for e in quick.check(UP._replace(restart_count=11), after=10)]
    assert [e.change.value for e in later if e.alert.rule == "agent_restart_rate"][-1] == "resolved"
    assert Key("a", "agent_restarting") in quick.firing  # how often is a number that never falls


def test_a_rate_is_told_where_the_number_was_told_long_ago() -> None:
    cluster = Cluster()
    cluster.check(UP._replace(restart_count=0))
    cluster.check(UP._replace(restart_count=20))
    cluster.check(UP._replace(restart_count=20), after=86_400)
    for count in range(21, 24):
        cluster.check(UP._replace(restart_count=count), after=60)
    assert cluster.why("a", "agent_restart_rate") == ""


def test_the_whole_cluster_down_is_critical_and_silences_its_agents() -> None:
    cluster = Cluster()
    assert ("fired", "demo", "cluster_down", "critical") in told(cluster.check(DOWN))
    assert cluster.told() == {("demo", "cluster_down")}
    gone = Cluster()
    assert ("fired", "demo", "cluster_down", "critical") in told(gone.check(UP, session=False))
    assert "session main is gone" in gone.firing[Key("", "cluster_down")].message


def test_a_stopped_agent_silences_what_repeats_it() -> None:
    cluster = Cluster()
    cluster.check(IDLE._replace(restart_count=4), OTHER, after=350)
    assert cluster.told() == {("a", "agent_idle"), ("a", "agent_restarting")}
    cluster.check(DOWN._replace(restart_count=4), OTHER)
    assert cluster.told() == {("a", "agent_stopped")}
    assert cluster.why("", "stopped_agents") == "REPEATS"
    assert cluster.why("a", "agent_restarting") == "AGENT_STOPPED"
    cluster.check(DOWN._replace(restart_count=10), OTHER)  # that is worse than being stopped
    assert ("a", "agent_restarting") in cluster.told()
    cluster.check(DOWN, OTHER._replace(running=False), AgentSample("c", running=True, reported=State.BUSY))
    assert ("demo", "stopped_agents") in cluster.told()


@pytest.mark.parametrize("hangs", [False, True])
def test_a_failing_source_is_told_once_and_holds_what_was_open(hangs: bool) -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    assert told(cluster.check(error="no tmux", hangs=hangs)) == {("fired", "demo", "source_failing", "error")}
    for _ in range(100):
        assert cluster.check(error="no tmux", hangs=hangs) == ()
    assert Key("a", "agent_stopped") in cluster.firing
    cluster.check(DOWN, OTHER)
    assert told(cluster.check(DOWN, OTHER, after=20)) == {("resolved", "demo", "source_failing", "error")}


def test_what_was_about_to_end_ends_after_a_failing_source_came_back() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    cluster.check(UP, OTHER)
    cluster.check(error="no tmux", after=600)
    cluster.check(UP, OTHER, after=5)
    assert Key("a", "agent_stopped") not in cluster.firing


def test_an_agent_of_which_nobody_can_tell_keeps_its_alerts() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    unknown = AgentSample("a", running=False, reported=State.UNKNOWN, reason="malformed")
    for _ in range(10):
        assert not [e for e in cluster.check(unknown, OTHER) if e.alert.rule == "agent_stopped"]
    cluster.check(UP, OTHER)
    assert ("resolved", "a", "agent_stopped", "error") in told(cluster.check(UP, OTHER, after=20))


def test_a_rule_with_for_waits_and_one_that_ends_before_never_fires() -> None:
    cluster = cluster_with(agent_stopped=RuleChange(hold_for=60))
    assert ("pending", "a", "agent_stopped", "error") in told(cluster.check(DOWN, OTHER))
    assert ("a", "agent_stopped") not in cluster.told()
    assert ("dropped", "a", "agent_stopped", "error") in told(cluster.check(UP, OTHER, after=30))
    cluster.check(DOWN, OTHER)
    assert cluster.check(DOWN, OTHER, after=59) == ()
    (fired,) = cluster.check(DOWN, OTHER, after=1)
    assert (fired.change, fired.reason) == (Change.FIRED, Reason.LASTED)


def test_a_level_falls_only_when_that_lasts() -> None:
    def dead(count: int) -> list[AgentSample]:
        return [AgentSample(f"a{i}", running=i >= count, reported=State.BUSY) for i in range(9)]

    cluster = Cluster()
    cluster.check(*dead(3))
    assert cluster.firing[Key("", "stopped_agents")].level is CRITICAL
    assert not [e for e in cluster.check(*dead(2)) if e.alert.rule == "stopped_agents"]
    fell = [e for e in cluster.check(*dead(2), after=15) if e.alert.rule == "stopped_agents"]
    assert [(e.change, e.before, e.alert.level) for e in fell] == [(Change.DEESCALATED, CRITICAL, ERROR)]
    assert fell[0].alert.peak is CRITICAL


def test_what_is_ending_is_not_told_anew() -> None:
    """When a cluster is up again its agents' alerts, which it silenced, wait for their end: they are no news."""
    slow = RuleChange(keep_firing_for=60)
    cluster = cluster_with(agent_stopped=slow)
    cluster.check(DOWN)
    cluster.check(UP)
    cluster.check(UP, after=15)
    assert Key("", "cluster_down") not in cluster.firing
    assert cluster.why("a", "agent_stopped") == "ENDING"


def test_an_agent_that_left_the_configuration_takes_its_alerts_along() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    events = cluster.check(OTHER)
    gone = next(e for e in events if e.alert.rule == "agent_stopped")
    assert (gone.change, gone.reason) == (Change.RESOLVED, Reason.GONE)


def test_one_agent_in_anothers_place_is_another() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    events = cluster.check(AgentSample("z", running=False), OTHER)
    assert {("resolved", "a", "agent_stopped", "error"), ("fired", "z", "agent_stopped", "error")} <= told(events)


def test_an_order_that_changes_is_no_news() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    assert cluster.check(OTHER, DOWN) == ()
    assert cluster.check(DOWN, OTHER) == ()


def test_what_a_person_resolved_is_quiet_until_its_cause_was_over_once() -> None:
    cluster = Cluster()
    cluster.check(IDLE, OTHER, after=310)
    key = Key("a", "agent_idle")
    outcome = Engine.dismiss(cluster.state, [key, Key("nobody", "agent_idle")], cluster.now)
    assert told(outcome.events) == {("dismissed", "a", "agent_idle", "warning")}
    cluster.state = outcome.state
    assert cluster.check(IDLE, OTHER, after=400) == ()
    assert cluster.state.alerts[key].phase is Phase.DISMISSED
    assert cluster.check(UP, OTHER) == ()
    assert told(cluster.check(IDLE, OTHER)) == {("fired", "a", "agent_idle", "error")}


def test_an_acknowledgement_holds_for_its_level() -> None:
    cluster = Cluster()
    cluster.check(IDLE, OTHER, after=310)
    key = Key("a", "agent_idle")
    cluster.state = Engine.acknowledge(cluster.state, key, "koko", "on it", cluster.now).state
    assert cluster.firing[key].is_acknowledged
    assert cluster.firing[key].as_alert().acknowledged_by == "koko"
    cluster.check(IDLE, OTHER, after=300)
    assert not cluster.firing[key].is_acknowledged
    with pytest.raises(KeyError):
        Engine.acknowledge(cluster.state, Key("b", "agent_idle"), "koko", "", cluster.now)


def test_overrides_hold_for_whom_they_name_and_the_last_one_wins() -> None:
    rules = RuleSet(
        overrides=[
            Override({"agent_idle": RuleChange(levels=ladder(10, 20, 30))}, role="boss"),
            Override({"agent_idle": RuleChange(levels=ladder(50, 60, 70))}, agent="b*"),
            Override({"agent_idle": RuleChange(enabled=False)}, agent="quiet", cluster="de?o"),
            Override({"agent_idle": RuleChange(levels=ladder(1, 2, 3))}, cluster="another"),
        ],
        cluster="demo",
    )
    cluster = Cluster(Engine(rules))
    agents = [IDLE._replace(name=name, role=role) for name, role in (("a", "boss"), ("b1", "boss"), ("quiet", ""))]
    assert told(cluster.check(*agents, after=15)) == {("fired", "a", "agent_idle", "warning")}
    assert told(cluster.check(*agents, after=40)) == {
        ("escalated", "a", "agent_idle", "critical"),
        ("fired", "b1", "agent_idle", "warning"),
    }
    assert {key.agent for key in cluster.firing} == {"a", "b1"}


def test_a_rule_that_is_switched_off_ends_its_alerts() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    cluster.engine = Engine(RuleSet(overrides=[Override({"agent_stopped": RuleChange(enabled=False)})]))
    cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    events = cluster.check(DOWN, OTHER)
    assert [(e.change, e.reason) for e in events if e.alert.rule == "agent_stopped"] == [
        (Change.RESOLVED, Reason.RULE_OFF)
    ]


def test_it_goes_on_from_what_outlived_the_process() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    first = dict(cluster.firing)
    cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    cluster.agents = ()
    assert cluster.check(DOWN, OTHER, after=60) == ()
    assert {key: alert.id for key, alert in cluster.firing.items()} == {key: a.id for key, a in first.items()}
    cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    cluster.check(UP, OTHER)
    assert ("resolved", "a", "agent_stopped", "error") in told(cluster.check(UP, OTHER, after=15))


def test_a_catalogue_of_one_rule_will_do() -> None:
    only = [rule for rule in CATALOGUE if rule.id == "agent_stopped"]
    assert told(Cluster(Engine(only)).check(DOWN)) == {("fired", "a", "agent_stopped", "error")}


def test_a_check_that_finds_nothing_new_gives_the_very_state_back() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    before = cluster.state
    cluster.check(DOWN, OTHER)
    assert cluster.state is before
    cluster.check(DOWN, replace_activity(OTHER))
    assert cluster.state.alerts is before.alerts
    assert cluster.last is not None
    assert not cluster.last.is_news


def replace_activity(sample: AgentSample) -> AgentSample:
    return sample._replace(last_activity=NOW + 7)


def test_what_fires_carries_the_trace_of_its_check() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    assert cluster.last is not None
    traced = cluster.last.traced("ab" * 16)
    assert {alert.trace_id for alert in traced.state.alerts.values()} == {"ab" * 16}
    assert {event.alert.trace_id for event in traced.events} == {"ab" * 16}
    assert replace(traced, state=cluster.last.state).traced("") is not None


def test_after_a_restart_an_agent_nobody_can_tell_of_is_looked_at_again_when_somebody_can() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    cluster.check(DOWN._replace(reported=State.UNKNOWN), OTHER)
    assert Key("a", "agent_stopped") in cluster.firing
    cluster.check(UP, OTHER)
    cluster.check(UP, OTHER, after=15)
    assert not cluster.firing


def test_the_restarts_of_an_agent_that_is_gone_are_not_those_of_one_that_comes_later() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    cluster.check(DOWN._replace(restart_count=3), OTHER)
    assert Key("a", "agent_restart_rate") in cluster.firing
    cluster.check(OTHER)
    cluster.check(UP, OTHER)
    assert not cluster.state.memory.restarts
    assert Key("a", "agent_restart_rate") not in cluster.firing


def test_after_a_restart_a_rate_that_is_remembered_still_counts_for_an_agent_that_tells_none() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    cluster.check(DOWN._replace(restart_count=3), OTHER)
    cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    cluster.check(UP, OTHER)
    assert cluster.firing[Key("a", "agent_restart_rate")].lower_since is None
