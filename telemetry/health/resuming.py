"""An agent that is as an earlier run of the monitor saw it last has been so since then, not since the start.

Pure but for what is left to be resumed. Nothing is taken for the same that shows otherwise: another process, another
pane, a time that is still to come.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from telemetry.health import Limits, judge
from telemetry.model import AgentHealth, AgentSample, LastSeen, State

Recall = Callable[[str], Mapping[str, LastSeen]]
"""How each agent of a cluster was seen last, by name; of a cluster nobody knows, none."""

SETTLES_WITHIN = 60.0
"""Seconds after the first answer in which agents may still be seen for the first time, and what looks like rest may
turn out to be work: the first look at a screen has nothing to compare it with."""
UNSEEN_FOR = 60.0
"""Seconds from which on a time without a monitor is long: what an agent did in it may have been the end of its rest."""


def resumed(agent: AgentHealth, last: LastSeen, limits: Limits, now: float) -> AgentHealth | None:
    """An agent with the times of the state that it was in last, where it still is; None: it is in another.

    Args:
        agent: As it is judged without knowing anything of before.
        last: How it was seen last.
        limits: What it is judged by.
        now: Unix time.
    """
    if last.since > now or not _is_same(agent.sample, last):
        return None
    again = _judged(agent.sample, last, _quiet_since(last, now), limits, now)
    if again.state is not last.state:  # what it did since then, its source may have forgotten, as sources do
        again = _judged(agent.sample, last, now, limits, now)
    if again.state is not last.state:
        return None
    if again.state is not State.BUSY and _has_acted_unseen(agent.sample, last, now):
        return again._replace(since=min(now, max(last.since, agent.sample.last_activity)))
    return again


def same_end(sample: AgentSample, last: LastSeen, now: float) -> int | None:
    """How an agent ended, where it has been stopped since it was seen last and its source no longer knows; or None."""
    if sample.running or last.state is not State.STOPPED:
        return None
    if not _is_same(sample, last) or _has_acted_unseen(sample, last, now):
        return None
    return last.exit_status


def _judged(sample: AgentSample, last: LastSeen, first_seen: float, limits: Limits, now: float) -> AgentHealth:
    return judge(sample, AgentHealth(sample, last.state, "", last.since, first_seen, math.inf), limits, now)


def _quiet_since(last: LastSeen, now: float) -> float:
    """Since when it has been quiet while somebody watched: what nobody saw for long makes no alert."""
    unseen = now - last.seen_at
    return min(now, last.quiet_since + (unseen if unseen > UNSEEN_FOR else 0.0))


def _is_same(sample: AgentSample, last: LastSeen) -> bool:
    moved = bool(last.pane_id and sample.detail.pane_id) and last.pane_id != sample.detail.pane_id
    return sample.restart_count == last.restarts and not moved


def _has_acted_unseen(sample: AgentSample, last: LastSeen, now: float) -> bool:
    return now - last.seen_at > UNSEEN_FOR and sample.last_activity > last.seen_at


class Resuming:
    """What is left of an earlier run for the agents of one monitor.

    Args:
        recall: Where it is known.
    """

    def __init__(self, recall: Recall) -> None:
        self._recall = recall
        self._cluster: str | None = None
        self._left: dict[str, LastSeen] = {}
        self._until = math.inf

    def begin(self, cluster: str) -> None:
        """Asks what is known of a cluster, once; before anything is published of it under this name."""
        if cluster != self._cluster:
            self._cluster, self._left = cluster, dict(self._recall(cluster))

    def ends(self, samples: Sequence[AgentSample], now: float) -> Mapping[str, int]:
        """How those agents ended that are stopped since an earlier run, where that was known."""
        if not self._left:
            return {}
        found = ((sample.name, sample, self._left.get(sample.name)) for sample in samples)
        ends = ((name, same_end(sample, last, now)) for name, sample, last in found if last is not None)
        return {name: status for name, status in ends if status is not None}

    def resume(self, agents: tuple[AgentHealth, ...], limits: Limits, now: float) -> tuple[AgentHealth, ...]:
        """The agents of an answer, those that are as they were with the times of then. Costs nothing when all are."""
        if not self._left:
            return agents
        if self._until == math.inf:
            self._until = now + SETTLES_WITHIN
        found = tuple(self._one(agent, limits, now) if agent.name in self._left else agent for agent in agents)
        if now >= self._until:
            self._left.clear()
        return found

    def _one(self, agent: AgentHealth, limits: Limits, now: float) -> AgentHealth:
        if agent.state is State.UNKNOWN:
            return agent
        last = self._left[agent.name]
        again = resumed(agent, last, limits, now)
        looks_at_rest = agent.state is State.IDLE and last.state is State.BUSY  # as work does at the first look
        if again is not None or not looks_at_rest:
            del self._left[agent.name]
        return again or agent
