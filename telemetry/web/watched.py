"""What the web needs of a monitor; the daemon hands in the real ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from telemetry.model import Alert, AlertEvent, AlertLevel, ClusterMetrics, OpenAlert


class Watched(Protocol):
    """The monitor of one cluster."""

    @property
    def cluster(self) -> str:
        """The cluster's name."""

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

    @property
    def open_alerts(self) -> Sequence[OpenAlert]:
        """Every alert that is pending, firing or dismissed."""

    async def acknowledge(self, alert_id: str, by: str, note: str = "") -> AlertEvent | None:
        """Somebody takes care of an alert. None: no such alert fires."""

    async def forget(self, agent: str) -> bool:
        """An agent is no longer expected. False: none that could be forgotten has this name."""

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int | None = 100
    ) -> list[Alert]:
        """Alerts, newest first."""
