"""What goes on from an earlier run of the monitor, and what must not be taken for the same."""

from __future__ import annotations

import pytest

from telemetry.health import Limits, judge
from telemetry.health.resuming import SETTLES_WITHIN, Resuming, resumed, same_end
from telemetry.model import AgentHealth, AgentSample, Detail, LastSeen, State

LIMITS = Limits(agent_timeout=60.0, max_idle_time=300.0)
NOW = 1_800_000_000.0
HOUR = 3600.0

DOWN = AgentSample("a", running=False, restart_count=2, reason="pane %5 is gone", detail=Detail("%5"))
DEAD = LastSeen(State.STOPPED, NOW - 180, NOW - 400, 2, "%5", -9, NOW - 5)


def rests(last_activity: float = 0.0) -> AgentSample:
    return AgentSample("a", running=True, last_activity=last_activity, reported=State.IDLE, proven=True)


def works() -> AgentSample:
    return rests()._replace(reported=State.BUSY)


def last(state: State, *, since: float, seen_at: float = NOW - 5) -> LastSeen:
    return LastSeen(state, since, since, seen_at=seen_at)


def again(sample: AgentSample, seen: LastSeen, now: float = NOW) -> AgentHealth | None:
    return resumed(judge(sample, None, LIMITS, now), seen, LIMITS, now)


def test_an_agent_in_the_same_state_has_been_in_it_since_then() -> None:
    found = again(DOWN, DEAD)
    assert found is not None
    assert (found.state, found.since, found.reason) == (State.STOPPED, NOW - 180, "pane %5 is gone")


@pytest.mark.parametrize(
    ("sample", "seen"),
    [
        (works(), last(State.IDLE, since=NOW - HOUR)),
        (DOWN._replace(restart_count=3), DEAD),
        (DOWN._replace(detail=Detail("%6")), DEAD),
    ],
    ids=["another state", "started again meanwhile", "another pane"],
)
def test_what_is_another_state_or_process_begins_now(sample: AgentSample, seen: LastSeen) -> None:
    assert again(sample, seen) is None
    assert same_end(sample, seen, NOW) is None


def test_a_clock_that_was_ahead_says_nothing_of_since_when() -> None:
    assert again(DOWN, DEAD._replace(since=NOW + 60)) is None


def test_what_an_agent_did_in_a_long_time_without_a_monitor_ended_its_rest() -> None:
    active = rests(last_activity=NOW - 600)
    found = again(active, last(State.IDLE, since=NOW - 3 * HOUR, seen_at=NOW - HOUR))
    assert found is not None
    assert found.since == NOW - 600
    short = again(rests(last_activity=NOW - 2), last(State.IDLE, since=NOW - 3 * HOUR))
    assert short is not None
    assert short.since == NOW - 3 * HOUR, "a restart of the monitor is no such time"
    fallen = DOWN._replace(last_activity=NOW - 600)
    assert same_end(fallen, DEAD._replace(seen_at=NOW - HOUR), NOW) is None, "that was another death"


def test_time_that_nobody_watched_makes_nobody_idle_for_longer() -> None:
    silent = AgentSample("a", running=True)
    idle = LastSeen(State.IDLE, NOW - HOUR - 100, NOW - HOUR - 400, seen_at=NOW - HOUR)
    found = again(silent, idle)
    assert found is not None
    assert (found.state, found.since, found.idle_time(NOW)) == (State.IDLE, NOW - HOUR - 100, 400)
    short = again(silent, LastSeen(State.IDLE, NOW - 100, NOW - 400, seen_at=NOW - 5))
    assert short is not None
    assert short.idle_time(NOW) == 400, "a restart does not count as a sign of life"


def test_a_source_that_forgot_when_its_agent_was_active_does_not_make_it_idle() -> None:
    found = again(AgentSample("a", running=True), LastSeen(State.BUSY, NOW - HOUR, NOW - HOUR, seen_at=NOW - 5))
    assert found is not None
    assert (found.state, found.since, found.idle_time(NOW)) == (State.BUSY, NOW - HOUR, 0)


def test_an_end_is_known_while_it_is_the_same_death() -> None:
    assert same_end(DOWN, DEAD, NOW) == -9
    assert same_end(DOWN._replace(running=True), DEAD, NOW) is None
    assert same_end(DOWN, DEAD._replace(state=State.BUSY, exit_status=None), NOW) is None


class Cluster:
    """One agent over the checks of a new run."""

    def __init__(self, seen: LastSeen) -> None:
        self.resuming = Resuming(lambda cluster: {"a": seen} if cluster == "demo" else {})
        self.resuming.begin("demo")
        self.agents: tuple[AgentHealth, ...] = ()

    def check(self, sample: AgentSample | None, now: float) -> tuple[State, float] | None:
        before = self.agents[0] if self.agents else None
        judged = () if sample is None else (judge(sample, before, LIMITS, now),)
        self.agents = self.resuming.resume(judged, LIMITS, now)
        return (self.agents[0].state, self.agents[0].since) if self.agents else None


def test_work_that_only_the_second_look_sees_goes_on() -> None:
    cluster = Cluster(last(State.BUSY, since=NOW - HOUR))
    assert cluster.check(rests(), NOW) == (State.IDLE, NOW)
    assert cluster.check(works(), NOW + 5) == (State.BUSY, NOW - HOUR)
    assert cluster.check(rests(), NOW + 10) == (State.IDLE, NOW + 10)
    assert cluster.check(works(), NOW + 15) == (State.BUSY, NOW + 15), "that is resumed once"


def test_rest_after_work_that_this_run_has_seen_is_another_rest() -> None:
    cluster = Cluster(last(State.IDLE, since=NOW - HOUR))
    assert cluster.check(works(), NOW) == (State.BUSY, NOW)
    assert cluster.check(rests(), NOW + 20) == (State.IDLE, NOW + 20)


def test_work_that_begins_later_is_new() -> None:
    cluster = Cluster(last(State.BUSY, since=NOW - HOUR))
    cluster.check(rests(), NOW)
    cluster.check(rests(), NOW + SETTLES_WITHIN)
    assert cluster.check(works(), NOW + SETTLES_WITHIN + 5) == (State.BUSY, NOW + SETTLES_WITHIN + 5)


def test_a_question_after_something_else_is_another_question() -> None:
    asks = rests()._replace(reported=State.WAITING)
    cluster = Cluster(last(State.WAITING, since=NOW - HOUR))
    cluster.check(works(), NOW)
    assert cluster.check(asks, NOW + 5) == (State.WAITING, NOW + 5)


def test_an_agent_that_is_told_of_late_or_of_whom_nobody_can_tell_at_first_goes_on() -> None:
    late = Cluster(DEAD)
    assert late.check(None, NOW) is None
    assert late.check(DOWN, NOW + 5) == (State.STOPPED, NOW - 180)
    unclear = Cluster(DEAD)
    assert unclear.check(DOWN._replace(reported=State.UNKNOWN), NOW) == (State.UNKNOWN, NOW)
    assert unclear.check(DOWN, NOW + 5) == (State.STOPPED, NOW - 180)


def test_a_cluster_that_gets_its_name_with_the_first_answer_is_known_by_it() -> None:
    resuming = Resuming(lambda cluster: {"a": DEAD} if cluster == "demo" else {})
    resuming.begin("")
    assert resuming.ends([DOWN], NOW) == {}
    resuming.begin("demo")
    assert resuming.ends([DOWN], NOW) == {"a": -9}
