"""What is over, in memory: the last alerts and changes of state of one monitor."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from telemetry.model import Alert, AlertEvent, AlertLevel, OpenAlert, Transition

_KEPT = 1_000
"""Alerts that are over, and state changes, that are kept (each)."""


def ended(events: Iterable[AlertEvent]) -> list[Alert]:
    """The alerts that ended with these events, for the history; one that never fired is none of them."""
    return [event.alert.as_alert(resolved_at=event.at) for event in events if event.change.is_end]


def state_change(change: Transition) -> Alert:
    """A change of state as the seed has it: an alert of level INFO that is over at once."""
    return Alert(
        AlertLevel.INFO,
        change.agent.name,
        f"{change.before} → {change.agent.state}: {change.agent.reason}",
        change.at,
        resolved=True,
        cluster=change.cluster,
        rule="state_changed",
        resolved_at=change.at,
    )


class AlertHistory:
    """What `get_alerts` answers from, beside what is open."""

    def __init__(self) -> None:
        self._over: deque[Alert] = deque(maxlen=_KEPT)
        self._changes: deque[Alert] = deque(maxlen=_KEPT)

    def add(self, ended: Iterable[Alert], changes: Iterable[Alert]) -> None:
        """Takes in what one check brought."""
        self._over.extend(ended)
        self._changes.extend(changes)

    def select(
        self, firing: Iterable[OpenAlert], level: AlertLevel | None, resolved: bool | None, limit: int | None
    ) -> list[Alert]:
        """Newest first, at most `limit`; None selects all."""
        chosen = [
            alert
            for alert in (*(held.as_alert() for held in firing), *self._over, *self._changes)
            if (level is None or alert.level == level) and (resolved is None or alert.resolved == resolved)
        ]
        chosen.sort(key=lambda alert: alert.timestamp, reverse=True)
        return chosen if limit is None else chosen[: max(0, limit)]

    def clear(self) -> None:
        """Forgets all of it."""
        self._over.clear()
        self._changes.clear()
