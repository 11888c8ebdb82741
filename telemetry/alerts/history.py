"""The alerts of one monitor in memory: those that are open, and the last ones that are over."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from telemetry.alerts.engine import Key
from telemetry.model import Alert, AlertLevel, Transition

_KEPT = 1_000
"""Alerts that are over, and state changes, that are kept (each)."""


class AlertHistory:
    """What `get_alerts` answers from.

    Attributes:
        open: What the engine holds open. That includes alerts which a person resolved or cleared while their cause goes
            on, so that they don't fire again.
    """

    def __init__(self) -> None:
        self.open: Mapping[Key, Alert] = {}
        self._cleared: set[Key] = set()
        self._over: deque[Alert] = deque(maxlen=_KEPT)
        self._changes: deque[Alert] = deque(maxlen=_KEPT)

    def update(self, now_open: Mapping[Key, Alert], transitions: Iterable[Transition]) -> None:
        """Takes in what one check brought: what is open now, and state changes, which are INFO and over at once."""
        gone = self.open.keys() - now_open.keys()
        self._over.extend(alert for key, alert in self.open.items() if key in gone and key not in self._cleared)
        self._cleared -= gone
        self.open = now_open
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
        )

    def select(self, level: AlertLevel | None, resolved: bool | None, limit: int | None) -> list[Alert]:
        """Newest first, at most `limit`; None selects all."""
        told = [alert for key, alert in self.open.items() if key not in self._cleared]
        chosen = [
            alert
            for alert in (*told, *self._over, *self._changes)
            if (level is None or alert.level == level) and (resolved is None or alert.resolved == resolved)
        ]
        chosen.sort(key=lambda alert: alert.timestamp, reverse=True)
        return chosen if limit is None else chosen[: max(0, limit)]

    def clear(self) -> None:
        """Forgets everything that is told; what is open stays known to the engine, marked as resolved."""
        for alert in self.open.values():
            alert.resolved = True
        self._cleared = set(self.open)
        self._over.clear()
        self._changes.clear()
