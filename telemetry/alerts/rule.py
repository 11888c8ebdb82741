"""What a rule of alerts is: what it watches, from which value each level holds, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from telemetry.model import AlertLevel

INFO, WARNING, ERROR, CRITICAL = AlertLevel

Levels = Mapping[AlertLevel, float]
Ladder = tuple[float, float, float]
"""Thresholds of WARNING, ERROR and CRITICAL."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong.

    Attributes:
        id: Its name in alerts, metrics and settings.
        watches: What the thresholds measure, with its unit; "" where a rule has one level and no threshold.
        levels: The value from which each level holds, ascending in level; 0.0 where being so is enough.
        summary: What is wrong, in words; `summary_ja` in Japanese.
        todo: What the person who is paged does first; `todo_ja` in Japanese.
        of_cluster: It is about the cluster as a whole, not about one agent.
        of_pipeline: It is about where telemetry goes, and is found in the cluster of that name only.
        hold_for: Seconds for which its cause must be there before it fires.
        keep_firing_for: Seconds for which its cause must be gone before it is over; what comes back sooner is no news.
        window: Seconds that are looked back on, where it counts something over time; 0.0 where it doesn't.
        enabled: Whether it is applied.
        runbook_url: Where more is written, or "".
    """

    id: str
    watches: str
    levels: Levels
    summary: str
    todo: str
    summary_ja: str
    todo_ja: str
    of_cluster: bool = False
    of_pipeline: bool = False
    hold_for: float = 0.0
    keep_firing_for: float = 0.0
    window: float = 0.0
    enabled: bool = True
    runbook_url: str = ""

    def level(self, value: float) -> AlertLevel | None:
        """The highest level whose threshold `value` reaches, or None."""
        reached = None
        for level, threshold in self.levels.items():
            if value >= threshold:
                reached = level
        return reached

    def next_threshold(self, value: float) -> float | None:
        """The lowest threshold above `value`, or None."""
        return next((threshold for threshold in self.levels.values() if threshold > value), None)

    def reached(self, level: AlertLevel) -> float:
        """The threshold of `level`."""
        return self.levels[level]

    @property
    def lowest(self) -> float:
        """The threshold of its lowest level."""
        return next(iter(self.levels.values()))

    @property
    def has_ladder(self) -> bool:
        """Whether it measures something, with a threshold for each level."""
        return bool(self.watches)


def always(level: AlertLevel) -> Levels:
    """One level, reached by being so."""
    return MappingProxyType({level: 0.0})


def ladder(warning: float, error: float, critical: float | None = None) -> Levels:
    """A threshold for each level; None: it never gets so far."""
    steps = {WARNING: warning, ERROR: error}
    return MappingProxyType(steps if critical is None else {**steps, CRITICAL: critical})
