"""What the web needs of a monitor; the daemon hands in the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from telemetry.model import AgentSample, Alert, AlertEvent, AlertLevel, ClusterMetrics, OpenAlert


class SourceWord(Protocol):
    """What one source says of one agent."""

    @property
    def source(self) -> str:
        """Its kind."""

    @property
    def sample(self) -> AgentSample:
        """What it says."""

    @property
    def at(self) -> float:
        """When it was heard (Unix s)."""

    @property
    def used_for(self) -> Sequence[str]:
        """What of it is believed: `life`, `state`."""


class SourceStanding(Protocol):
    """How it is with one source of a cluster."""

    @property
    def source(self) -> str:
        """Its kind."""

    @property
    def agents(self) -> int:
        """How many agents it knows."""

    @property
    def error(self) -> str:
        """Why it gives no answer, or ""."""

    @property
    def read_at(self) -> float:
        """When it answered last (Unix s); 0.0 = never."""

    @property
    def events(self) -> str:
        """How it hears of changes between two checks, in words; "" where it doesn't."""


class HasAlerts(Protocol):
    """What alerts are about: a cluster that is watched, or the way of telemetry itself."""

    @property
    def cluster(self) -> str:
        """The cluster's name."""

    @property
    def open_alerts(self) -> Sequence[OpenAlert]:
        """Every alert that is pending, firing or dismissed."""

    async def acknowledge(self, alert_id: str, by: str, note: str = "") -> AlertEvent | None:
        """Somebody takes care of an alert. None: no such alert fires."""

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int | None = 100
    ) -> list[Alert]:
        """Alerts, newest first."""


class Watched(HasAlerts, Protocol):
    """The monitor of one cluster."""

    @property
    def check_interval(self) -> float:
        """Seconds between two checks."""

    def is_running(self) -> bool:
        """Whether it checks."""

    def start(self) -> None:
        """Begins to check, in the running loop; twice is once."""

    async def stop_async(self) -> None:
        """Ends checking."""

    def get_metrics(self) -> ClusterMetrics | None:
        """The numbers of the last check, or None before the first."""

    def words(self, agent: str) -> Sequence[SourceWord]:
        """What each source says of an agent, the most direct first; empty where none knows it."""

    @property
    def sources(self) -> Sequence[SourceStanding]:
        """How it is with each source."""

    @property
    def deaths_are_seen(self) -> str:
        """How the death of an agent's process is noticed, in words."""

    async def forget(self, agent: str) -> bool:
        """An agent is no longer expected. False: none that could be forgotten has this name."""
