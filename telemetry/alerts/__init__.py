"""What is wrong, at which level, since when: the catalogue of rules and the engine that applies it."""

from telemetry.alerts.controls import Controls, Maintenance
from telemetry.alerts.engine import Engine
from telemetry.alerts.history import AlertHistory
from telemetry.alerts.lifecycle import Damping
from telemetry.alerts.rule import Rule, ladder
from telemetry.alerts.rules import AGENT_RESTARTING, CATALOGUE, idle_ladder, with_ladders
from telemetry.alerts.ruleset import Override, RuleChange, RuleSet
from telemetry.alerts.state import EngineState, Outcome

__all__ = [
    "AGENT_RESTARTING",
    "CATALOGUE",
    "AlertHistory",
    "Controls",
    "Damping",
    "Engine",
    "EngineState",
    "Maintenance",
    "Outcome",
    "Override",
    "Rule",
    "RuleChange",
    "RuleSet",
    "idle_ladder",
    "ladder",
    "with_ladders",
]
