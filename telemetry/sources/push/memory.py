"""What a push source keeps in the store: agents that promised to be heard of, so that a restart of the monitor doesn't
forget one that died meanwhile. A store that fails never stops the watching: it is tried again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeVar

from telemetry.clean import clean_name
from telemetry.model import State
from telemetry.sources.push.agent import PushedAgent
from telemetry.store import RememberedAgent, Store, StoreError

ORIGIN = "push"
_RETRY_AFTER = 30.0
_ACTIVITY_STEP = 10.0
_HEARD_STEP = 600.0
"""Seconds that its last activity, and when it was heard of, must have moved on to be worth a write."""

T = TypeVar("T")


class _Written(NamedTuple):
    """What stands in the store of one agent."""

    standing: tuple[object, ...]
    last_activity: float
    heard_at: float


class PushMemory:
    """Reads the store once, and writes what changed. Called in one loop; the store is used in threads.

    Args:
        store: Where it is kept, or None: nowhere.
        cluster: Under which name.
        on_problem: Told once when the store begins to fail.
    """

    def __init__(self, store: Store | None, cluster: str, on_problem: Callable[[str], None] | None) -> None:
        self._store = store
        self._cluster = cluster
        self._on_problem = on_problem
        self._written: dict[str, _Written] = {}
        self._set_aside = store.set_aside if store is not None else 0
        self._loaded = store is None
        self._retry_at = float("-inf")
        self._told = False

    async def recall(self, now: float) -> list[PushedAgent]:
        """What an earlier run knew; nothing where that was told already, or can't be told now."""
        store = self._store
        if self._loaded or store is None:
            return []
        found = await self._try(now, lambda: store.agents(self._cluster))
        if found is None:
            return []
        self._loaded = True
        agents = [_recalled(record, now) for record in found if record.origin == ORIGIN]
        self._written = {agent.name: _as_written(agent) for agent in agents}
        return agents

    async def keep(self, agents: Mapping[str, PushedAgent], now: float, *, all_of_it: bool = False) -> None:
        """Writes what changed enough since the last time, or everything that did."""
        store = self._store
        if store is None or not self._loaded:
            return
        if store.set_aside != self._set_aside:  # what was written went with a damaged file
            self._set_aside, self._written = store.set_aside, {}
        promised = {name: agent for name, agent in agents.items() if agent.ttl is not None}
        changed = {
            name: _as_written(agent)
            for name, agent in promised.items()
            if not self._stands_there(name, agent, all_of_it=all_of_it)
        }
        forgotten = self._written.keys() - promised.keys()
        if not changed and not forgotten:
            return
        records = [_record(promised[name]) for name in changed]

        def write() -> bool:
            if records:
                store.remember_agents(self._cluster, records)
            if forgotten:
                store.forget_agents(self._cluster, forgotten)
            return True

        if await self._try(now, write):
            self._written.update(changed)
            for name in forgotten:
                self._written.pop(name, None)

    def _stands_there(self, name: str, agent: PushedAgent, *, all_of_it: bool) -> bool:
        written = self._written.get(name)
        if written is None or written.standing != _standing(agent):
            return False
        activity, heard = (0.0, 0.0) if all_of_it else (_ACTIVITY_STEP, _HEARD_STEP)
        return (
            abs(agent.last_activity - written.last_activity) <= activity
            and abs(agent.heard_at - written.heard_at) <= heard
        )

    async def _try(self, now: float, action: Callable[[], T]) -> T | None:
        # A clock that was set back must not put the next try off.
        if now < self._retry_at <= now + _RETRY_AFTER:
            return None
        try:
            done = await asyncio.to_thread(action)
        except StoreError as error:
            self._retry_at = now + _RETRY_AFTER
            if not self._told and self._on_problem is not None:
                self._on_problem(str(error))
            self._told = True
            return None
        self._retry_at, self._told = float("-inf"), False
        return done


def _standing(agent: PushedAgent) -> tuple[object, ...]:
    """Everything that is kept of it, but times."""
    return (
        agent.role,
        agent.pane_id,
        agent.session_id,
        agent.pid,
        agent.identity,
        agent.ttl,
        agent.state,
        agent.restart_count,
    )


def _as_written(agent: PushedAgent) -> _Written:
    return _Written(_standing(agent), agent.last_activity, agent.heard_at)


def _record(agent: PushedAgent) -> RememberedAgent:
    """An agent as the store has columns for it: those about tmux's server and session hold what a pushed one has."""
    return RememberedAgent(
        name=agent.name,
        called=agent.called,
        origin=ORIGIN,
        role=agent.role,
        pane_id=agent.pane_id,
        server_pid=agent.pid or 0,
        session_id=agent.session_id,
        session_name=f"{agent.ttl or 0:g} {agent.heard_at:.3f}",
        session_created=agent.restart_count,
        program="" if agent.state is None else agent.state.value,
        wrapper=agent.identity,
        last_activity=agent.last_activity,
    )


def _recalled(record: RememberedAgent, now: float) -> PushedAgent:
    """Also of a row that something else wrote: what can't be read there is as if it had never been said."""
    agent = PushedAgent(clean_name(record.name), clean_name(record.called), named=True, now=now)
    agent.role, agent.pane_id, agent.session_id = record.role, record.pane_id, record.session_id
    if record.server_pid > 0:
        agent.runs_as(record.server_pid, record.wrapper, again=False)
    agent.restart_count = record.session_created
    ttl, _, heard_at = record.session_name.partition(" ")
    state = State(record.program) if record.program in tuple(State) else None
    agent.recall(state, _number(ttl) or 60.0, min(_number(heard_at) or now, now), record.last_activity, now)
    return agent


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
