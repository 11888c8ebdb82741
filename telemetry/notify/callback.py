"""The seed's `alert_callback`: one more channel, inside the monitor's own program. It keeps and repeats nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from telemetry.model import Alert, AlertEvent, AlertLevel, Key, News, OpenAlert
from telemetry.notify.due import Pace, due
from telemetry.store.values import Told

_ONCE = Pace(math.inf)


class CallbackChannel:
    """Says of what a callback is to be told: of what any other channel is told by default, but at once and one by one.

    Args:
        call: Told of one alert. What it raises or returns is the caller's business.
    """

    def __init__(self, call: Callable[[Alert], Any]) -> None:
        self._call = call
        self._told: dict[Key, Told] = {}

    def take(self, news: News) -> None:
        """Tells what one check changed."""
        for alert in self._over(news.events):
            self._call(alert)
        for held in news.changed:
            if self._is_due(held, news.at):
                self._told[held.key] = Told(held.level, news.at)
                self._call(held.as_alert())

    def _is_due(self, alert: OpenAlert, now: float) -> bool:
        return (
            due(alert, self._told.get(alert.key), _ONCE, now, routed=alert.level.rank >= AlertLevel.WARNING.rank)
            is not None
        )

    def _over(self, events: Iterable[AlertEvent]) -> Iterable[Alert]:
        for event in events:
            if event.change.is_end and self._told.pop(event.alert.key, None) is not None:
                over = event.alert.as_alert(resolved_at=event.at)
                yield replace(over, level=AlertLevel.INFO, message=event.text)
