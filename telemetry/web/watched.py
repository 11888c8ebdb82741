"""What the web needs of a monitor; the daemon hands in the real ones."""

from __future__ import annotations

from typing import Protocol

from telemetry.model import Alert, AlertLevel, ClusterMetrics


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

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int = 100
    ) -> list[Alert]:
        """Alerts, newest first."""
