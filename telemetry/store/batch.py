"""What comes together of one cluster until it is written to the timeline. Plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from telemetry.model import LastSeen, State
from telemetry.store.counts import Buckets, added

_MOST_WAITING_BUCKETS = 360
_MOST_WAITING_CHANGES = 20_000


class Known(NamedTuple):
    """What was known of an agent last: its state (None: it was there no more), and how often it had restarted."""

    state: State | None
    restarts: int


class Change(NamedTuple):
    """An agent entered a state, or was there no more (None), at a time (Unix ms)."""

    agent: str
    at: int
    state: State | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written at once for one cluster.

    Attributes:
        cluster: Its name.
        buckets: What is to be added to the buckets of the finest tier, and to all above.
        changes: Changes of state.
        restarts: Each agent's restarts, where they changed.
        last_seen: How each agent is now, where that changed; nobody who is there no more.
        watched: Until when (Unix ms) it has been watched, by since when.
        began: When (Unix ms) it began to be watched, where it did: what is kept for later is dropped, a week of it;
            the clock was wrong then, and of what is further off it is wrong now.
    """

    cluster: str
    buckets: Buckets = field(default_factory=dict)
    changes: Sequence[Change] = ()
    restarts: Mapping[str, int] = field(default_factory=dict)
    watched: Mapping[int, int] = field(default_factory=dict)
    began: int | None = None
    last_seen: Mapping[str, LastSeen] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.buckets or self.changes or self.restarts or self.watched or self.last_seen)

    def followed_by(self, later: Batch) -> Batch:
        """Both as one. Of what could not be written for long, the oldest is left out."""
        before = self if later.began is None else self.cut(later.began)
        buckets = added(before.buckets.items(), later.buckets.items())
        return Batch(
            self.cluster,
            dict(list(buckets.items())[-_MOST_WAITING_BUCKETS:]),
            (*before.changes, *later.changes)[-_MOST_WAITING_CHANGES:],
            {**before.restarts, **later.restarts},
            {**before.watched, **later.watched},
            min((began for began in (before.began, later.began) if began is not None), default=None),
            {**{name: seen for name, seen in before.last_seen.items() if name not in later.gone}, **later.last_seen},
        )

    @property
    def gone(self) -> set[str]:
        """Who was there no more at some time."""
        return {change.agent for change in self.changes if change.state is None}

    def cut(self, at: int) -> Batch:
        """Without what is later than a time (Unix ms)."""
        return replace(
            self,
            buckets={begins: bucket for begins, bucket in self.buckets.items() if begins * 1000 <= at},
            changes=tuple(change for change in self.changes if change.at <= at),
            watched={since: min(until, at) for since, until in self.watched.items() if since <= at},
        )
