"""Which channels are told of an alert: by its level, cluster, role and agent, and by the hour. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from telemetry.model import AlertLevel, OpenAlert
from telemetry.schedule import ALWAYS, Hours


@dataclass(frozen=True, slots=True)
class Route:
    """Alerts that match are told on these channels; every route that matches counts.

    Attributes:
        channels: Names of channels; empty: every one that is on.
        level: From this level on.
        cluster: A name or a pattern; the same for `role`, `agent` and `rule`.
        hours: When it holds. What fires outside of them is told when they begin, if it is still open.
    """

    channels: tuple[str, ...] = ()
    level: AlertLevel = AlertLevel.WARNING
    cluster: str = "*"
    role: str = "*"
    agent: str = "*"
    rule: str = "*"
    hours: Hours = ALWAYS

    def matches(self, alert: OpenAlert, now: float) -> bool:
        """Whether it holds for `alert` at `now` (Unix s)."""
        return (
            alert.level.rank >= self.level.rank
            and fnmatchcase(alert.cluster, self.cluster)
            and fnmatchcase(alert.role, self.role)
            and fnmatchcase(alert.agent, self.agent)
            and fnmatchcase(alert.rule, self.rule)
            and (self.hours is ALWAYS or self.hours.active(now))
        )


DEFAULT_ROUTES = (Route(),)
"""WARNING and above, everywhere, always."""


def channels_for(alert: OpenAlert, routes: Sequence[Route], on: Iterable[str], now: float) -> list[str]:
    """The channels, of those that are on, that are told of `alert` at `now`; in their order, each once."""
    matching = [route for route in routes if route.matches(alert, now)]
    return [name for name in on if any(not route.channels or name in route.channels for route in matching)]


def next_change(routes: Iterable[Route], now: float) -> float:
    """The next time at which a route may begin or cease to hold; infinite where none does."""
    return min((r.hours.next_change(now) for r in routes if r.hours is not ALWAYS), default=float("inf"))
