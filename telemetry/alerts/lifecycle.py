"""The life of one alert: pending → firing → escalated, de-escalated → resolved. Pure, one step at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from telemetry.alerts.findings import Finding
from telemetry.alerts.rule import Rule
from telemetry.model import AlertEvent, Change, OpenAlert, Phase, Reason


@dataclass(frozen=True, slots=True)
class Damping:
    """When an alert counts as flapping, and what that means.

    Attributes:
        after: Firings within `window`; with this one it is flapping.
        window: Seconds that are looked back on.
        hold: Seconds for which the cause of a flapping alert must be gone before it is over.
    """

    after: int = 3
    window: float = 600.0
    hold: float = 300.0


@dataclass(frozen=True, slots=True)
class Step:
    """What one step made of an alert.

    Attributes:
        alert: The alert after it, or None: it is no more.
        event: What happened, or None: nothing new.
        due_at: When time alone changes something (Unix s; infinite: never).
        fires: When it fired lately, for the memory; None: as before.
    """

    alert: OpenAlert | None
    event: AlertEvent | None = None
    due_at: float = math.inf
    fires: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Whose alert it would be."""

    cluster: str
    agent: str
    rule: str
    role: str


@dataclass(frozen=True, slots=True)
class Terms:
    """By what an alert is judged in one step.

    Attributes:
        rule: The rule that holds for it.
        fires: When it fired lately (Unix s, oldest first).
        damping: When it counts as flapping.
        now: Unix time.
    """

    rule: Rule
    fires: tuple[float, ...]
    damping: Damping
    now: float


def begin(place: Place, finding: Finding, terms: Terms) -> Step:
    """A cause is there that wasn't: pending, or firing at once where the rule has no `for`."""
    now, rule = terms.now, terms.rule
    alert = OpenAlert(
        cluster=place.cluster,
        agent=place.agent,
        rule=place.rule,
        level=finding.level,
        message=finding.message,
        phase=Phase.PENDING,
        since=now,
        changed_at=now,
        peak=finding.level,
        role=place.role,
    )
    if rule.hold_for <= 0:
        return _fire(alert, Reason.REACHED, terms)
    event = AlertEvent(Change.PENDING, alert, Reason.REACHED, now, f"pending: {alert.message}")
    return Step(alert, event, now + rule.hold_for)


def go_on(alert: OpenAlert, finding: Finding | None, terms: Terms) -> Step:
    """An alert that is there is looked at again, with what is found now."""
    if alert.phase is Phase.PENDING:
        return _pending(alert, finding, terms)
    if alert.phase is Phase.DISMISSED:
        return Step(None) if finding is None else Step(_as_found(alert, finding))
    return _firing(alert, finding, terms)


def end(alert: OpenAlert, reason: Reason, now: float) -> Step:
    """It is over, whatever is found."""
    if alert.phase is Phase.DISMISSED:
        return Step(None)
    if alert.phase is Phase.PENDING:
        return Step(None, AlertEvent(Change.DROPPED, alert, reason, now, f"never fired: {alert.message}"))
    after = max(0.0, now - alert.fired_at)
    return Step(None, AlertEvent(Change.RESOLVED, alert, reason, now, f"over after {after:.0f} s: {alert.message}"))


def _pending(alert: OpenAlert, finding: Finding | None, terms: Terms) -> Step:
    if finding is None:
        return end(alert, Reason.OVER, terms.now)
    alert = _as_found(alert, finding)
    if alert.since > terms.now:  # the clock was set back: its time begins anew
        alert = replace(alert, since=terms.now)
    due = alert.since + terms.rule.hold_for
    return _fire(alert, Reason.LASTED, terms) if terms.now >= due else Step(alert, due_at=due)


def _fire(alert: OpenAlert, reason: Reason, terms: Terms) -> Step:
    now, damping = terms.now, terms.damping
    lately = (*(at for at in terms.fires if at > now - damping.window), now)
    alert = replace(
        alert,
        phase=Phase.FIRING,
        fired_at=now,
        changed_at=now,
        peak=alert.level,
        flapping=len(lately) >= damping.after,
    )
    return Step(alert, AlertEvent(Change.FIRED, alert, reason, now, alert.message), fires=lately)


def _firing(alert: OpenAlert, finding: Finding | None, terms: Terms) -> Step:
    now, keep = terms.now, terms.rule.keep_firing_for
    if finding is not None and finding.level.rank >= alert.level.rank:
        risen = finding.level.rank > alert.level.rank
        before, alert = alert.level, _as_found(alert, finding)
        if alert.lower_since is not None:
            alert = replace(alert, lower_since=None)
        if not risen:
            return Step(alert)
        alert = replace(alert, changed_at=now, peak=max(alert.peak, alert.level, key=lambda level: level.rank))
        return Step(alert, AlertEvent(Change.ESCALATED, alert, Reason.ROSE, now, alert.message, before))
    hold = max(keep, terms.damping.hold) if alert.flapping else keep
    # One that is to come is of a clock that was set back since: the hold begins anew
    lower_since = now if alert.lower_since is None else min(alert.lower_since, now)
    if now < lower_since + hold:
        alert = alert if alert.lower_since == lower_since else replace(alert, lower_since=lower_since)
        return Step(alert, due_at=lower_since + hold)
    if finding is None:
        return end(alert, Reason.OVER, now)
    before, alert = alert.level, replace(_as_found(alert, finding), lower_since=None, changed_at=now)
    return Step(alert, AlertEvent(Change.DEESCALATED, alert, Reason.FELL, now, alert.message, before))


def _as_found(alert: OpenAlert, finding: Finding) -> OpenAlert:
    """With the level and the message as they are now; the very object where they are the same."""
    if alert.level is finding.level and alert.message == finding.message:
        return alert
    return replace(alert, level=finding.level, message=finding.message)
