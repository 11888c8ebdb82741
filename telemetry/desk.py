"""The desk: where a monitor hands in what changed about its alerts, and hears what people said about them.

Joins alerts to whoever keeps and tells them (`telemetry.paging` in the daemon). A monitor inside a program has none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from telemetry.alerts import Controls
from telemetry.model import AlertMemory, Key, News, OpenAlert


class Desk(Protocol):
    """Keeps alerts of every cluster, and tells people. No call raises because a file or a network is no use."""

    @property
    def controls(self) -> Controls:
        """What people said about alerts; the same object while nothing is said anew."""

    def known(self, cluster: str) -> tuple[Mapping[Key, OpenAlert], AlertMemory]:
        """What an earlier run, or an earlier monitor, left open in a cluster."""

    async def take(self, news: News) -> None:
        """What changed. Returns when it is kept."""

    async def checked(self, cluster: str, *, well: bool) -> None:
        """A check of a cluster has finished; `well` when its source gave an answer."""


class NoDesk:
    """Nobody keeps anything: a monitor inside a program, or a look from outside."""

    controls = Controls()

    def known(self, cluster: str) -> tuple[Mapping[Key, OpenAlert], AlertMemory]:
        """Nothing."""
        return {}, AlertMemory()

    async def take(self, news: News) -> None:
        """Nothing."""

    async def checked(self, cluster: str, *, well: bool) -> None:
        """Nothing."""
