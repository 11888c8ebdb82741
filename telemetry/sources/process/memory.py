"""What a process source keeps in the store: restarts. A store that fails never stops the watching."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.sources.restarts import RestartCounter
from telemetry.store import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.store import Store

_RETRY_AFTER = 30.0


class RestartMemory:
    """Reads the store once, writes what changed, and after a failure tries again later.

    Args:
        store: Where it is kept, or None: only here.
        cluster: Under which name.
    """

    def __init__(self, store: Store | None, cluster: str) -> None:
        self._store = store
        self._set_aside = store.set_aside if store is not None else 0
        self._retry_at = float("-inf")
        self.loaded = store is None
        self.restarts = RestartCounter(store, cluster)
        self.problem = ""
        """Why the store could not be used the last time, or ""."""

    def load(self, now: float) -> bool:
        """Reads what is remembered, unless that was done; whether it was read just now."""
        if self.loaded:
            return False
        self._try(now, self._load)
        return self.loaded

    def save(self, now: float) -> None:
        """Writes what changed since the last time."""
        if self._store is not None and self.loaded:
            self._try(now, self._save)

    def _load(self) -> None:
        self.restarts.load()
        self.loaded = True

    def _save(self) -> None:
        if self._store is not None and self._store.set_aside != self._set_aside:
            self._set_aside = self._store.set_aside
            self.restarts.write_all()  # what was written went with a damaged file
        self.restarts.save()

    def _try(self, now: float, action: Callable[[], None]) -> None:
        # A clock that was set back must not put the next try off.
        if now < self._retry_at <= now + _RETRY_AFTER:
            return
        try:
            action()
        except StoreError as error:
            self.problem = str(error)
            self._retry_at = now + _RETRY_AFTER
        else:
            self.problem = ""
            self._retry_at = float("-inf")
