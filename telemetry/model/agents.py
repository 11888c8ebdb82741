"""Agents as they are seen and judged: AgentSample → AgentHealth → ClusterSnapshot → Transition."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

LAST_PID = 2**31 - 1
"""Up to here a number can be a process's, and be watched."""


class State(StrEnum):
    """What an agent is doing, as one word. The order is the order of display."""

    BUSY = "busy"
    IDLE = "idle"
    WAITING = "waiting"
    """Waits for a person: a permission, an answer."""
    UNRESPONSIVE = "unresponsive"
    """Its process lives, or should, and gives no sign of life within the agent timeout."""
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    """Its source failed: nobody can tell."""


class Detail(NamedTuple):
    """What a source knows of an agent beside what it is judged by; every field may be missing.

    Attributes:
        pane_id: tmux's %N: which pane it is in, "" where it is in none or that isn't known.
        session_id: Claude Code's id of its session, or "".
        named: Whether somebody gave it its name; False where the name only says which program or folder it is.
        exit_status: How it ended: its exit status, or minus the signal that killed it. None while it runs or where that
            can't be had.
        cpu_seconds: Processor time it has used since it was started.
        memory_bytes: Memory it holds now (resident).
        task: What it is at, in its own words: cleaned, one line.
        folder: Where it works, or "".
        team: Which team of agents it is in, or "".
    """

    pane_id: str = ""
    session_id: str = ""
    named: bool = True
    exit_status: int | None = None
    cpu_seconds: float | None = None
    memory_bytes: int | None = None
    task: str = ""
    folder: str = ""
    team: str = ""


NO_DETAIL = Detail()


class AgentSample(NamedTuple):
    """What one source saw of one agent in one check. (A tuple, as is AgentHealth: a thousand are made a check.)

    Attributes:
        name: The agent's name, unique in its cluster; cleaned.
        role: Free text from the configuration, or "".
        running: Whether its process lives.
        restart_count: How often it was started again since it was first known; absolute, never falls.
        last_activity: When it last showed a sign of life (Unix s); 0.0 = never: counted from when it was first seen.
        reported: The state that the source itself knows (BUSY, IDLE, WAITING; UNRESPONSIVE where it broke its word to
            give a sign of life; UNKNOWN where nobody can tell of this agent alone), or None: judged by `last_activity`.
        has_work: Whether work is assigned to it; None where the source can't know.
        pane_index: Its tmux pane's index now, for display; never an identity.
        pid: The agent's process, where known.
        reason: What was seen, in words, for a state that needs explaining: «only bash is left in pane %3».
        proven: False where the activity time is only the process's own claim (a `busy` without a later sign of life
            turns into `unresponsive`); True where the source saw the activity itself, as tmux sees output.
    """

    name: str
    running: bool
    role: str = ""
    restart_count: int = 0
    last_activity: float = 0.0
    reported: State | None = None
    has_work: bool | None = None
    pane_index: int | None = None
    pid: int | None = None
    reason: str = ""
    proven: bool = False
    detail: Detail = NO_DETAIL


class TeamTasks(NamedTuple):
    """The tasks of one team, counted.

    Attributes:
        team: Its name, cleaned.
        open: Nobody has begun them, and nothing is in their way.
        in_progress: Somebody is at them.
        blocked: Others must be done first.
        done: They are done.
        oldest_at: When the oldest that isn't done was made (Unix s); 0.0 where there is none.
    """

    team: str
    open: int = 0
    in_progress: int = 0
    blocked: int = 0
    done: int = 0
    oldest_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of one source.

    Attributes:
        agents: Every agent the source expects, those that are gone included (`running=False`).
        session_name: The tmux session or whatever holds the agents together; "" where there is none.
        session_exists: False when that is gone, which means that nobody runs.
        problems: What of the answer could not be used, a line each; the rest was.
        tasks: The tasks of each team, where the source knows of any.
    """

    agents: tuple[AgentSample, ...]
    session_name: str = ""
    session_exists: bool = True
    problems: tuple[str, ...] = ()
    tasks: tuple[TeamTasks, ...] = ()


class AgentHealth(NamedTuple):
    """One agent, judged.

    Attributes:
        sample: What was seen last.
        state: The judgement, and `reason` why, in words.
        since: When it entered this state, also where that was before this monitor's start and it was kept.
        first_seen: When it was seen first: activity of an agent that never acted counts from here. Later than `since`
            where it goes on from before a long time in which nobody watched, which doesn't count.
        recheck_at: Until then the same sample means the same judgement (Unix s; inf = time changes nothing).
    """

    sample: AgentSample
    state: State
    reason: str
    since: float
    first_seen: float
    recheck_at: float

    @property
    def name(self) -> str:
        return self.sample.name

    @property
    def up(self) -> bool:
        """Whether its process lives, as far as was last known."""
        return self.sample.running

    def idle_time(self, now: float) -> float:
        """Seconds without activity at `now`; 0.0 while it doesn't run, and never negative."""
        if not self.sample.running:
            return 0.0
        return max(0.0, now - (self.sample.last_activity or self.first_seen))


class LastSeen(NamedTuple):
    """What is kept of an agent over a restart of the monitor: how it was last.

    Attributes:
        state: Its last state that anybody could tell: never UNKNOWN.
        since: When it entered it (Unix s).
        quiet_since: When it showed its last sign of life, or was first seen; of one that works, any of these (Unix s).
            Of one that waits: from when on that counts for alerts.
        restarts: How often it had restarted.
        pane_id: The pane it was in, or "".
        exit_status: How it had ended, where that is known; see `Detail`.
        seen_at: Until when it was watched (Unix s); 0.0 where that isn't known.
    """

    state: State
    since: float
    quiet_since: float
    restarts: int = 0
    pane_id: str = ""
    exit_status: int | None = None
    seen_at: float = 0.0

    @classmethod
    def of(cls, agent: AgentHealth) -> LastSeen:
        """What is kept of an agent as it was judged."""
        _, state, _, since, first_seen, _ = agent
        sample = agent.sample
        detail, quiet_since = sample.detail, sample.last_activity or first_seen
        if state is State.WAITING:
            quiet_since = max(since, first_seen)
        return cls(state, since, quiet_since, sample.restart_count, detail.pane_id, detail.exit_status)


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """One cluster after one check.

    Attributes:
        cluster: Its name.
        source: The name of the source it was seen by.
        agents: In the source's order.
        taken_at: When the check finished.
        source_error: Why the source gave no answer, or "" when it did: then every agent is unknown or unresponsive.
        problems: What of the answer could not be used, a line each.
        tasks: The tasks of each team.
    """

    cluster: str
    source: str
    agents: tuple[AgentHealth, ...]
    taken_at: float
    session_name: str = ""
    session_exists: bool = True
    source_error: str = ""
    problems: tuple[str, ...] = ()
    tasks: tuple[TeamTasks, ...] = ()

    def count(self, state: State) -> int:
        """How many agents are in `state`."""
        return sum(agent.state is state for agent in self.agents)


@dataclass(frozen=True, slots=True)
class Transition:
    """An agent went from one state to another."""

    cluster: str
    agent: AgentHealth
    before: State
    at: float
