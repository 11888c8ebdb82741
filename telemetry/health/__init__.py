"""Pure judgement: (sample, previous, limits, now) → state, and the reason for it in words.

Nothing here asks a clock or keeps anything: what was judged before comes in, what is judged now goes out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, repeat, zip_longest

from telemetry.model import (
    AgentHealth,
    AgentHealthStatus,
    AgentSample,
    AgentState,
    ClusterMetrics,
    ClusterSnapshot,
    State,
    Transition,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What judgement measures against.

    Attributes:
        agent_timeout: Seconds that an agent may report «busy» without any sign of life.
        max_idle_time: Seconds without activity after which an agent counts as idle, where its source can't say.
        max_restarts: From this many restarts on an agent is unhealthy although it runs.
    """

    agent_timeout: float = 60.0
    max_idle_time: float = 300.0
    max_restarts: float = 3


def evaluate(
    samples: Iterable[AgentSample], previous: Sequence[AgentHealth], limits: Limits, now: float
) -> tuple[AgentHealth, ...]:
    """Judges every sample of a reading.

    An agent whose sample is the very object of last time, and whose judgement time hasn't outrun, costs one comparison:
    sources hand the same object on while nothing changed, and in the same order, which keeps a thousand agents cheap.
    """
    judged: list[AgentHealth] = []
    append = judged.append
    by_name: dict[str, AgentHealth] | None = None
    for sample, at_its_place in zip(samples, chain(previous, repeat(None)), strict=False):
        before = at_its_place
        if before is not None and before[0] is sample:
            if now < before[5]:
                append(before)
                continue
        elif before is None or before[0][0] != sample[0]:  # another agent stands there: looked up by name
            if by_name is None:
                by_name = {agent.sample.name: agent for agent in previous}
            before = by_name.get(sample.name)
        append(judge(sample, before, limits, now))
    return tuple(judged)


_UNKNOWN, _STOPPED, _BUSY = State.UNKNOWN, State.STOPPED, State.BUSY
_IDLE, _UNRESPONSIVE = State.IDLE, State.UNRESPONSIVE
"""Before Python 3.12 the way to a member over its class takes ten times as long, which a thousand agents feel."""
_REPORTED = {
    _BUSY: "works",
    _IDLE: "has nothing to do",
    State.WAITING: "waits for a person",
    _UNRESPONSIVE: "gives no sign of life",
}


def judge(sample: AgentSample, before: AgentHealth | None, limits: Limits, now: float) -> AgentHealth:
    """Judges one agent by what was seen of it now and what was known of it before."""
    _, running, _, _, last_activity, reported, _, _, _, seen, proven, _ = sample
    first_seen = now if before is None else before[4]
    recheck_at = math.inf
    if reported is _UNKNOWN:
        state, reason = _UNKNOWN, seen or "nobody can tell"
    elif not running:
        state, reason = _STOPPED, seen or "its process does not run"
    elif reported is None:
        idle_at = (last_activity or first_seen) + limits.max_idle_time
        if now < idle_at:
            state, reason, recheck_at = _BUSY, "was active lately", idle_at
        else:
            state, reason = _IDLE, f"no activity for more than {limits.max_idle_time:g} s"
    elif reported is _BUSY and not proven:
        due = (last_activity or first_seen) + limits.agent_timeout
        if now <= due:
            state, reason, recheck_at = _BUSY, seen or "reports busy", math.nextafter(due, math.inf)
        else:
            reason = f"reports busy, without a sign of life for more than {limits.agent_timeout:g} s"
            state = _UNRESPONSIVE
    else:
        state, reason = reported, seen or _REPORTED[reported]
    since = now if before is None or before[1] is not state else before[3]
    return _new_health((sample, state, reason, since, first_seen, recheck_at))


_new_health = AgentHealth._make
"""A call with arguments costs three times as much."""


def without_answer(previous: Iterable[AgentHealth], error: str, timed_out: bool, now: float) -> tuple[AgentHealth, ...]:
    """The agents of a source that gave no answer: unresponsive after a timeout, otherwise unknown.

    What was last seen of each is kept (`up` is what was last known), and judged anew with the next answer.
    """
    state = State.UNRESPONSIVE if timed_out else State.UNKNOWN
    return tuple(
        AgentHealth(
            sample=agent.sample,
            state=state,
            reason=error,
            since=agent.since if agent.state is state else now,
            first_seen=agent.first_seen,
            recheck_at=-math.inf,
        )
        for agent in previous
    )


def is_unhealthy(agent: AgentHealth, limits: Limits) -> bool:
    """Stopped, unresponsive, unknown, or restarted too often."""
    return (
        agent.state in (State.STOPPED, State.UNRESPONSIVE, State.UNKNOWN)
        or agent.sample.restart_count >= limits.max_restarts
    )


def seed_state(agent: AgentHealth, limits: Limits, now: float) -> AgentState:
    """The agent as the seed's `AgentState`: degraded is idle for too long or restarted too often."""
    if agent.state is State.UNKNOWN:
        status = AgentHealthStatus.UNKNOWN
    elif agent.state in (State.STOPPED, State.UNRESPONSIVE):
        status = AgentHealthStatus.UNHEALTHY
    elif agent.sample.restart_count >= limits.max_restarts or agent.idle_time(now) >= limits.max_idle_time:
        status = AgentHealthStatus.DEGRADED
    else:
        status = AgentHealthStatus.HEALTHY
    return AgentState(
        name=agent.name,
        is_running=agent.up,
        last_activity=agent.sample.last_activity,
        restart_count=agent.sample.restart_count,
        health_status=status,
        error_message=None if status is AgentHealthStatus.HEALTHY else agent.reason,
    )


def transitions(before: ClusterSnapshot | None, after: ClusterSnapshot) -> tuple[Transition, ...]:
    """Every agent whose state changed between two checks; nobody at the first sight of it."""
    if before is None or not before.agents:
        return ()
    anew = [agent for agent, was in zip_longest(after.agents, before.agents) if agent is not was and agent is not None]
    if not anew:
        return ()
    states = {agent[0][0]: agent[1] for agent in before.agents}
    return tuple(
        Transition(after.cluster, agent, was, after.taken_at)
        for agent in anew
        if (was := states.get(agent[0][0])) is not None and was is not agent[1]
    )


def cluster_metrics(snapshot: ClusterSnapshot, limits: Limits) -> ClusterMetrics:
    """The seed's numbers of one snapshot."""
    agents = snapshot.agents
    return ClusterMetrics(
        total_agents=len(agents),
        running_agents=sum(agent.up for agent in agents),
        idle_agents=snapshot.count(State.IDLE),
        unhealthy_agents=sum(is_unhealthy(agent, limits) for agent in agents),
        total_restarts=sum(agent.sample.restart_count for agent in agents),
        timestamp=snapshot.taken_at,
    )
