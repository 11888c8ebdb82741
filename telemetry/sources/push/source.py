"""Agents that tell of themselves: events over HTTP, heartbeats, and the hooks of Claude Code.

What was sent is all that is known, so every word holds for a time only: an agent that promised to be heard of and
isn't is unresponsive, and who isn't heard of for a day is no longer expected. An agent that said which process it is
has stopped when that process is gone, whatever it said last.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Mapping
from functools import cache
from operator import is_
from typing import Any, NamedTuple

from telemetry.clean import clean_name
from telemetry.model import Reading
from telemetry.sources.base import Found, Place, SourceKind, memory_of
from telemetry.sources.processes import ProcessTable, system_processes
from telemetry.sources.push.agent import PushedAgent
from telemetry.sources.push.events import EventError, PushEvent, parse
from telemetry.sources.push.hooks import Hook, is_hook, parse_hook
from telemetry.sources.push.memory import PushMemory
from telemetry.sources.push.options import PushOptions
from telemetry.sources.push.roster import NoRoomError, PushRoster

__all__ = ["KIND", "Heard", "PushOptions", "PushSource"]

_AFTER = 0.005
"""Seconds after a time to live has passed that it is looked for: the two clocks in play differ by less."""


class Heard(NamedTuple):
    """What became of an event.

    Attributes:
        agent: Whom it was about, or "".
        problem: Why it can't be used, in one line; "" where it was.
        full: It could be used, were there room for a further agent.
    """

    agent: str = ""
    problem: str = ""
    full: bool = False


class PushSource:
    """A `LiveSource`. Everything but `read` and `close` is called in the loop that reads it, and returns at once.

    Args:
        place: Where it remembers; its options are `PushOptions`.
        processes: Where processes are looked up.
    """

    name = "push"
    events = "is told of every change as it is sent"

    def __init__(self, place: Place, *, processes: ProcessTable | None = None) -> None:
        self._options: PushOptions = place.options
        self._cluster = place.cluster
        self._on_problem = place.on_problem or (lambda _: None)
        self._processes = processes or system_processes()
        self._memory = PushMemory(place.store, memory_of(place.cluster, self.name), place.on_problem)
        self._roster = PushRoster(self._options.most_agents)
        self._agents = self._roster.agents
        self._changed: Callable[[], None] = lambda: None
        self._reading: Reading | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._wakes_at = math.inf
        self._told_full = False
        self._last_seen = 0.0

    @property
    def cluster(self) -> str:
        return self._cluster

    # --- what is sent -----------------------------------------------------------------------------------------------

    def hear(self, name: str | None, body: Mapping[str, Any], now: float) -> Heard:
        """Takes what was sent: an event in our own form, or the body of a hook of Claude Code.

        Args:
            name: The agent that it was sent for; None: the body says which session it is of.
            body: The JSON object.
            now: Unix time.
        """
        if name is not None and not name.strip():
            return Heard(problem="the agent's name is empty")
        try:
            if is_hook(body) or name is None:
                return Heard(self.take_hook(name, parse_hook(body), now))
            return Heard(self.take(name, parse(body), now))
        except EventError as error:
            return Heard(problem=str(error))
        except NoRoomError:
            problem = (
                f"{len(self._agents)} agents are known, which is as many as ORCHESTRATOR_PUSH_MOST_AGENTS allows: "
                "no further one is taken"
            )
            if not self._told_full:
                self._on_problem(f"cluster {self._cluster}: {problem}")
            self._told_full = True
            return Heard(problem=problem, full=True)

    def take(self, name: str, event: PushEvent, now: float) -> str:
        """An event of one agent.

        Returns:
            Its name, cleaned.
        """
        name = clean_name(name)
        if event.ended:
            self._leave(self._agents.get(name))
        else:
            agent = self._agents.get(name) or self._roster.add(name, named=True, now=now)
            agent.named = True
            self._follow_process(agent, event)
            if event.session_id is not None:
                self._roster.bind(agent, event.session_id)
            agent.hear(event, self._options.ttl, now)
            self._wake_by(agent.due_at, now)
        self._changed()
        return name

    def take_hook(self, name: str | None, hook: Hook, now: float) -> str:
        """A hook of a session.

        Args:
            name: What the agent is called, where whoever set the hook up said so.

        Returns:
            The agent's name.
        """
        agent = self._roster.of_hook(None if name is None else clean_name(name), hook, now)
        if agent is None:
            return ""
        if hook.ended:
            self._leave(agent)
        else:
            agent.hear_hook(hook, now)
            self._wake_by(agent.due_at, now)
            teammate = self._roster.teammate(agent, hook, now)
            if teammate is not None:
                teammate.hear_teammate(hook, now)
                self._wake_by(teammate.due_at, now)
        self._changed()
        return agent.name

    def _leave(self, agent: PushedAgent | None) -> bool:
        left = agent is not None and self._roster.leave(agent)
        self._told_full = self._told_full and not left
        return left

    def _follow_process(self, agent: PushedAgent, event: PushEvent) -> None:
        """Which process it is now, by what it says."""
        if event.pid is None or event.pid_space not in ("", _pid_space()):
            if agent.gone:  # somebody speaks for it: it goes on as another one
                agent.without_process()
            return
        info = self._processes.get(event.pid)
        if info is None or info.dead:
            agent.runs_as(event.pid, "", again=False)
            agent.gone = _ended(event.pid)
        elif info.identity != agent.identity or agent.gone:
            before = self._processes.get(agent.pid) if agent.pid and not agent.gone else None
            lives_on = before is not None and not before.dead and before.identity == agent.identity
            agent.runs_as(event.pid, info.identity, again=bool(agent.pid) and not lives_on)

    # --- what is known ----------------------------------------------------------------------------------------------

    def listen(self, changed: Callable[[], None]) -> None:
        self._changed = changed

    def glance(self, now: float) -> Reading | None:
        return None if self._last_seen == 0.0 else self._look(now)

    async def read(self, now: float) -> Reading:
        for agent in await self._memory.recall(now):
            self._recall(agent, now)
        with_process = [(agent, agent.pid, agent.identity) for agent in self._agents.values() if agent.pid]
        if with_process:
            ended = await asyncio.to_thread(self._ended_of, [(pid, identity) for _, pid, identity in with_process])
            for (agent, pid, identity), why in zip(with_process, ended, strict=True):
                if why and (agent.pid, agent.identity) == (pid, identity) and not agent.gone:
                    agent.ended(why, now)
        self._last_seen = now
        reading = self._look(now)
        await self._memory.keep(self._agents, now)
        return reading

    async def forget(self, name: str) -> bool:
        """An agent is no longer expected, until it is heard of again.

        Returns:
            Whether there was such an agent.
        """
        forgotten = self._leave(self._agents.get(name))
        if forgotten:
            self._changed()
            await self._memory.keep(self._agents, self._last_seen)
        return forgotten

    async def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._changed = lambda: None
        await self._memory.keep(self._agents, self._last_seen, all_of_it=True)

    def _recall(self, agent: PushedAgent, now: float) -> None:
        known = self._agents.get(agent.name)
        if known is not None:
            known.continues(agent, now)
            return
        self._roster.take_in(agent)

    def _ended_of(self, known: list[tuple[int, str]]) -> list[str]:
        """For each process why it doesn't run any more, or ""."""
        return [self._why_ended(pid, identity) for pid, identity in known]

    def _why_ended(self, pid: int, identity: str) -> str:
        info = self._processes.get(pid)
        if info is None or info.dead:
            return _ended(pid)
        return "" if info.identity == identity else f"process {pid} has ended: its number is another one's now"

    def _look(self, now: float) -> Reading:
        """All of it, with what the time that has passed means."""
        due_at = math.inf
        for agent in tuple(self._agents.values()):
            if agent.heard_at > now:  # the clock was set back
                agent.heard_at = now
                agent.look(now)
            elif now - agent.heard_at > self._options.forget_after:
                self._leave(agent)
                continue
            elif now >= agent.due_at:
                agent.look(now)
            due_at = min(due_at, agent.due_at)
        if due_at != self._wakes_at:
            self._wakes_at = math.inf
            self._wake_by(due_at, now)
        samples = tuple([agent.sample for agent in self._agents.values()])
        before = self._reading
        if before is None or len(before.agents) != len(samples) or not all(map(is_, before.agents, samples)):
            self._reading = before = Reading(samples, session_name=self._cluster)
        return before

    def _wake_by(self, due_at: float, now: float) -> None:
        """Has somebody look again when a time to live has passed, not only at the next check."""
        if due_at >= self._wakes_at:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wakes_at = due_at
        self._timer = asyncio.get_running_loop().call_later(max(0.0, due_at - now) + _AFTER, self._wake)

    def _wake(self) -> None:
        self._timer, self._wakes_at = None, math.inf
        self._changed()


def _ended(pid: int) -> str:
    return f"process {pid} has ended"


@cache
def _pid_space() -> str:
    """In which pid namespace this process looks; "" where there is only one."""
    try:
        return os.readlink("/proc/self/ns/pid")  # noqa: PTH115 - it names no file
    except OSError:
        return ""


def _look(_: PushOptions) -> Found:
    return Found(there=False, why="nobody can be looked for: whoever reports itself to a running monitor is seen")


KIND = SourceKind(
    name="push",
    summary="agents that send events or heartbeats, and Claude Code's hooks",
    directness=2,
    options=PushOptions,
    look=_look,
    make=PushSource,
)
