"""OpenTelemetry for clusters of coding agents.

The seed's API, for programs that run a cluster themselves::

    from telemetry import ClusterMonitor

    monitor = ClusterMonitor(cluster_manager, check_interval=5.0)
    monitor.start()

and what a program needs to report itself: `configure`, `shutdown`, `get_logger`; an agent, `heartbeat`. Everything is
imported when it is first used: `import telemetry` alone costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from telemetry.heartbeats import heartbeat as heartbeat
    from telemetry.model import AgentHealthStatus as AgentHealthStatus
    from telemetry.model import AgentState as AgentState
    from telemetry.model import Alert as Alert
    from telemetry.model import AlertLevel as AlertLevel
    from telemetry.model import ClusterMetrics as ClusterMetrics
    from telemetry.model import State as State
    from telemetry.monitor import ClusterMonitor as ClusterMonitor
    from telemetry.runtime import configure as configure
    from telemetry.runtime import shutdown as shutdown
    from telemetry.signals.logs import LogOptions as LogOptions
    from telemetry.signals.logs import get_logger as get_logger
    from telemetry.signals.spool.place import SpoolOptions as SpoolOptions

_HOMES = {
    "AgentHealthStatus": "telemetry.model",
    "AgentState": "telemetry.model",
    "Alert": "telemetry.model",
    "AlertLevel": "telemetry.model",
    "ClusterMetrics": "telemetry.model",
    "ClusterMonitor": "telemetry.monitor",
    "LogOptions": "telemetry.signals.logs",
    "SpoolOptions": "telemetry.signals.spool.place",
    "State": "telemetry.model",
    "configure": "telemetry.runtime",
    "get_logger": "telemetry.signals.logs",
    "heartbeat": "telemetry.heartbeats",
    "shutdown": "telemetry.runtime",
}

__all__ = [
    "AgentHealthStatus",
    "AgentState",
    "Alert",
    "AlertLevel",
    "ClusterMetrics",
    "ClusterMonitor",
    "LogOptions",
    "SpoolOptions",
    "State",
    "configure",
    "get_logger",
    "heartbeat",
    "shutdown",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # the point of this function

    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
