"""Alerts: what one is while it is open, what can happen to it, and the seed's view of it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import NamedTuple

PIPELINE = "@pipeline"
"""The name under which alerts about the way of telemetry itself stand where others have their cluster. No cluster of
agents may be called so; its «agents» are backends, the collector, the spool and the monitor."""


class AlertLevel(str, Enum):
    """How loud an alert is. A `(str, Enum)`, as in the seed, so that `level == "error"` holds."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for INFO to 3 for CRITICAL, for comparisons."""
        return _RANKS[self]


_RANKS = {level: rank for rank, level in enumerate(AlertLevel)}


@dataclass
class Alert:
    """An alert as the seed knows it: its five fields first, in its order, then ours.

    Attributes:
        level: The level it has now.
        agent_name: The agent it is about; the cluster's name for an alert about the whole cluster.
        message: What is wrong, in one line.
        timestamp: When it fired.
        resolved: Whether it is over.
        cluster: The cluster.
        rule: The rule's id in the catalogue, such as `agent_stopped`; `state_changed` for a change of state.
        resolved_at: When it was over, or None.
        trace_id: The trace of the check that raised it (32 hex), or "".
        id: Names this firing in commands and the API; "" for a change of state.
        acknowledged_by: Who takes care of it, or "".
        suppressed: Why it is not told at present, in words, or "".
    """

    level: AlertLevel
    agent_name: str
    message: str
    timestamp: float = field(default_factory=time.time)
    resolved: bool = False
    cluster: str = ""
    rule: str = ""
    resolved_at: float | None = None
    trace_id: str = ""
    id: str = ""
    acknowledged_by: str = ""
    suppressed: str = ""


class Key(NamedTuple):
    """An alert's identity in its cluster; `agent` is "" for an alert about the cluster itself."""

    agent: str
    rule: str


class Phase(StrEnum):
    """Where an alert is in its life. Before it is pending, and after it is resolved, there is none."""

    PENDING = "pending"
    """Its cause is there, for less than the rule's `for`."""
    FIRING = "firing"
    DISMISSED = "dismissed"
    """A person resolved it while its cause goes on: it is quiet until the cause was over once."""


class Change(StrEnum):
    """What happened to an alert."""

    PENDING = "pending"
    FIRED = "fired"
    ESCALATED = "escalated"
    DEESCALATED = "deescalated"
    RESOLVED = "resolved"
    DROPPED = "dropped"
    """It was pending, and its cause was over before it fired."""
    ACKNOWLEDGED = "acknowledged"
    DISMISSED = "dismissed"

    @property
    def is_end(self) -> bool:
        """Whether an alert that fired is over with it."""
        return self in (Change.RESOLVED, Change.DISMISSED)


class Reason(StrEnum):
    """Why something happened to an alert, or why it is not told: each decision of the engine names one."""

    REACHED = "the threshold was reached"
    LASTED = "it has lasted for as long as the rule asks"
    ROSE = "a higher threshold was reached"
    FELL = "only a lower threshold is reached, and has been for as long as the rule asks"
    OVER = "its cause is over"
    GONE = "the agent is no longer expected"
    UNWATCHED = "the cluster is no longer watched"
    NOT_CHOSEN = "nothing is sent to it any more"
    RULE_OFF = "its rule is off"
    PERSON = "a person said so"
    # why it is not told
    CLUSTER_DOWN = "the whole cluster is down"
    AGENT_STOPPED = "the agent is stopped"
    REPEATS = "it repeats what another alert says"
    SILENCED = "silenced"
    MAINTENANCE = "maintenance"
    ENDING = "its cause is over, and it waits whether that lasts"


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Somebody takes care: no repeats at this level or below. A higher level is told, and asks for another.

    Attributes:
        level: The alert's level when it was acknowledged.
    """

    by: str
    at: float
    level: AlertLevel
    note: str = ""


@dataclass(frozen=True, slots=True)
class Suppression:
    """Why an open alert is not told at present.

    Attributes:
        reason: Named.
        detail: In words, with who and why where a person did it.
    """

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """One alert while it is open: all that the engine remembers of it. Frozen: each change makes another.

    Attributes:
        cluster: The cluster.
        agent: The agent it is about, or "" for the cluster itself.
        rule: The rule's id.
        level: The level it has now.
        message: What is wrong, in one line; the same text as long as nothing about it changes.
        phase: Where it is in its life.
        since: When its cause was first seen.
        fired_at: When it fired; 0.0 while it is pending.
        changed_at: When it got the level that it has.
        lower_since: Since when its cause is over, or reaches only a lower level; None while it holds in full.
        peak: The highest level it has had.
        flapping: It came and went so often that it is kept open until it has been quiet for longer.
        role: The agent's role, or "".
        trace_id: The trace of the check that raised it (32 hex), or "".
        acknowledged: By whom, or None.
        suppressed: Why it is not told, or None.
    """

    cluster: str
    agent: str
    rule: str
    level: AlertLevel
    message: str
    phase: Phase
    since: float
    fired_at: float = 0.0
    changed_at: float = 0.0
    lower_since: float | None = None
    peak: AlertLevel = AlertLevel.INFO
    flapping: bool = False
    role: str = ""
    trace_id: str = ""
    acknowledged: Acknowledgement | None = None
    suppressed: Suppression | None = None

    @property
    def key(self) -> Key:
        """Its identity in its cluster."""
        return Key(self.agent, self.rule)

    @property
    def id(self) -> str:
        """Names this firing: the same after a restart, another the next time it fires."""
        return alert_id(self.cluster, self.agent, self.rule, self.since)

    @property
    def subject(self) -> str:
        """What it is about, for people: the agent's name, or the cluster's."""
        return self.agent or self.cluster

    @property
    def is_acknowledged(self) -> bool:
        """Whether somebody takes care of it at the level it has now."""
        return self.acknowledged is not None and self.level.rank <= self.acknowledged.level.rank

    def as_alert(self, resolved_at: float | None = None) -> Alert:
        """As the seed's users see it. One that a person dismissed is told as resolved."""
        return Alert(
            level=self.level,
            agent_name=self.subject,
            message=self.message,
            timestamp=self.fired_at or self.since,
            resolved=resolved_at is not None or self.phase is Phase.DISMISSED,
            cluster=self.cluster,
            rule=self.rule,
            resolved_at=resolved_at,
            trace_id=self.trace_id,
            id=self.id,
            acknowledged_by=self.acknowledged.by if self.acknowledged and self.is_acknowledged else "",
            suppressed=self.suppressed.detail if self.suppressed else "",
        )


