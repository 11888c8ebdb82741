"""What is wrong, at which level, since when: the catalogue of rules and the engine that applies it."""

from telemetry.alerts.engine import AlertEvent, Change, Engine, Key, Outcome
from telemetry.alerts.history import AlertHistory
from telemetry.alerts.rules import AGENT_RESTARTING, CATALOGUE, Rule, idle_ladder, with_ladders

__all__ = [
    "AGENT_RESTARTING",
    "CATALOGUE",
    "AlertEvent",
    "AlertHistory",
    "Change",
    "Engine",
    "Key",
    "Outcome",
    "Rule",
    "idle_ladder",
    "with_ladders",
]
