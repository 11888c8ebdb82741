"""Agents in tmux panes: seen from outside, without their help, by one client call a check.

Names come from the panes' `@agent_name` or the orchestrator's own YAML (`tmux_roster`), life from the process table
(`tmux_agent`), and activity from what the panes show (`tmux_activity`), of which only a hash is kept. What a user does
to a pane is no activity of the agent: neither a resize, nor tmux's copy mode and clock. What the agent's program draws
itself is, a clock included.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from telemetry.clean import clean_name
from telemetry.model import AgentSample, Reading, State
from telemetry.sources.processes import ProcessTable, started_at, system_processes
from telemetry.sources.tmux_activity import ScreenWatch
from telemetry.sources.tmux_agent import AgentFinder, AgentProcess, Before, NoAgent
from telemetry.sources.tmux_client import TmuxClient
from telemetry.sources.tmux_memory import Memory
from telemetry.sources.tmux_options import TmuxOptions
from telemetry.sources.tmux_roster import PROGRAM, Roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.sources.restarts import RestartCounter
    from telemetry.sources.tmux_answer import Answer, Pane
    from telemetry.store import RememberedAgent, Store

__all__ = ["TmuxOptions", "TmuxSource"]

_NO_NAME = "tmux"


class TmuxSource:
    """A `Source` that watches one tmux server.

    Args:
        options: Where to look, and for whom.
        store: Where expected agents and restarts are remembered; None: only as long as this object lives.
        on_problem: Told, in the loop that reads, one line when the store starts to fail (once, until it has worked
            again): watching goes on.
        processes: Where processes are looked up.
    """

    name = "tmux"

    def __init__(
        self,
        options: TmuxOptions,
        store: Store | None = None,
        *,
        on_problem: Callable[[str], None] | None = None,
        processes: ProcessTable | None = None,
    ) -> None:
        self._options = options
        self._on_problem = on_problem
        self._told = ""
        self._client = TmuxClient(options.socket_name, options.socket_path, options.session, options.timeout)
        self._finder = AgentFinder(options.programs, processes or system_processes())
        self._roster = Roster(options.agents, one_session=options.session is not None, program_in=self._program_in)
        self._screens = ScreenWatch()
        server = options.socket_name or (options.socket_path or "").rpartition("/")[2]
        # Not the name of whatever session is open: what is remembered is remembered under it, also for the next start.
        self._cluster = clean_name(options.cluster or options.session or server or _NO_NAME)
        self._memory = Memory(store, self._cluster)
        self._held: dict[str, Pane] = {}
        self._last_read = 0.0
        # One thread, so that a check that was given up never runs beside the next one.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="tmux")

    @property
    def options(self) -> TmuxOptions:
        """Where it looks, and for whom."""
        return self._options

    @property
    def cluster(self) -> str:
        return self._cluster

    @property
    def problem(self) -> str:
        """Why the store can't be used at present, or ""."""
        return self._memory.problem

    async def read(self, now: float) -> Reading:
        reading = await asyncio.get_running_loop().run_in_executor(self._thread, self.read_blocking, now)
        problem = self.problem
        if problem and not self._told and self._on_problem is not None:
            self._on_problem(problem)
        self._told = problem
        return reading

    async def forget(self, name: str) -> bool:
        """An agent that isn't configured is no longer expected, and counts from 0 should it come back.

        Returns:
            Whether there was such an agent.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._forget, name)

    async def close(self) -> None:
        self._client.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._save_all)
        self._thread.shutdown(wait=False)

    def read_blocking(self, now: float) -> Reading:
        """What `read` does, in the calling thread."""
        self._last_read = now
        self._memory.load(self._roster, now)
        self._finder.look_anew()
        screens_of = self._screens.next_in_turn([member.pane_id for member in self._roster.members.values()])
        answer = self._client.ask(screens_of, self._look_ahead)
        self._held = held = self._roster.assign(answer.panes, now)
        changed = self._screens.look(answer, now)
        agents = tuple(
            self._running(name, held[name], changed, self._memory.restarts, now)
            if name in held
            else self._without_pane(name, answer, self._memory.restarts)
            for name in list(self._roster.members)
        )
        self._memory.save(self._roster, now)
        # Where no session was named and nobody was ever seen, there is nothing that could be gone.
        nothing_named = self._options.session is None and not agents
        exists = nothing_named or not answer.absent
        return Reading(agents, session_name=self._session_name(answer), session_exists=exists)

    def _look_ahead(self) -> None:
        """Looks the processes of the last check up, which mostly are those of this one, while tmux is at work."""
        if self._memory is not None:
            for name, pane in self._held.items():
                if name in self._roster.members:
                    self._find(name, pane, self._memory.restarts)

    def _find(self, name: str, pane: Pane, restarts: RestartCounter) -> AgentProcess | NoAgent:
        member = self._roster.members[name]
        return self._finder.find(pane, Before(restarts.identity(name), member.program, member.wrapper))

    def _without_pane(self, name: str, answer: Answer, restarts: RestartCounter) -> AgentSample:
        member = self._roster.members[name]
        reason = answer.absent or self._roster.explain_absence(name, answer.panes)
        return _stopped(member, None, restarts.count(name), reason)

    def _running(self, name: str, pane: Pane, changed: set[str], restarts: RestartCounter, now: float) -> AgentSample:
        member = self._roster.members[name]
        before = restarts.identity(name)
        found = self._find(name, pane, restarts)
        if isinstance(found, NoAgent):
            return _stopped(member, pane, restarts.count(name), found.reason)
        if member.origin == PROGRAM and found.program != member.called:
            reason = f"{pane.command or 'something else'} runs in pane {pane.pane_id}: {member.called} is gone"
            return _stopped(member, pane, restarts.count(name), reason)
        if found.continues:
            restarts.moved(name, found.identity)
        count = restarts.seen(name, found.identity)
        # A new process is a sign of life, though it print nothing.
        if pane.pane_id in changed or (before and before != found.identity):
            last_activity = now
        else:
            # A pane's activity may be that of the process before: nobody has been idle for longer than it lives.
            seen = member.last_activity or max(float(pane.window_activity), started_at(found.pid))
            last_activity = min(seen or now, now)
        if (member.program, member.wrapper, member.last_activity) != (found.program, found.wrapper, last_activity):
            self._roster.members[name] = replace(
                member, program=found.program, wrapper=found.wrapper, last_activity=last_activity
            )
        looked_at = self._screens.looked_at(pane.pane_id) or now
        busy = looked_at - last_activity < self._options.quiet_after
        return AgentSample(
            name=name,
            running=True,
            role=member.role,
            restart_count=count,
            last_activity=last_activity,
            reported=State.BUSY if busy else State.IDLE,
            pane_index=pane.index,
            pid=found.pid,
            reason="" if name == member.called else f"pane {pane.pane_id} is called {member.called}, as another one is",
            proven=True,
        )

    def _program_in(self, pane: Pane) -> str:
        found = self._finder.find(pane)
        return found.program if isinstance(found, AgentProcess) else ""

    def _session_name(self, answer: Answer) -> str:
        """What the watched session is called now; where it is gone, what it was asked for by."""
        if not self._options.session:
            return self._cluster
        return answer.panes[0].session_name if answer.panes else clean_name(self._options.session)

    def _forget(self, name: str) -> bool:
        forgotten = self._roster.forget(name)
        if forgotten:
            self._memory.restarts.forget(name)
            self._memory.save(self._roster, self._last_read)
        return forgotten

    def _save_all(self) -> None:
        self._memory.save(self._roster, self._last_read, all_of_it=True)


def _stopped(member: RememberedAgent, pane: Pane | None, restart_count: int, reason: str) -> AgentSample:
    return AgentSample(
        name=member.name,
        running=False,
        role=member.role,
        restart_count=restart_count,
        last_activity=member.last_activity,
        pane_index=pane.index if pane else None,
        reason=reason,
        proven=True,
    )
