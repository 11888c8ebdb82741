"""What is to be told now of one alert on one channel, given what was told before. Pure; each answer names itself."""

from __future__ import annotations

from dataclasses import dataclass

from telemetry.model import NoticeKind, OpenAlert, Phase
from telemetry.store.values import Told


@dataclass(frozen=True, slots=True)
class Pace:
    """How a channel is told of what goes on.

    Attributes:
        repeat: Seconds after which an open alert is told again; infinite: never.
        refresh: The receiver forgets what isn't said again: repeated also while somebody takes care of the alert, or it
            is silenced after it was told.
    """

    repeat: float
    refresh: bool = False


def due(alert: OpenAlert, told: Told | None, pace: Pace, now: float, *, routed: bool = True) -> NoticeKind | None:
    """What is to be told of an open alert at `now`, or None.

    Args:
        alert: As it is now.
        told: What the channel was told last; None: nothing.
        pace: The channel's.
        now: Unix time.
        routed: Whether the channel is one for such alerts now. One that is not still hears of a level that changed.
    """
    if alert.phase is not Phase.FIRING:
        return None
    quiet = alert.suppressed is not None or alert.is_acknowledged
    if told is None:
        return NoticeKind.FIRING if routed and not quiet else None
    if told.level is not alert.level:
        return NoticeKind.LEVEL if pace.refresh or not quiet else None
    if now < told.at + pace.repeat:
        return None
    return NoticeKind.REPEAT if pace.refresh or (routed and not quiet) else None
