"""What an agent's sample means, at which time."""

from __future__ import annotations

import math

from telemetry.health import Limits, cluster_metrics, evaluate, is_unhealthy, judge, seed_state, without_answer
from telemetry.model import AgentHealthStatus, AgentSample, ClusterSnapshot, State

LIMITS = Limits(agent_timeout=60.0, max_idle_time=300.0)
NOW = 1_800_000_000.0


def test_a_stopped_agent_says_why() -> None:
    health = judge(AgentSample("a", running=False, reason="only bash is left in pane %3"), None, LIMITS, NOW)
    assert (health.state, health.reason) == (State.STOPPED, "only bash is left in pane %3")


def test_activity_decides_where_the_source_says_nothing() -> None:
    sample = AgentSample("a", running=True, last_activity=NOW)
    assert judge(sample, None, LIMITS, NOW + 299.9).state is State.BUSY
    assert judge(sample, None, LIMITS, NOW + 300.0).state is State.IDLE


def test_an_agent_that_never_acted_is_counted_from_when_it_was_first_seen() -> None:
    sample = AgentSample("a", running=True)
    first = judge(sample, None, LIMITS, NOW)
    assert first.state is State.BUSY
    assert judge(sample, first, LIMITS, NOW + 301).state is State.IDLE
    assert judge(sample, first, LIMITS, NOW + 301).idle_time(NOW + 301) == 301


def test_busy_without_a_sign_of_life_is_unresponsive_past_the_timeout_only() -> None:
    sample = AgentSample("a", running=True, last_activity=NOW, reported=State.BUSY)
    assert judge(sample, None, LIMITS, NOW + 60).state is State.BUSY
    after = judge(sample, None, LIMITS, NOW + 60.001)
    assert after.state is State.UNRESPONSIVE
    assert "60 s" in after.reason


def test_activity_that_the_source_saw_itself_is_never_doubted() -> None:
    sample = AgentSample("a", running=True, last_activity=NOW, reported=State.BUSY, proven=True)
    assert judge(sample, None, LIMITS, NOW + 10_000).state is State.BUSY


def test_waiting_stays_waiting() -> None:
    sample = AgentSample("a", running=True, last_activity=NOW, reported=State.WAITING)
    assert judge(sample, None, LIMITS, NOW + 10_000).state is State.WAITING


def test_the_same_sample_is_judged_anew_exactly_when_time_matters() -> None:
    sample = AgentSample("a", running=True, last_activity=NOW)
    (first,) = evaluate([sample], [], LIMITS, NOW)
    (same,) = evaluate([sample], [first], LIMITS, NOW + 299)
    assert same is first
    (idle,) = evaluate([sample], [first], LIMITS, NOW + 300)
    assert idle.state is State.IDLE
    reporting = AgentSample("b", running=True, last_activity=NOW, reported=State.BUSY)
    (busy,) = evaluate([reporting], [], LIMITS, NOW)
    (late,) = evaluate([reporting], [busy], LIMITS, math.nextafter(NOW + 60, math.inf))
    assert late.state is State.UNRESPONSIVE


def test_since_is_kept_while_the_state_is_and_starts_anew_with_it() -> None:
    running = AgentSample("a", running=True, last_activity=NOW)
    first = judge(running, None, LIMITS, NOW)
    later = judge(AgentSample("a", running=True, last_activity=NOW + 5), first, LIMITS, NOW + 5)
    assert later.since == NOW
    gone = judge(AgentSample("a", running=False), later, LIMITS, NOW + 9)
    assert (gone.since, gone.first_seen) == (NOW + 9, NOW)


def test_a_clock_set_back_makes_no_negative_idle_time() -> None:
    health = judge(AgentSample("a", running=True, last_activity=NOW + 50), None, LIMITS, NOW)
    assert health.state is State.BUSY
    assert health.idle_time(NOW) == 0


def test_a_source_that_fails_leaves_its_agents_unknown_and_up_as_they_were() -> None:
    agents = evaluate([AgentSample("a", running=True), AgentSample("b", running=False)], [], LIMITS, NOW)
    lost = without_answer(agents, "tmux: permission denied", False, NOW + 5)
    assert [(a.state, a.up, a.reason) for a in lost] == [
        (State.UNKNOWN, True, "tmux: permission denied"),
        (State.UNKNOWN, False, "tmux: permission denied"),
    ]
    assert {a.state for a in without_answer(agents, "no answer", True, NOW)} == {State.UNRESPONSIVE}
    # the very same samples are judged anew by the next answer
    back = evaluate([a.sample for a in lost], lost, LIMITS, NOW + 10)
    assert [a.state for a in back] == [State.BUSY, State.STOPPED]


def test_unhealthy_is_stopped_unresponsive_unknown_or_restarted_too_often() -> None:
    def health(**sample: object) -> bool:
        return is_unhealthy(judge(AgentSample("a", **sample), None, LIMITS, NOW), LIMITS)  # type: ignore[arg-type]

    assert health(running=False)
    assert health(running=True, restart_count=3)
    assert not health(running=True, restart_count=2)
    assert not health(running=True, reported=State.WAITING)


def test_the_seeds_view_of_agents_and_cluster() -> None:
    samples = [
        AgentSample("works", running=True, last_activity=NOW),
        AgentSample("idles", running=True, last_activity=NOW - 400),
        AgentSample("restarted", running=True, last_activity=NOW, restart_count=4),
        AgentSample("dead", running=False, restart_count=1),
    ]
    agents = evaluate(samples, [], LIMITS, NOW)
    assert [seed_state(a, LIMITS, NOW).health_status for a in agents] == [
        AgentHealthStatus.HEALTHY,
        AgentHealthStatus.DEGRADED,
        AgentHealthStatus.DEGRADED,
        AgentHealthStatus.UNHEALTHY,
    ]
    assert seed_state(agents[3], LIMITS, NOW).error_message == "its process does not run"
    numbers = cluster_metrics(ClusterSnapshot("c", "manager", agents, NOW), LIMITS)
    assert (numbers.total_agents, numbers.running_agents, numbers.idle_agents) == (4, 3, 1)
    assert (numbers.unhealthy_agents, numbers.total_restarts) == (2, 5)
