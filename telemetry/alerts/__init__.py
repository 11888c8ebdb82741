"""What is wrong, at which level, since when: the catalogue of rules and the engine that applies it."""

from telemetry.alerts.engine import AlertEvent, Change, Engine, Key, Outcome
from telemetry.alerts.history import AlertHistory
from telemetry.alerts.rules import CATALOGUE, Rule, with_idle_unit

__all__ = ["CATALOGUE", "AlertEvent", "AlertHistory", "Change", "Engine", "Key", "Outcome", "Rule", "with_idle_unit"]
