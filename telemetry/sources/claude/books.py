"""What is known of Claude Code's agents: what its files and processes say, made into samples. Every call may block."""

from __future__ import annotations

import os
from pathlib import Path

from telemetry.clean import clean_name
from telemetry.clock import Clock
from telemetry.model import AgentSample, Reading, TeamTasks
from telemetry.sources.base import Place, memory_of
from telemetry.sources.claude.agents import Agent
from telemetry.sources.claude.options import ClaudeOptions
from telemetry.sources.claude.processes import Processes, cpu_seconds
from telemetry.sources.claude.restarts import Restarts
from telemetry.sources.claude.roster import Roster
from telemetry.sources.claude.samples import sample_of
from telemetry.sources.claude.sessions import Session
from telemetry.sources.claude.shelf import Shelf
from telemetry.sources.claude.tasks import Task, Work, counted, work_of
from telemetry.sources.processes import ProcessTable

QUIET = 0.02
"""Of a core: a session that works uses 6 to 13 % (it draws), one that waits for its next prompt 0.4 %."""


class Books:
    """Used by one thread at a time.

    Args:
        place: Where they are kept: its options are `ClaudeOptions`.
        processes: Where processes are looked up.
        clock: What time it is when an agent is forgotten.
        booted_at: When this machine was started (Unix s).
    """

    def __init__(
        self, place: Place, options: ClaudeOptions, processes: ProcessTable, clock: Clock, booted_at: float
    ) -> None:
        self._team = options.team or ""
        self._clock = clock
        self.shelf = Shelf(options.folder.absolute(), is_expected=options.config_dir is not None)
        self.roster = Roster(self.shelf, Processes(processes), self._team, booted_at)
        self._restarts = Restarts(place.store, memory_of(clean_name(place.cluster), "claude"))
        self._tasks: tuple[TeamTasks, ...] = ()
        self._samples: dict[str, AgentSample] = {}

    @property
    def problem(self) -> str:
        """Why the store can't be used at present, or ""."""
        return self._restarts.problem

    def look(self, root: Path, now: float) -> Reading:
        """Looks at every file and every process.

        Args:
            root: Claude Code's folder, as it is resolved now.
            now: Unix time.

        Raises:
            SourceError: The folder can't be read.
        """
        self._restarts.load(now)
        self.shelf.root = root
        changed = self.shelf.sweep(now)
        others = self.roster.look_at_processes()
        agents = None if others else self._touched(changed)
        if agents is None:
            self._link(now)
            agents = []
        alive = [agent for agent in self.roster.agents if _shows_life(agent, now)]
        return self._publish([*agents, *alive], now)

    def absorb(self, paths: frozenset[str], everything: bool, now: float) -> Reading:
        """Reads what was heard of: these files, or everything.

        Raises:
            SourceError: The folder can't be read.
        """
        changed = self.shelf.sweep(now) if everything else self.shelf.refresh(paths, now)
        agents = None if everything else self._touched(changed)
        if agents is None:
            self._link(now)
            agents = []
        return self._publish(agents, now)

    def _touched(self, changed: set[str]) -> list[Agent] | None:
        """The agents that say something else now; None: it may be others, or other people's, than before."""
        found: list[Agent] = []
        for path in changed:
            agent, session = self.roster.by_path.get(path), self.shelf.sessions.get(path)
            if agent is None or agent.session is None or session is None or agent.fate:
                return None
            if id(agent) in self.roster.leading or _who(session) != _who(agent.session):
                return None
            agent.session = session
            found.append(agent)
        return found

    def _link(self, now: float) -> None:
        self.roster.link(now)
        for agent in self.roster.gone:
            self._restarts.forget(agent.name)
        self._samples = {}
        for agent in self.roster.agents:
            agent.hear(self.shelf.inboxes, now)
            self._restarts.count(agent)
            agent.sample = sample_of(agent, self._work_of(agent), self.shelf.inboxes, now)
            self._samples[agent.name] = agent.sample
        self._tasks = self._count_tasks()

    def _publish(self, agents: list[Agent], now: float) -> Reading:
        """Says what is known of these agents anew, and of the others what was said before."""
        for agent in agents:
            self._restarts.count(agent)
            before, agent.sample = agent.sample, sample_of(agent, self._work_of(agent), self.shelf.inboxes, now)
            if before is not agent.sample:
                self._samples[agent.name] = agent.sample
        self._restarts.save(now)
        return Reading(
            tuple(self._samples.values()),
            session_name=self._team,
            problems=self.shelf.problems,
            tasks=self._tasks,
        )

    def _count_tasks(self) -> tuple[TeamTasks, ...]:
        counts: dict[str, TeamTasks] = {}
        for agent in self.roster.agents:
            found = self._tasks_of(agent)
            if found is None:
                continue
            tasks, solo = found
            name = agent.name if solo or agent.role is None else agent.role.team.name
            counts.setdefault(name, counted(name, tasks.values()))
        return tuple(counts.values())

    def _tasks_of(self, agent: Agent) -> tuple[dict[str, Task], bool] | None:
        """The tasks of an agent's team, or those of its session alone (True); None where there are none."""
        tasks, role = self.shelf.tasks, agent.role
        if role is not None and (found := tasks.get(role.folder) or tasks.get(role.team.name)):
            return found, False
        if agent.session is not None and (found := tasks.get(agent.session.session_id)):
            return found, True
        return None

    def _work_of(self, agent: Agent) -> Work | None:
        found = self._tasks_of(agent)
        if found is None:
            return None
        tasks, solo = found
        owners = {"", agent.name} if solo else set()
        if agent.role is not None:
            owners |= {agent.role.member.name, clean_name(agent.role.member.agent_id)}
        return work_of(owners, tasks.values())

    def left_in_order(self, pid: int) -> bool:
        """Whether the session of a process took its file away before it ended. Looks at one name: for the loop."""
        path = f"sessions/{pid}.json"
        return path in self.roster.by_path and not os.path.lexists(self.shelf.root / path)

    def forget(self, name: str) -> Reading | None:
        """A ghost is no longer expected. None: there is none of this name, or it runs."""
        now = self._clock.now()
        if not self.roster.forget(name):
            return None
        self._link(now)
        return self._publish([], now)


def _who(session: Session) -> tuple[object, ...]:
    return (session.process, session.session_id, session.name, session.named, session.domain, session.status == "")


def _shows_life(agent: Agent, now: float) -> bool:
    """Looks whether a process that says it is busy uses the processor. False: nothing new follows from it."""
    if agent.fate or agent.elsewhere or not agent.says_busy or agent.pid is None:
        agent.cpu, agent.quiet = None, False
        return False
    (before, then), agent.cpu, agent.cpu_at = (agent.cpu, agent.cpu_at), cpu_seconds(agent.pid), now
    if before is None or agent.cpu is None or now <= then:
        return False
    was_quiet, agent.quiet = agent.quiet, (agent.cpu - before) / (now - then) < QUIET
    if agent.cpu > before and not (agent.latched and agent.quiet):
        agent.sign_at = now
        return True
    return agent.quiet is not was_quiet