def alert_id(cluster: str, agent: str, rule: str, since: float) -> str:
    """Ten hex digits that name one firing of one alert."""
    text = f"{cluster}\0{agent}\0{rule}\0{since!r}"
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One thing that happened to one alert.

    Attributes:
        change: What.
        alert: The alert after it.
        reason: Why, named.
        at: When.
        text: In one line, for people.
        before: The level it had before, where that changed.
    """

    change: Change
    alert: OpenAlert
    reason: Reason
    at: float
    text: str
    before: AlertLevel | None = None


@dataclass(frozen=True, slots=True)
class AlertMemory:
    """What is remembered beyond open alerts: it makes flapping and restart rates visible across a restart of ours.

    Attributes:
        fires: When each alert fired lately (Unix s, oldest first).
        restarts: When each agent was restarted lately (Unix s, oldest first).
    """

    fires: Mapping[Key, tuple[float, ...]] = field(default_factory=dict)
    restarts: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class News:
    """What one check, or one person, changed about the alerts of one cluster.

    Attributes:
        cluster: The cluster.
        at: When (Unix s).
        open: Every alert that is open now, by key; pending and dismissed ones too.
        changed: Those that are other than before.
        gone: The keys of those that are no more.
        events: What happened.
        over: Alerts that ended, and changes of state, for the history.
        memory: What is to be remembered now, or None: as before.
    """

    cluster: str
    at: float
    open: Mapping[Key, OpenAlert]
    changed: tuple[OpenAlert, ...] = ()
    gone: tuple[Key, ...] = ()
    events: tuple[AlertEvent, ...] = ()
    over: tuple[Alert, ...] = ()
    memory: AlertMemory | None = None


SHORTEST_SILENCE = 1.0
"""Seconds: a shorter one would be over before anybody could end it."""
LONGEST_SILENCE = 366 * 86_400.0
"""Seconds: no silence lasts longer."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Alerts that a person doesn't want to be told of, for a time.

    Attributes:
        id: Eight hex digits.
        author: Who wants it so.
        reason: Why.
        starts_at: Unix s.
        ends_at: Unix s; every silence ends.
        cluster: A name or a pattern (`*`, `?`) that the alert's cluster matches.
        agent: The same for the agent; "" or `*` means every one, and alerts about the cluster itself too.
        rule: The same for the rule's id.
    """

    id: str
    author: str
    reason: str
    starts_at: float
    ends_at: float
    cluster: str = "*"
    agent: str = "*"
    rule: str = "*"

    def active(self, now: float) -> bool:
        """Whether it holds at `now`."""
        return self.starts_at <= now < self.ends_at


@dataclass(frozen=True, slots=True)
class AlertPage:
    """One page of the history, newest first; `total` is how many match in all."""

    alerts: tuple[Alert, ...]
    total: int
