"""What a source is: a place where the agents of one cluster are seen."""

from __future__ import annotations

from typing import Protocol

from telemetry.model import Reading


class SourceError(Exception):
    """A source can't tell: its message is one line, in words for the person who runs the cluster."""


class Source(Protocol):
    """Reads one cluster. A monitor has one loop a source and never calls `read` twice at once."""

    @property
    def name(self) -> str:
        """Its kind, as in settings and metrics: `manager`, `tmux`, …"""

    @property
    def cluster(self) -> str:
        """The cluster's name, cleaned. May change only until the first `read` has answered."""

    async def read(self, now: float) -> Reading:
        """Looks once, and answers for every agent it expects.

        Args:
            now: Unix time of this check.

        Raises:
            SourceError: It can't tell. A session that is gone is an answer (`session_exists=False`), not an error.
        """

    async def close(self) -> None:
        """Gives back what it holds; called once, also after a failed read."""
