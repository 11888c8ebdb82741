"""How often each agent was started again: an absolute count that survives a restart of the monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from telemetry.store import RestartRecord

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class RestartStore(Protocol):
    """What the counter needs of `telemetry.store.Store`."""

    def restarts(self, cluster: str) -> dict[str, RestartRecord]: ...
    def remember_restarts(self, cluster: str, records: Mapping[str, RestartRecord]) -> None: ...
    def forget_restarts(self, cluster: str, names: Collection[str]) -> None: ...


class RestartCounter:
    """Counts changes of an agent's identity, which is any text that tells one process from the next.

    The count starts at 0 with the first process seen, and never falls. Nothing is read or written except by `load` and
    `save`; while `load` has not succeeded, `save` writes nothing, so that a store that can't be read for a while
    doesn't lose what it holds.
    """

    def __init__(self, store: RestartStore | None, cluster: str) -> None:
        self._store = store
        self._cluster = cluster
        self._records: dict[str, RestartRecord] = {}
        self._first: dict[str, str] = {}
        self._changed: set[str] = set()
        self._loaded = store is None

    def load(self) -> None:
        """Adds what the store remembers to what was counted until now; does nothing once it has succeeded.

        Raises:
            StoreError: It can't be read; `load` may be called again later.
        """
        if self._loaded or self._store is None:
            return
        for name, stored in self._store.restarts(self._cluster).items():
            counted = self._records.get(name)
            if counted is None:
                self._records[name] = stored
                continue
            while_away = int(self._first[name] != stored.identity)
            self._records[name] = RestartRecord(counted.identity, stored.count + while_away + counted.count)
        self._loaded = True

    def count(self, name: str) -> int:
        """How often `name` was started again, as known now."""
        record = self._records.get(name)
        return record.count if record else 0

    def seen(self, name: str, identity: str) -> int:
        """Takes note that the agent runs as `identity`, and tells how often it was started again."""
        record = self._records.get(name)
        if record is None:
            self._first[name] = identity
            record = self._note(name, RestartRecord(identity, 0))
        elif record.identity != identity:
            record = self._note(name, RestartRecord(identity, record.count + 1))
        return record.count

    def moved(self, name: str, identity: str) -> None:
        """The same run of the agent goes by another identity from now on: no restart."""
        record = self._records.get(name)
        if record is not None and record.identity != identity:
            self._note(name, RestartRecord(identity, record.count))

    def identity(self, name: str) -> str:
        """What it ran as last, or ""."""
        record = self._records.get(name)
        return record.identity if record else ""

    def forget(self, name: str) -> None:
        """It counts from 0 when it is seen again."""
        self._records.pop(name, None)
        self._first.pop(name, None)
        self._changed.add(name)

    def save(self) -> None:
        """Writes what changed since the last time.

        Raises:
            StoreError: It can't be written; the changes are kept for the next call.
        """
        if self._store is None or not self._loaded or not self._changed:
            return
        records = {name: self._records[name] for name in self._changed if name in self._records}
        forgotten = self._changed - records.keys()
        if forgotten:
            self._store.forget_restarts(self._cluster, forgotten)
        if records:
            self._store.remember_restarts(self._cluster, records)
        self._changed.clear()

    def write_all(self) -> None:
        """What was written before is lost: the next `save` writes all of it."""
        self._changed.update(self._records)

    def _note(self, name: str, record: RestartRecord) -> RestartRecord:
        self._records[name] = record
        self._changed.add(name)
        return record
