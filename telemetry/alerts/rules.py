"""The catalogue of alert rules: the one source of thresholds. Engine, documentation and dashboards read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from telemetry.model import AlertLevel

INFO, WARNING, ERROR, CRITICAL = AlertLevel


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong.

    Attributes:
        id: Its name in alerts, metrics and settings.
        watches: What the thresholds measure, with its unit; "" where a rule has one level and no threshold.
        levels: The value from which each level holds, ascending in level; 0.0 where being so is enough.
        summary: What is wrong, in words.
        todo: What the person who is paged does first.
    """

    id: str
    watches: str
    levels: Mapping[AlertLevel, float]
    summary: str
    todo: str

    def level(self, value: float) -> AlertLevel | None:
        """The highest level whose threshold `value` reaches, or None."""
        reached = None
        for level, threshold in self.levels.items():
            if value >= threshold:
                reached = level
        return reached

    @property
    def lowest(self) -> float:
        """The threshold of its lowest level."""
        return next(iter(self.levels.values()))


def _always(level: AlertLevel) -> Mapping[AlertLevel, float]:
    return MappingProxyType({level: 0.0})


def _ladder(warning: float, error: float, critical: float) -> Mapping[AlertLevel, float]:
    return MappingProxyType({WARNING: warning, ERROR: error, CRITICAL: critical})


AGENT_STOPPED = Rule(
    "agent_stopped",
    "",
    _always(ERROR),
    "An agent does not run.",
    "Look at its pane or its last log lines, start it again.",
)
AGENT_IDLE = Rule(
    "agent_idle",
    "seconds without activity",
    _ladder(300.0, 600.0, 900.0),
    "An agent has done nothing for a long time.",
    "Give it work, or look whether it waits for something that will not come.",
)
AGENT_RESTARTING = Rule(
    "agent_restarting",
    "restarts",
    _ladder(3.0, 5.0, 10.0),
    "An agent was started again many times.",
    "Look at the last lines before each restart: it likely dies of the same cause.",
)
AGENT_UNRESPONSIVE = Rule(
    "agent_unresponsive",
    "",
    _always(ERROR),
    "An agent says that it works and shows no sign of life.",
    "Look at its pane; interrupt or restart it.",
)
STOPPED_AGENTS = Rule(
    "stopped_agents",
    "stopped agents",
    _ladder(1.0, 2.0, 3.0),
    "Several agents of the cluster do not run.",
    "Look for a common cause: the machine, the session, a limit of the model's service.",
)
CLUSTER_DOWN = Rule(
    "cluster_down", "", _always(CRITICAL), "The whole cluster is down.", "Start the session or the orchestrator again."
)
SOURCE_FAILING = Rule(
    "source_failing",
    "",
    _always(ERROR),
    "The cluster can't be seen: its source gives no answer.",
    "Read the reason in the message: until it is mended, nobody knows how the agents are.",
)

CATALOGUE: tuple[Rule, ...] = (
    AGENT_STOPPED,
    AGENT_IDLE,
    AGENT_RESTARTING,
    AGENT_UNRESPONSIVE,
    STOPPED_AGENTS,
    CLUSTER_DOWN,
    SOURCE_FAILING,
)
"""Every rule, in the order they are told."""


Ladder = tuple[float, float, float]
"""Thresholds of WARNING, ERROR and CRITICAL."""


def with_ladders(
    *, idle: Ladder | None = None, restarts: Ladder | None = None, stopped: Ladder | None = None
) -> tuple[Rule, ...]:
    """The catalogue with other thresholds where they are given: seconds idle, restarts, stopped agents."""
    changed = {AGENT_IDLE.id: idle, AGENT_RESTARTING.id: restarts, STOPPED_AGENTS.id: stopped}
    return tuple(
        replace(rule, levels=_ladder(*ladder)) if (ladder := changed.get(rule.id)) else rule for rule in CATALOGUE
    )


def idle_ladder(max_idle_time: float) -> Ladder:
    """N, 2N, 3N seconds, as `max_idle_time=N` means."""
    return max_idle_time, 2 * max_idle_time, 3 * max_idle_time
