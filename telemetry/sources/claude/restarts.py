"""How often each session and member was started again. A store that fails is told, and tried again later."""

from __future__ import annotations

from collections.abc import Callable

from telemetry.sources.claude.agents import Agent
from telemetry.sources.restarts import RestartCounter, RestartStore
from telemetry.store import StoreError

_RETRY_AFTER = 30.0


class Restarts:
    """Counts, and remembers.

    Args:
        store: Where it is kept, or None: only here.
        cluster: Under which name.
    """

    def __init__(self, store: RestartStore | None, cluster: str) -> None:
        self._counter = RestartCounter(store, cluster)
        self._retry_at = float("-inf")
        self.problem = ""
        """Why the store could not be used the last time, or ""."""

    def load(self, now: float) -> None:
        """Adds what an earlier run counted, unless that was done."""
        self._try(now, self._counter.load)

    def save(self, now: float) -> None:
        """Writes what changed."""
        self._try(now, self._counter.save)

    def forget(self, name: str) -> None:
        """It counts from 0 when it is seen again."""
        self._counter.forget(name)

    def count(self, agent: Agent) -> None:
        """Takes note of what an agent runs as."""
        if not agent.fate and agent.process and not agent.elsewhere and agent.counted != agent.identity:
            agent.counted = agent.identity
            if _is_the_same_run(self._counter.identity(agent.name), agent.identity):
                self._counter.moved(agent.name, agent.identity)
            else:
                self._counter.seen(agent.name, agent.identity)
        agent.restarts = self._counter.count(agent.name)

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


def _is_the_same_run(before: str, now: str) -> bool:
    """The same process with another session in it, or another session that merely has the name of an earlier one."""
    whose_before, _, process_before = before.rpartition("/")
    whose, _, process = now.rpartition("/")
    return bool(before) and (process == process_before or whose != whose_before)
