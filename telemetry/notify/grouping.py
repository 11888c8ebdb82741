"""Notices that wait to become messages: the first leaves soon, followers are gathered, one alert is told once. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from telemetry.model import Notice, NoticeKind
from telemetry.store.values import QueuedNotice

MOST_NOTICES = 50
"""In one message; what is more goes into the next."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How notices become messages, in seconds.

    Attributes:
        group_wait: From the first notice to its message: what comes within it rides along.
        group_interval: From one message about a cluster to the next: followers are gathered meanwhile.
        repeat_interval: After which an alert that is still open is told again.
    """

    group_wait: float = 0.1
    group_interval: float = 10.0
    repeat_interval: float = 4 * 3600.0


@dataclass
class Group:
    """The notices about one cluster that wait for one channel.

    Attributes:
        last_sent: When the last message was put together (Unix s).
        waiting: Oldest first.
        opened_at: When the first of them came.
    """

    last_sent: float = float("-inf")
    waiting: list[QueuedNotice] = field(default_factory=list)
    opened_at: float = 0.0

    def add(self, notice: QueuedNotice, now: float) -> None:
        """One more."""
        if not self.waiting:
            self.opened_at = now
        self.waiting.append(notice)

    def set_back(self, now: float) -> None:
        """What lies ahead of the present is of a clock that was set back since: it counts as now."""
        self.last_sent, self.opened_at = min(self.last_sent, now), min(self.opened_at, now)

    def due_at(self, timing: Timing) -> float:
        """When the next message is to be put together; infinite while nothing waits."""
        if not self.waiting:
            return float("inf")
        return max(self.opened_at + timing.group_wait, self.last_sent + timing.group_interval)

    def take(self, now: float) -> tuple[list[QueuedNotice], tuple[Notice, ...]]:
        """What the next message holds: the notices that are used up by it, and those that it tells."""
        told: dict[str, Notice] = {}
        used: list[QueuedNotice] = []
        ride_along = self._worst()
        for queued in self.waiting:
            held = told.get(queued.notice.alert_id)
            if queued.notice.alert_id not in ride_along:
                continue  # of an alert that rides along, everything does: nothing overtakes
            told[queued.notice.alert_id] = queued.notice if held is None else merged(held, queued.notice)
            used.append(queued)
        seen = {queued.seq for queued in used}
        self.waiting = [queued for queued in self.waiting if queued.seq not in seen]
        self.opened_at = now
        # the rest of a crowd doesn't wait for an interval of its own
        self.last_sent = float("-inf") if self.waiting else now
        return used, tuple(told.values())

    def _worst(self) -> set[str]:
        """The alerts that the next message holds: where they are too many the worst first, of those the oldest."""
        latest = {queued.notice.alert_id: queued.notice for queued in self.waiting}
        if len(latest) <= MOST_NOTICES:
            return set(latest)
        return set(sorted(latest, key=lambda name: (latest[name].resolved, -latest[name].level.rank))[:MOST_NOTICES])


def merged(first: Notice, then: Notice) -> Notice:
    """Two notices about one alert as one: how it is now, told as news where it is."""
    kind = then.kind
    if kind is not NoticeKind.RESOLVED and first.kind is NoticeKind.FIRING:
        kind = NoticeKind.FIRING
    return replace(then, kind=kind, before=first.before)
