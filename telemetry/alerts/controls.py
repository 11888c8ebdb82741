"""What people said about alerts: silences that end, and maintenance windows. Pure: the time is passed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from telemetry.model import AlertLevel, OpenAlert, Phase, Reason, Silence, Suppression
from telemetry.schedule import Hours


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window in which nobody is told of some alerts, from the settings.

    Attributes:
        hours: When.
        reason: Why, for people.
        cluster: A name or a pattern; the same for `agent`, `role` and `rule`.
    """

    hours: Hours
    reason: str = "planned"
    cluster: str = "*"
    agent: str = "*"
    role: str = "*"
    rule: str = "*"


@dataclass(frozen=True, slots=True)
class Controls:
    """All that people said. Replaced whole when something is said anew."""

    silences: tuple[Silence, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()

    def suppression(self, alert: OpenAlert, now: float) -> Suppression | None:
        """Why `alert` is not to be told at `now`, or None."""
        for silence in self.silences:
            if silence.active(now) and matches(silence, alert):
                return Suppression(Reason.SILENCED, f"silenced by {silence.author}: {silence.reason}")
        for window in self.maintenance:
            if window.hours.active(now) and matches(window, alert) and fnmatchcase(alert.role, window.role):
                return Suppression(Reason.MAINTENANCE, f"maintenance: {window.reason}")
        return None

    def why_unheard(self, cluster: str, agent: str, role: str, rule: str, now: float) -> Suppression | None:
        """Why nobody is to be told of an alert, should there be one; None: they are."""
        if not (self.silences or self.maintenance):
            return None
        return self.suppression(OpenAlert(cluster, agent, rule, AlertLevel.INFO, "", Phase.FIRING, now, role=role), now)

    def next_change(self, now: float) -> float:
        """The next time at which a silence or a window may begin or end; infinite where none does."""
        return min(_changes(self, now), default=float("inf"))


def _changes(controls: Controls, now: float) -> Iterable[float]:
    for silence in controls.silences:
        yield from (at for at in (silence.starts_at, silence.ends_at) if at > now)
    for window in controls.maintenance:
        yield window.hours.next_change(now)


def matches(wanted: Silence | Maintenance, alert: OpenAlert) -> bool:
    """Whether cluster, agent and rule of the alert are those meant."""
    return (
        fnmatchcase(alert.cluster, wanted.cluster)
        and fnmatchcase(alert.rule, wanted.rule)
        and (wanted.agent in ("", "*") or fnmatchcase(alert.agent, wanted.agent))
    )
