"""What a tmux source keeps in the store. A store that fails never stops the watching: it is tried again later."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from telemetry.sources.restarts import RestartCounter
from telemetry.store import RememberedAgent, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from telemetry.sources.tmux.roster import Roster
    from telemetry.store import Store

_RETRY_AFTER = 30.0
_ACTIVITY_STEP = 10.0
"""Seconds that an activity must have moved on to be worth a write; a monitor's restart may lose that much of it."""


class Memory:
    """Reads the store once, and writes what changed.

    Args:
        store: Where it is kept, or None: only here.
        cluster: Whose it is.
    """

    def __init__(self, store: Store | None, cluster: str) -> None:
        self._store = store
        self._cluster = cluster
        self._written: dict[str, RememberedAgent] = {}
        self._set_aside = store.set_aside if store is not None else 0
        self._loaded = store is None
        self._retry_at = float("-inf")
        self.restarts = RestartCounter(store, cluster)
        self.problem = ""
        """Why the store could not be used the last time, or ""."""

    def load(self, roster: Roster, now: float) -> None:
        """Tells the roster what an earlier run knew, unless that was done."""
        if not self._loaded:
            self._try(now, lambda: self._load(roster))

    def save(self, roster: Roster, now: float, *, all_of_it: bool = False) -> None:
        """Writes what changed enough since the last time, or everything that did."""
        if self._store is not None and self._loaded:
            self._try(now, lambda: self._save(roster.members, all_of_it=all_of_it))

    def _load(self, roster: Roster) -> None:
        if self._store is not None:
            self.restarts.load()
            remembered = self._store.agents(self._cluster)
            roster.recall(remembered)
            self._written = {agent.name: agent for agent in remembered}
        self._loaded = True

    def _save(self, members: Mapping[str, RememberedAgent], *, all_of_it: bool) -> None:
        if self._store is None:
            return
        if self._store.set_aside != self._set_aside:  # what was written went with a damaged file
            self._set_aside = self._store.set_aside
            self._written = {}
            self.restarts.write_all()
        self.restarts.save()
        step = 0.0 if all_of_it else _ACTIVITY_STEP
        changed = [agent for agent in members.values() if _differs(agent, self._written.get(agent.name), step)]
        if changed:
            self._store.remember_agents(self._cluster, changed)
            self._written.update({agent.name: agent for agent in changed})
        forgotten = self._written.keys() - members.keys()
        if forgotten:
            self._store.forget_agents(self._cluster, forgotten)
            for name in forgotten:
                del self._written[name]

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


_all_but_activity = attrgetter(*(name for name in RememberedAgent.__slots__ if name != "last_activity"))


def _differs(agent: RememberedAgent, written: RememberedAgent | None, step: float) -> bool:
    if agent is written:
        return False
    if written is None or agent.last_activity - written.last_activity > step:
        return True
    return bool(_all_but_activity(agent) != _all_but_activity(written))
