"""The values that flow through the monitor: AgentSample → ClusterSnapshot → Transition → alerts → notices.

All are plain data. Those a check makes are frozen, so that a reader in another thread can keep one while the next is
made. Times are Unix seconds (UTC) unless a name says otherwise; texts have been through `telemetry.clean` where they
entered.
"""

from telemetry.model.agents import (
    LAST_PID,
    NO_DETAIL,
    AgentHealth,
    AgentSample,
    ClusterSnapshot,
    Detail,
    LastSeen,
    Reading,
    State,
    TeamTasks,
    Transition,
)
from telemetry.model.alerts import (
    LONGEST_SILENCE,
    PIPELINE,
    SHORTEST_SILENCE,
    Acknowledgement,
    Alert,
    AlertEvent,
    AlertLevel,
    AlertMemory,
    AlertPage,
    Change,
    Key,
    News,
    OpenAlert,
    Phase,
    Reason,
    Silence,
    Suppression,
    alert_id,
)
from telemetry.model.notices import Message, Notice, NoticeKind
from telemetry.model.seed import AgentHealthStatus, AgentState, ClusterMetrics

__all__ = [
    "LAST_PID",
    "LONGEST_SILENCE",
    "NO_DETAIL",
    "PIPELINE",
    "SHORTEST_SILENCE",
    "Acknowledgement",
    "AgentHealth",
    "AgentHealthStatus",
    "AgentSample",
    "AgentState",
    "Alert",
    "AlertEvent",
    "AlertLevel",
    "AlertMemory",
    "AlertPage",
    "Change",
    "ClusterMetrics",
    "ClusterSnapshot",
    "Detail",
    "Key",
    "LastSeen",
    "Message",
    "News",
    "Notice",
    "NoticeKind",
    "OpenAlert",
    "Phase",
    "Reading",
    "Reason",
    "Silence",
    "State",
    "Suppression",
    "TeamTasks",
    "Transition",
    "alert_id",
]
