"""Agents in tmux panes: seen from outside, without their help, by one client call a check, and heard in between.

Names come from the panes' `@agent_name` or the orchestrator's own YAML (`roster`), life from the process table
(`agent`), and activity from what the panes show (`activity`), of which only a hash is kept. What a user does
to a pane is no activity of the agent: neither a resize, nor tmux's copy mode and clock. What the agent's program draws
itself is, a clock included.

Between two checks, control-mode clients tell at once which pane prints and which panes come and go (`ear`,
`control`). The checks go on all the same: they are what is left when no client can be attached, and they alone
look for processes and names; only the screens of panes that are heard aren't looked at.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

from telemetry.clean import clean_name
from telemetry.clock import SystemClock
from telemetry.model import AgentSample, Reading
from telemetry.sources.base import Found, Place, Screen, SourceError, SourceKind
from telemetry.sources.processes import ProcessTable, started_at, system_processes
from telemetry.sources.tmux.activity import ScreenWatch
from telemetry.sources.tmux.agent import AgentFinder, AgentProcess, Before, NoAgent
from telemetry.sources.tmux.client import TmuxClient
from telemetry.sources.tmux.control import Instance
from telemetry.sources.tmux.ear import NOTHING_HEARD, Heard
from telemetry.sources.tmux.hearing import Hearing
from telemetry.sources.tmux.lines import LastLines
from telemetry.sources.tmux.memory import Memory
from telemetry.sources.tmux.options import TmuxOptions, TmuxSettings
from telemetry.sources.tmux.roster import PROGRAM, Roster
from telemetry.sources.tmux.samples import running, stopped

if TYPE_CHECKING:
    from collections.abc import Callable

    from telemetry.clock import Clock
    from telemetry.sources.restarts import RestartCounter
    from telemetry.sources.tmux.answer import Answer, Pane
    from telemetry.store import RememberedAgent, Store

__all__ = ["KIND", "TmuxOptions", "TmuxSource"]

_NO_NAME = "tmux"
_SCREEN_WITHIN = 2.0
"""Seconds that somebody waits for a screen at most."""


class TmuxSource:
    """A `Source` that watches one tmux server.

    Args:
        options: Where to look, and for whom.
        store: Where expected agents and restarts are remembered; None: only as long as this object lives.
        on_problem: Told, in the loop that reads, one line when the store starts to fail (once, until it has worked
            again): watching goes on.
        processes: Where processes are looked up.
        clock: What time it is when something is heard.
    """

    name = "tmux"

    def __init__(
        self,
        options: TmuxOptions,
        store: Store | None = None,
        *,
        on_problem: Callable[[str], None] | None = None,
        processes: ProcessTable | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._options = options
        self._on_problem = on_problem
        self._told = ""
        where = (options.socket_name, options.socket_path, options.session)
        self._client = TmuxClient(*where, options.timeout)
        self._lines = LastLines(TmuxClient(*where, min(options.timeout, _SCREEN_WITHIN)))
        self._processes = processes or system_processes()
        self._finder = AgentFinder(options.programs, self._processes)
        self._roster = Roster(options.agents, one_session=options.session is not None, program_in=self._program_in)
        self._screens = ScreenWatch()
        self._hearing = Hearing(options, self._client.tmux, clock or SystemClock())
        server = options.socket_name or (options.socket_path or "").rpartition("/")[2]
        # Not the name of whatever session is open: what is remembered is remembered under it, also for the next start.
        self._cluster = clean_name(options.cluster or options.session or server or _NO_NAME)
        self._memory = Memory(store, self._cluster)
        self._held: dict[str, Pane] = {}
        self._panes: tuple[Pane, ...] = ()
        self.absent = ""
        """Why the last read saw no panes, in words, or ""."""
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

    @property
    def events(self) -> str:
        """How it hears of changes between two reads, or why it doesn't, in words."""
        return self._hearing.events

    def listen(self, changed: Callable[[], None]) -> None:
        self._hearing.listen(changed)

    def glance(self, now: float) -> Reading | None:
        return self._hearing.glance(now)

    async def read(self, now: float) -> Reading:
        heard = await self._hearing.begin_read()
        try:
            loop = asyncio.get_running_loop()
            reading = await loop.run_in_executor(self._thread, self.read_blocking, now, heard)
        except SourceError:
            self._hearing.fail_read()
            raise
        except asyncio.CancelledError:
            self._hearing.break_off_read()
            raise
        problem = self.problem
        if problem and not self._told and self._on_problem is not None:
            self._on_problem(problem)
        self._told = problem
        return self._hearing.end_read(reading, self._panes, self._held.values(), now)

    async def forget(self, name: str) -> bool:
        """An agent that isn't configured is no longer expected, and counts from 0 should it come back.

        Returns:
            Whether there was such an agent.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._forget, name)

    async def last_lines(self, agent: str, count: int) -> Screen | None:
        pane = self._held.get(agent)
        return None if pane is None else await self._lines.of(pane, count)

    async def lines_in(self, pane_id: str, pid: int | None, count: int) -> Screen | None:
        pane = next((pane for pane in self._panes if pane.pane_id == pane_id), None)
        process = self._processes.get(pid) if pid else None
        # Another server has a pane of that id, too: tmux makes each pane's process the leader of a session.
        if pane is None or process is None or process.session != pane.pid:
            return None
        return await self._lines.of(pane, count)

    async def close(self) -> None:
        self._client.close()
        self._lines.close()
        await self._hearing.close()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._save_all)
        self._thread.shutdown(wait=False)

    def read_blocking(self, now: float, heard: Heard = NOTHING_HEARD) -> Reading:
        """What `read` does, in the calling thread; `heard` is what was heard by then."""
        self._last_read = now
        self._memory.load(self._roster, now)
        self._finder.look_anew()
        answer = self._client.ask(self._screens_to_look_at(heard), self._look_ahead)
        self._held = held = self._roster.assign(answer.panes, now)
        self._panes, self.absent = answer.panes, answer.absent
        changed = self._screens.look(answer, now)
        agents = tuple(
            self._running(name, held[name], changed, heard, now)
            if name in held
            else self._without_pane(name, answer, self._memory.restarts)
            for name in list(self._roster.members)
        )
        self._memory.save(self._roster, now)
        # Where no session was named and nobody was ever seen, there is nothing that could be gone.
        nothing_named = self._options.session is None and not agents
        exists = nothing_named or not answer.absent
        return Reading(agents, session_name=self._session_name(answer), session_exists=exists)

    def _screens_to_look_at(self, heard: Heard) -> list[str]:
        """Those of the panes that aren't heard; what a heard one showed earlier says nothing once it isn't any more."""
        members = self._roster.members.values()
        covered = {member.pane_id for member in members if _instance(member) in heard.sessions}
        self._screens.forget(covered)
        return self._screens.next_in_turn([m.pane_id for m in members if m.pane_id not in covered])

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
        return stopped(member, None, restarts.count(name), reason)

    def _running(self, name: str, pane: Pane, changed: set[str], heard: Heard, now: float) -> AgentSample:
        member, restarts = self._roster.members[name], self._memory.restarts
        before = restarts.identity(name)
        found = self._find(name, pane, restarts)
        if isinstance(found, NoAgent):
            return stopped(member, pane, restarts.count(name), found.reason)
        if member.origin == PROGRAM and found.program != member.called:
            reason = f"{pane.command or 'something else'} runs in pane {pane.pane_id}: {member.called} is gone"
            return stopped(member, pane, restarts.count(name), reason)
        if found.continues:
            restarts.moved(name, found.identity)
        count = restarts.seen(name, found.identity)
        # A new process is a sign of life, though it print nothing.
        if pane.pane_id in changed or (before and before != found.identity):
            last_activity = now
        else:
            # A pane's activity may be that of the process before: nobody has been idle for longer than it lives.
            began = started_at(found.pid) if found.pid is not None else 0.0
            seen = member.last_activity or max(float(pane.window_activity), began)
            last_activity = min(max(seen, heard.active.get(pane.pane_id, 0.0)) or now, now)
        if (member.program, member.wrapper, member.last_activity) != (found.program, found.wrapper, last_activity):
            self._roster.members[name] = member = replace(
                member, program=found.program, wrapper=found.wrapper, last_activity=last_activity
            )
        # A pane that is neither heard nor looked at this time is as quiet as it was at the last look.
        looked_at = self._screens.looked_at(pane.pane_id) or now
        return running(member, pane, found.pid, count, busy=looked_at - last_activity < self._options.quiet_after)

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


def _instance(member: RememberedAgent) -> Instance:
    return Instance(member.server_pid, member.session_id, member.session_created)


def _look_around(options: TmuxOptions) -> Found:
    """Whether a server runs there, and holds agents. Changes nothing, and remembers nothing."""
    source = TmuxSource(options)
    try:
        reading = source.read_blocking(SystemClock().now())
    except SourceError as error:
        return Found(False, str(error))
    there = sum(agent.running for agent in reading.agents)
    if there:
        return Found(True, f"{there} {'pane holds an agent' if there == 1 else 'panes hold agents'}")
    return Found(False, source.absent or "no pane carries @agent_name or runs a known agent program")


def _make(place: Place) -> TmuxSource:
    options = replace(place.options, cluster=place.cluster or place.options.cluster)
    return TmuxSource(options, place.store, on_problem=place.on_problem)


KIND = SourceKind("tmux", "Panes of a tmux server.", 3, TmuxSettings, _look_around, _make)
