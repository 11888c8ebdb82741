"""The state items of a daemon as they are now, kept up to date by the events of its stream."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

Item = Mapping[str, Any]


class Board:
    """One flat map of key → item, the daemon's clock, and whether the connection stands.

    Args:
        clock: This machine's time (Unix s).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._ahead = 0.0
        self.items: dict[str, Item] = {}
        self.last_id = ""
        """Of the last event, by which a new connection goes on; "" before the first."""
        self.hello: Item = {}
        """Who asks, his role, and the links."""
        self.lost_at: float | None = None
        """Since when there is no connection (this machine's Unix s); None: there is one, or there was none yet."""
        self.lost_why = ""
        self.is_known = False
        """Whether a snapshot was ever taken."""

    def now(self) -> float:
        """The daemon's time (Unix s): durations are right whatever this machine's clock says."""
        return self._clock() + self._ahead

    def take(self, event: str, value: Item, id_: str = "") -> bool:
        """An event of the stream; whether anything that is shown may have changed. One of an unknown kind is none."""
        if "now" in value:
            self._ahead = float(value["now"]) - self._clock()
        if event == "hello":
            self.hello, self.lost_at, self.lost_why = value, None, ""
            return True
        if event == "snapshot":
            self.items, self.is_known = dict(value["items"]), True
        elif event == "change":
            self.items.update(value.get("set", {}))
            for key in value.get("gone", ()):
                self.items.pop(key, None)
        else:
            return False
        self.last_id = id_ or self.last_id
        return True

    def lose(self, why: str) -> bool:
        """The connection ended, in words; whether that is news."""
        news = self.lost_at is None or self.lost_why != why
        self.lost_at = self._clock() if self.lost_at is None else self.lost_at
        self.lost_why = why
        return news

    @property
    def connection(self) -> str:
        """Since when it is lost, as a person reads it; "" while it stands."""
        if self.lost_at is None:
            return ""
        since = time.strftime("%H:%M:%S", time.localtime(self.lost_at))
        return f"connection lost since {since}: {self.lost_why}; trying again"
