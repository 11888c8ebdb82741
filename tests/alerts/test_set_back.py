"""A clock that was set back makes no alert last longer, nor come later, than the seconds its rule waits for anyway."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from telemetry.alerts import Controls, Damping, Engine, EngineState, Override, RuleChange, RuleSet
from telemetry.model import AgentSample, AlertEvent, Silence, State
from tests.alerts.driving import DOWN, NOW, OTHER, UP, Cluster
from tests.alerts.test_pipeline import Way, outlet, own

AN_HOUR = 3600.0
IDLE = AgentSample("a", running=True, reported=State.IDLE, last_activity=NOW)
WAITING = AgentSample("a", running=True, reported=State.WAITING)


def cluster_with(**changes: RuleChange) -> Cluster:
    return Cluster(Engine(RuleSet(overrides=[Override(changes)], cluster="demo")))


def of(rule: str, events: Iterable[AlertEvent]) -> list[str]:
    return [event.change.value for event in events if event.alert.rule == rule]


def checks(cluster: Cluster, *samples: AgentSample, seconds: int) -> list[AlertEvent]:
    """A check every five seconds, for so long."""
    return [event for _ in range(seconds // 5) for event in cluster.check(*samples)]


@pytest.mark.parametrize("restarted", [False, True])
def test_what_is_over_ends_after_its_hold_all_the_same(restarted: bool) -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    cluster.check(UP, OTHER)
    assert not cluster.check(UP, OTHER)
    if restarted:
        cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    since = {key: alert.id for key, alert in cluster.firing.items()}
    assert not cluster.check(UP, OTHER, after=-AN_HOUR)
    assert {key: alert.id for key, alert in cluster.firing.items()} == since, "it is the same alert still"
    assert not cluster.check(UP, OTHER, after=14)
    assert of("agent_stopped", cluster.check(UP, OTHER, after=1)) == ["resolved"]
    assert not cluster.firing


def test_what_waits_for_its_for_fires_after_it_all_the_same() -> None:
    cluster = cluster_with(agent_stopped=RuleChange(hold_for=60))
    assert of("agent_stopped", cluster.check(DOWN, OTHER)) == ["pending"]
    assert not cluster.check(DOWN, OTHER, after=30)
    assert not cluster.check(DOWN, OTHER, after=-AN_HOUR)
    assert not cluster.check(DOWN, OTHER, after=59)
    (fired,) = cluster.check(DOWN, OTHER, after=1)
    assert (fired.change.value, fired.alert.fired_at - fired.alert.since) == ("fired", 60)


def test_a_backend_that_takes_nothing_is_told_in_time_too() -> None:
    way, down = Way(), own(outlet(takes_nothing=True))
    assert way.look(down) == {("pending", "loki", "backend_failing", "error")}
    assert way.look(down, after=-AN_HOUR) == set()
    assert way.looks(down, 59) == set()
    assert way.look(down) == {("fired", "loki", "backend_failing", "error")}


def test_what_was_lost_counts_no_longer_than_its_window() -> None:
    way = Way()
    way.look(own(outlet()))
    assert ("fired", "loki", "backend_losing_data", "warning") in way.look(own(outlet(failed=7)))
    after = way.look(own(outlet(failed=7)), after=-AN_HOUR) | way.looks(own(outlet(failed=7)), 300)
    assert {change for change, _, rule, _ in after if rule == "backend_losing_data"} == {"resolved"}


@pytest.mark.parametrize("activity", [NOW, 0.0])
def test_an_idle_agent_is_told_of_after_its_five_minutes_and_climbs_on(activity: float) -> None:
    """The agent goes on telling the time of its last activity by the clock of before, until it is active."""
    cluster, idle = Cluster(), IDLE._replace(last_activity=activity)
    cluster.check(idle, OTHER)
    assert not cluster.check(idle, OTHER, after=-AN_HOUR)
    assert not checks(cluster, idle, OTHER, seconds=295)
    assert of("agent_idle", checks(cluster, idle, OTHER, seconds=5)) == ["fired"]
    # also when the old time has come
    assert of("agent_idle", checks(cluster, idle, OTHER, seconds=5_000)) == ["escalated", "escalated"]
    assert of("agent_idle", cluster.check(UP._replace(last_activity=cluster.now), OTHER)) == ["resolved"]
    idle = IDLE._replace(last_activity=cluster.now)
    assert of("agent_idle", checks(cluster, idle, OTHER, seconds=290)) == []
    assert of("agent_idle", checks(cluster, idle, OTHER, seconds=10)) == ["fired"]


def test_one_that_was_busy_then_is_idle_by_the_clock_of_now() -> None:
    cluster = Cluster()
    cluster.check(UP._replace(last_activity=NOW), OTHER)
    cluster.check(UP._replace(last_activity=NOW), OTHER, after=-AN_HOUR)
    assert of("agent_idle", checks(cluster, IDLE, OTHER, seconds=295)) == []
    assert of("agent_idle", checks(cluster, IDLE, OTHER, seconds=5)) == ["fired"]


def test_a_clock_set_back_again_begins_anew_once_more() -> None:
    cluster = Cluster()
    cluster.check(IDLE, OTHER)
    cluster.check(IDLE, OTHER, after=-AN_HOUR)
    cluster.check(IDLE, OTHER, after=-AN_HOUR)
    assert of("agent_idle", checks(cluster, IDLE, OTHER, seconds=295)) == []
    assert of("agent_idle", checks(cluster, IDLE, OTHER, seconds=5)) == ["fired"]


def test_a_clock_set_back_while_the_source_fails_is_noticed_when_it_answers() -> None:
    cluster = Cluster()
    cluster.check(IDLE, OTHER)
    cluster.check(error="lost", after=-AN_HOUR)
    cluster.check(error="lost")
    assert of("agent_idle", checks(cluster, IDLE, OTHER, seconds=300)) == []
    assert of("agent_idle", checks(cluster, IDLE, OTHER, seconds=5)) == ["fired"]


def test_who_waits_for_a_person_is_told_of_after_a_minute() -> None:
    cluster = cluster_with(agent_waiting=RuleChange(enabled=True))
    cluster.check(UP, OTHER)
    cluster.check(WAITING, OTHER)
    assert not cluster.check(WAITING, OTHER, after=-AN_HOUR)
    assert not checks(cluster, WAITING, OTHER, seconds=55)
    assert of("agent_waiting", checks(cluster, WAITING, OTHER, seconds=5)) == ["fired"]
    assert of("agent_waiting", checks(cluster, WAITING, OTHER, seconds=5_000)) == ["escalated", "escalated"]


def test_an_agent_that_left_and_came_back_is_another() -> None:
    cluster = Cluster()
    cluster.check(IDLE, OTHER)
    cluster.check(IDLE, OTHER, after=-AN_HOUR)
    cluster.check(OTHER)
    cluster.check(IDLE._replace(last_activity=cluster.now), OTHER, after=250)
    assert of("agent_idle", checks(cluster, IDLE._replace(last_activity=cluster.now), OTHER, seconds=290)) == []


@pytest.mark.parametrize("restarted", [False, True])
def test_restarts_are_a_rate_for_no_longer_than_its_window(restarted: bool) -> None:
    cluster = Cluster()
    for count in range(4):
        cluster.check(UP._replace(restart_count=count), OTHER)
    assert ("a", "agent_restart_rate") in {(alert.subject, alert.rule) for alert in cluster.firing.values()}
    if restarted:
        cluster.state = EngineState(cluster.state.alerts, cluster.state.memory)
    again = UP._replace(restart_count=3)
    cluster.check(again, OTHER, after=-AN_HOUR)
    assert of("agent_restart_rate", checks(cluster, again, OTHER, seconds=595)) == []
    assert of("agent_restart_rate", checks(cluster, again, OTHER, seconds=5)) == ["resolved"]


def test_what_fired_before_makes_nothing_flap_an_hour_later() -> None:
    cluster = Cluster(Engine(damping=Damping(after=3, window=600, hold=300)))
    for _ in range(2):
        cluster.check(DOWN, OTHER)
        cluster.check(UP, OTHER)
        cluster.check(UP, OTHER, after=15)
    cluster.check(UP, OTHER, after=-AN_HOUR)
    cluster.check(DOWN, OTHER, after=700)
    assert not any(alert.flapping for alert in cluster.firing.values())


def test_a_silence_that_has_not_begun_again_silences_nobody() -> None:
    cluster = Cluster(controls=Controls((Silence("s", "x", "y", NOW, NOW + 500, agent="a"),)))
    cluster.check(DOWN, OTHER)
    assert ("a", "agent_stopped") not in cluster.told()
    cluster.check(DOWN, OTHER, after=-AN_HOUR)
    assert ("a", "agent_stopped") in cluster.told()


def test_a_check_at_the_same_time_or_later_is_not_one_set_back() -> None:
    cluster = Cluster()
    cluster.check(DOWN, OTHER)
    before = cluster.state
    cluster.check(DOWN, OTHER, after=0)
    cluster.check(DOWN, OTHER, after=AN_HOUR)
    assert cluster.state is before
