"""What leaves for people: a notice tells one thing about one alert, a message is what one channel sends at once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from telemetry.model.alerts import AlertLevel


class NoticeKind(StrEnum):
    """What a notice tells."""

    FIRING = "firing"
    LEVEL = "level"
    """It is still open, at another level than was told last."""
    REPEAT = "repeat"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell about one alert, complete in itself: it is kept as it is until it was delivered.

    Attributes:
        kind: What it tells.
        alert_id: Names the firing.
        cluster: The cluster.
        agent: The agent, or "" for an alert about the cluster itself.
        role: The agent's role, or "".
        rule: The rule's id.
        level: The level now; for RESOLVED the last one.
        message: What is wrong, in one line. Made by agents in part: hostile to whoever renders it.
        since: When it fired (Unix s).
        at: When this happened (Unix s); for RESOLVED, when it was over.
        before: The level that was told last on this channel, or None.
        trace_id: The trace of the check that raised it (32 hex), or "".
        summary: The rule's summary, in the language that is set.
        todo: What to do, in the language that is set.
        runbook_url: Where more is written, or "".
        note: Anything to add: by whom it was acknowledged, that it is flapping; "" for nothing.
    """

    kind: NoticeKind
    alert_id: str
    cluster: str
    agent: str
    rule: str
    level: AlertLevel
    message: str
    since: float
    at: float
    role: str = ""
    before: AlertLevel | None = None
    trace_id: str = ""
    summary: str = ""
    todo: str = ""
    runbook_url: str = ""
    note: str = ""

    @property
    def subject(self) -> str:
        """What it is about, for people: the agent's name, or the cluster's."""
        return self.agent or self.cluster

    @property
    def resolved(self) -> bool:
        """Whether it tells that the alert is over."""
        return self.kind is NoticeKind.RESOLVED


@dataclass(frozen=True, slots=True)
class Message:
    """What one channel sends at once: notices of one cluster, oldest first, at most one an alert.

    Attributes:
        id: 32 hex digits; the same at each attempt, so that a receiver can tell a repetition.
        channel: The channel's name.
        cluster: The cluster.
        notices: One or more.
        created_at: When it was put together (Unix s).
        test: A person asked for it to see whether the channel works: it says so.
    """

    id: str
    channel: str
    cluster: str
    notices: tuple[Notice, ...]
    created_at: float
    test: bool = False

    @property
    def level(self) -> AlertLevel:
        """The highest level of what is firing in it; where all is over, INFO."""
        return max(
            (n.level for n in self.notices if not n.resolved), key=lambda level: level.rank, default=AlertLevel.INFO
        )

    @property
    def resolved(self) -> bool:
        """Whether all that it tells is over."""
        return all(notice.resolved for notice in self.notices)
