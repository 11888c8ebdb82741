"""What is seen of one cluster, summed up as it comes: changes of state, and counts in the finest buckets.

Pure but for its own memory: times come in, and nothing here is written anywhere. A picture holds until the next one,
but no longer than `hold`: after that nobody watched, and the gap stays one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from telemetry.model import AgentHealth, LastSeen, State
from telemetry.store.batch import Batch, Change, Known
from telemetry.store.counts import LEVELS, STATES, TIERS, TROUBLED, Bucket

_STEP = TIERS[0].step * 1000
SET_BACK = 60_000
"""Milliseconds by which the clock may be set back without a new beginning: meanwhile time stands still."""
_MOST_GONE = 5_000
_PLACE = {state: number for number, state in enumerate(STATES)}
_TROUBLED = tuple(_PLACE[state] for state in TROUBLED)
_NO_ALERTS = (0,) * len(LEVELS)


@dataclass(slots=True)
class _Open:
    """A bucket that is being filled."""

    watched: int = 0
    states: list[int] = field(default_factory=lambda: [0] * len(STATES))
    troubled: int = 0
    restarts: int = 0
    alerts: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    open: int = 0

    def closed(self) -> Bucket:
        return Bucket(self.watched, tuple(self.states), self.troubled, self.restarts, tuple(self.alerts), self.open)


class Tally:
    """One cluster.

    Args:
        cluster: Its name.
        known: Each agent's last state and restarts, from an earlier run.
    """

    def __init__(self, cluster: str, known: Mapping[str, Known]) -> None:
        self.cluster = cluster
        self._known = {name: held for name, held in known.items() if held.state is not None}
        self._gone = {name: held.restarts for name, held in known.items() if held.state is None}
        """How often those had restarted that are there no more."""
        self._agents: Sequence[AgentHealth] = ()
        self._counts = [0] * len(STATES)
        for held in self._known.values():
            if held.state is not None:
                self._counts[_PLACE[held.state]] += 1
        self._troubled = self._open_alerts = 0
        self._last: int | None = None
        """When the cluster was seen last (ms)."""
        self._credited = 0
        """Until when that has been counted."""
        self._since: int | None = None
        """Since when it has been watched without a gap."""
        self._buckets: dict[int, _Open] = {}
        self._changes: list[Change] = []
        self._restarts: dict[str, int] = {}
        self._last_seen: dict[str, LastSeen] = {}
        self._to_keep: dict[str, LastSeen] = {}
        """Of that, what isn't written yet."""
        self._spans: dict[int, int] = {}
        self._began: int | None = None
        """When it began to be watched, where that isn't written yet."""

    def see(
        self,
        agents: Sequence[AgentHealth],
        at: float,
        *,
        hold: float,
        open_alerts: int = 0,
        entered: Sequence[int] = _NO_ALERTS,
        answered: bool = True,
    ) -> None:
        """Takes a picture.

        Args:
            agents: All agents of the cluster, in any order.
            at: When it was taken (Unix s).
            hold: Seconds for which the picture before holds at most.
            open_alerts: How many alerts are open.
            entered: How many entered each level since the picture before, in the order of `LEVELS`.
            answered: Whether the source gave an answer; where it didn't, nothing new is known of how its agents are.
        """
        now = round(at * 1000)
        if self._last is not None and now < self._last - SET_BACK:
            self._set_back(now)
        begins = self._last is None
        if self._last is not None:
            self.advance(at, hold=hold)
            now = max(now, self._last)
        if begins:
            self._began = now
        if self._since is None or now > self._credited:  # the beginning, or after a gap
            self._since = self._credited = now
        self._last = now
        self._spans[self._since] = self._credited
        bucket = self._bucket(now)
        self._compare(agents, now, bucket, all_of_them=begins, answered=answered)
        self._open_alerts = open_alerts
        bucket.alerts = [a + b for a, b in zip(bucket.alerts, entered, strict=True)]
        self._peaks(bucket)

    def enter(self, entered: Sequence[int]) -> None:
        """Counts alerts that entered their levels after the last picture."""
        if self._last is not None and any(entered):
            bucket = self._bucket(self._credited)
            bucket.alerts = [a + b for a, b in zip(bucket.alerts, entered, strict=True)]

    def advance(self, at: float, *, hold: float) -> None:
        """Counts the last picture up to a time (Unix s), as long as it holds."""
        if self._last is None or self._since is None:
            return
        until = min(round(at * 1000), self._last + round(hold * 1000))
        while self._credited < until:
            part = min(until, (self._credited // _STEP + 1) * _STEP)
            bucket = self._bucket(self._credited)
            bucket.watched += part - self._credited
            for number, agents in enumerate(self._counts):
                bucket.states[number] += agents * (part - self._credited)
            self._peaks(bucket)
            self._credited = part
            self._spans[self._since] = part

    def leave(self) -> None:
        """The cluster is watched no longer, from what was counted last on."""
        self._last = self._since = None

    def begin_anew(self) -> None:
        """The store has lost what it held: the state of every agent is written once more."""
        if self._last is not None:
            self._changes += [Change(name, self._last, known.state) for name, known in self._known.items()]
            self._restarts |= {name: known.restarts for name, known in self._known.items()}
            self._to_keep |= self._last_seen

    def _set_back(self, now: int) -> None:
        """The clock goes back: what was counted for times that are still to come isn't so."""
        kept = self.pending.cut(now)
        self._buckets = {at: bucket for at, bucket in self._buckets.items() if at in kept.buckets}
        self._changes, self._spans = list(kept.changes), dict(kept.watched)
        self.leave()

    @property
    def pending(self) -> Batch:
        """What came together since it was taken last."""
        return Batch(
            self.cluster,
            {at: bucket.closed() for at, bucket in self._buckets.items()},
            tuple(self._changes),
            dict(self._restarts),
            dict(self._spans),
            self._began,
            dict(self._to_keep),
        )

    @property
    def last_seen(self) -> dict[str, LastSeen]:
        """How each agent was last, as far as anybody could tell; nobody who is there no more."""
        return {name: seen._replace(seen_at=self._credited / 1000) for name, seen in self._last_seen.items()}

    @property
    def holds_a_death(self) -> bool:
        """Whether somebody was seen dead, which isn't written yet."""
        return any(seen.state is State.STOPPED for seen in self._to_keep.values())

    def take(self) -> Batch:
        """The same, to be written: from now on something else comes together."""
        batch = self.pending
        self._buckets, self._changes, self._restarts, self._spans, self._began = {}, [], {}, {}, None
        self._to_keep = {}
        return batch

    def _bucket(self, at: int) -> _Open:
        return self._buckets.setdefault(at // _STEP * TIERS[0].step, _Open())

    def _peaks(self, bucket: _Open) -> None:
        bucket.troubled = max(bucket.troubled, self._troubled)
        bucket.open = max(bucket.open, self._open_alerts)

    def _compare(
        self, agents: Sequence[AgentHealth], now: int, bucket: _Open, *, all_of_them: bool, answered: bool
    ) -> None:
        before, self._agents = self._agents, agents
        if all_of_them or len(agents) != len(before):
            anew = list(agents)
        else:
            anew = [agent for agent, was in zip(agents, before, strict=True) if agent is not was]
        if not anew and agents:
            return
        for agent in anew:
            bucket.restarts += self._take_agent(agent, now, begins=all_of_them)
            if answered:
                self._keep(agent.name, agent)
        if len(self._known) != len(agents):
            self._see_who_is_gone(agents, now)
        self._troubled = sum(self._counts[number] for number in _TROUBLED)

    def _take_agent(self, agent: AgentHealth, now: int, *, begins: bool) -> int:
        """Takes note of its state; how often it restarted since it was seen last."""
        name, count = agent.name, agent.sample.restart_count
        known = self._known.get(name)
        before = self._gone.pop(name, count) if known is None else known.restarts
        if known is None or begins or known.state is not agent.state:
            self._changes.append(Change(name, now, agent.state))
            self._restarts[name] = count
        elif before != count:
            self._restarts[name] = count
        if known is None or known.state is not agent.state:
            self._counts[_PLACE[agent.state]] += 1
            if known is not None and known.state is not None:
                self._counts[_PLACE[known.state]] -= 1
        self._known[name] = Known(agent.state, count)
        return restarts_between(before, count)

    def _keep(self, name: str, agent: AgentHealth) -> None:
        """Takes note of how it is, for the next run. That one works on is nothing new, that nobody can tell neither."""
        kept, state = self._last_seen.get(name), agent[1]
        if state is State.UNKNOWN:
            return
        if state is State.BUSY and kept is not None and kept[1] == agent[3]:
            sample = agent[0]
            if kept[0] is state and kept[3] == sample[3] and kept[4] == sample[11][0]:
                return  # a thousand that work cost a thousand of these a check
        seen = LastSeen.of(agent)
        if seen != kept:
            self._last_seen[name] = self._to_keep[name] = seen

    def _see_who_is_gone(self, agents: Sequence[AgentHealth], now: int) -> None:
        there = {agent.name for agent in agents}
        for name in [name for name in self._known if name not in there]:
            self._changes.append(Change(name, now, None))
            known = self._known.pop(name)
            self._last_seen.pop(name, None)
            self._to_keep.pop(name, None)
            self._gone[name] = known.restarts
            if known.state is not None:
                self._counts[_PLACE[known.state]] -= 1
        while len(self._gone) > _MOST_GONE:
            del self._gone[next(iter(self._gone))]


def restarts_between(before: int, after: int) -> int:
    """How far a counter went on; one that is lower than it was began anew at 0."""
    return after - before if after >= before else after
