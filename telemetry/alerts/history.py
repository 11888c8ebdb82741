"""The alerts of one monitor in memory: those that are open, and the last ones that are over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from telemetry.alerts.engine import AlertEvent, Change, Key
from telemetry.model import Alert, AlertLevel, Transition

_KEPT = 1_000
"""Alerts that are over, and state changes, that are kept (each)."""


class AlertHistory:
    """What `get_alerts` answers from. `open` is the engine's: it also holds alerts that a person resolved or cleared
    while their cause goes on, so that they don't fire again."""

    def __init__(self) -> None:
        self.open: dict[Key, Alert] = {}
        self._alerts: deque[Alert] = deque(maxlen=_KEPT)
        self._changes: deque[Alert] = deque(maxlen=_KEPT)

    def remember(self, events: Iterable[AlertEvent], transitions: Iterable[Transition]) -> None:
        """Takes in what one check brought: alerts that fired, and state changes as INFO that is over at once."""
        self._alerts.extend(event.alert for event in events if event.change is Change.FIRED)
        self._changes.extend(
            Alert(
                AlertLevel.INFO,
                change.agent.name,
                f"{change.before} → {change.agent.state}: {change.agent.reason}",
                change.at,
                resolved=True,
                cluster=change.cluster,
                rule="state_changed",
                resolved_at=change.at,
            )
            for change in transitions
            if change.before is not None
        )

    def select(self, level: AlertLevel | None, resolved: bool | None, limit: int | None) -> list[Alert]:
        """Newest first, at most `limit`; None selects all."""
        chosen = [
            alert
            for alert in (*self._alerts, *self._changes)
            if (level is None or alert.level == level) and (resolved is None or alert.resolved == resolved)
        ]
        chosen.sort(key=lambda alert: alert.timestamp, reverse=True)
        return chosen if limit is None else chosen[: max(0, limit)]

    def clear(self) -> None:
        """Forgets everything that is told; what is open stays known to the engine, marked as resolved."""
        for alert in self.open.values():
            alert.resolved = True
        self._alerts.clear()
        self._changes.clear()
