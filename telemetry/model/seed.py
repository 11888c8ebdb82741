"""The seed's own values, under its names: numbers about a cluster, and its view of one agent."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from enum import Enum


class AgentHealthStatus(str, Enum):
    """The seed's judgement of an agent; `telemetry.health` derives it from the state."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"


@dataclass
class ClusterMetrics:
    """The seed's numbers about a cluster.

    Attributes:
        running_agents: Those whose process lives.
        idle_agents: Those in state idle.
        unhealthy_agents: Stopped, unresponsive, unknown, or restarted too often.
    """

    total_agents: int
    running_agents: int
    idle_agents: int
    unhealthy_agents: int
    total_restarts: int
    timestamp: float = field(default_factory=time.time)


@dataclass
class AgentState:
    """The seed's view of one agent (for its states as words see `State`)."""

    name: str
    is_running: bool
    last_activity: float
    restart_count: int
    health_status: AgentHealthStatus = AgentHealthStatus.HEALTHY
    current_task_id: str | None = None
    error_message: str | None = None
