"""A demo cluster: five tmux panes, on a server of its own, whose agents work, rest, ask, crash and come back.

What happens when is a pure schedule from a seed; `Demo` carries it out. No other tmux server is touched, and nothing is
left behind: when this process dies, however, the agents notice within a second and end their server.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from telemetry.demo_agent import SOCKET_PREFIX, process_start
from telemetry.sources.base import SourceError
from telemetry.sources.tmux.source import TmuxOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.clock import Clock

SESSION = "demo"
"""The session's name, and the cluster's."""

_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "SHELL", "TERM", "TMUX_TMPDIR", "USER")
"""All that the demo's agents get to see of the environment: they need no key of anybody."""


class DemoAgent(NamedTuple):
    """One of the five: its name, the role that is shown, and the part its program plays."""

    name: str
    role: str
    part: str


AGENTS = (
    DemoAgent("grand_boss", "Plans, and hands out the work", "lead"),
    DemoAgent("middle_manager", "Reviews, and asks before it merges", "manager"),
    DemoAgent("coding_writing_specialist", "Writes code", "coder"),
    DemoAgent("research_analysis_specialist", "Reads and searches", "researcher"),
    DemoAgent("testing_specialist", "Runs the tests", "tester"),
)


class What(StrEnum):
    """What the schedule lets happen to an agent."""

    CRASH = "crash"
    COME_BACK = "come back"


@dataclass(frozen=True, slots=True)
class Event:
    """At `at` seconds after the start, this happens to that agent."""

    at: float
    what: What
    agent: str


class Schedule:
    """An endless row of crashes and recoveries, one agent at a time: the same for the same seed.

    The first crash comes after 15 to 20 s, each recovery 9 to 11 s after its crash, the next crash 20 to 40 s later;
    all of it multiplied by `time_scale`.
    """

    def __init__(self, seed: int = 0, time_scale: float = 1.0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a show
        self._scale = time_scale
        self._ahead: list[Event] = []
        self._end = 0.0
        self._last = ""

    def due(self, elapsed: float) -> list[Event]:
        """Everything up to `elapsed` seconds after the start that wasn't handed out before."""
        while self.next_at() <= elapsed:
            self._plan()
            if self._ahead[-1].at > elapsed:
                break
        events = [event for event in self._ahead if event.at <= elapsed]
        self._ahead = self._ahead[len(events) :]
        return events

    def next_at(self) -> float:
        """Seconds after the start at which the next event comes."""
        if not self._ahead:
            self._plan()
        return self._ahead[0].at

    def _plan(self) -> None:
        pause = self._random.uniform(15, 20) if not self._last else self._random.uniform(20, 40)
        # Who crashed last has earned a rest, and the one that asks questions is to be seen asking.
        choices = [agent.name for agent in AGENTS if agent.name != self._last and agent.part != "manager"]
        self._last = self._random.choice(choices)
        crash = self._end + pause * self._scale
        self._end = crash + self._random.uniform(9, 11) * self._scale
        self._ahead += [Event(crash, What.CRASH, self._last), Event(self._end, What.COME_BACK, self._last)]


class Demo:
    """Starts the cluster, lets the schedule happen, and takes everything away again.

    Args:
        clock: Time for `run`.
        seed: Which schedule.
        time_scale: 0.5 is twice as fast.
    """

    def __init__(self, clock: Clock, *, seed: int = 0, time_scale: float = 1.0) -> None:
        self._clock = clock
        self._seed = seed
        self._scale = time_scale
        self._schedule = Schedule(seed, time_scale)
        self._socket_name = f"{SOCKET_PREFIX}{os.getpid()}-{secrets.token_hex(3)}"
        self._environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
        self._panes: dict[str, str] = {}
        self._down: set[str] = set()
        self._started_at: float | None = None

    @property
    def options(self) -> TmuxOptions:
        """Where a `TmuxSource` finds the cluster."""
        return TmuxOptions(socket_name=self._socket_name, session=SESSION)

    @property
    def attach_command(self) -> str:
        """What a person types to see the panes."""
        return f"tmux -L {self._socket_name} attach -r"

    async def start(self) -> TmuxOptions:
        """Starts server and agents; returns where they are seen.

        Raises:
            SourceError: tmux is missing, or refuses.
        """
        try:
            await asyncio.to_thread(self._start)
        except BaseException:
            await self.stop()
            raise
        self._started_at = self._clock.now()
        return self.options

    async def step(self, now: float) -> tuple[Event, ...]:
        """Lets happen what is due at `now` (Unix s), and returns that.

        After a long gap (a laptop that slept) only what is left of it at the end happens.
        """
        if self._started_at is None:
            return ()
        last = {event.agent: event for event in self._schedule.due(now - self._started_at)}
        happened = tuple(event for event in last.values() if (event.what is What.CRASH) != (event.agent in self._down))
        for event in happened:
            await asyncio.to_thread(self._let_happen, event)
        return happened

    async def run(self) -> NoReturn:
        """Follows the schedule until it is cancelled.

        Raises:
            SourceError: Somebody ended the demo's server.
        """
        while True:
            now = self._clock.now()
            await self.step(now)
            ahead = (self._started_at or now) + self._schedule.next_at() - now
            await asyncio.sleep(min(1.0, max(0.01, ahead)))

    async def stop(self) -> None:
        """Ends the demo's own server with its agents, and removes its socket. Never raises, also when it is gone."""
        self._started_at = None
        await asyncio.to_thread(self._stop)

    def _start(self) -> None:
        where = ("-d", "-P", "-F", "#{pane_id}")
        pane = ""
        for agent in AGENTS:
            if not pane:
                pane = self._tmux("new-session", *where, "-s", SESSION, "-x", "160", "-y", "50", *self._program(agent))
                # A pane stays when its agent crashes: its last lines are worth reading.
                self._tmux("set-option", "-g", "remain-on-exit", "on")
            else:
                pane = self._tmux("split-window", *where, "-t", pane, *self._program(agent))
                self._tmux("select-layout", "-t", pane, "tiled")
            self._panes[agent.name] = pane
        for agent in AGENTS:
            pane = self._panes[agent.name]
            self._tmux("set-option", "-p", "-t", pane, "@agent_name", agent.name)
            self._tmux("set-option", "-p", "-t", pane, "@agent_role", agent.role)
        self._tmux("set-option", "-g", "pane-border-status", "top")
        self._tmux("set-option", "-g", "pane-border-format", " #{@agent_name} ")

    def _let_happen(self, event: Event) -> None:
        pane = self._panes[event.agent]
        if event.what is What.CRASH:
            self._down.add(event.agent)
            # By its terminal: a pid might be somebody else's by now.
            self._tmux("send-keys", "-t", pane, "C-\\")
            return
        self._down.discard(event.agent)
        agent = next(agent for agent in AGENTS if agent.name == event.agent)
        # -k: tmux may not have noticed that it died.
        self._tmux("respawn-pane", "-k", "-t", pane, *self._program(agent))

    def _program(self, agent: DemoAgent) -> Sequence[str]:
        # Not -m, which would need the package's own dependencies: five small processes.
        script = str(Path(__file__).with_name("demo_agent.py"))
        number = self._seed + AGENTS.index(agent)
        watched = (str(os.getpid()), process_start(os.getpid()))
        return (sys.executable, "-I", "-S", script, agent.part, str(number), str(self._scale), *watched)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-u", "-L", self._socket_name, "-f", "/dev/null", *arguments]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=10,
                env=self._environment,
                check=False,
            )
        except FileNotFoundError as error:
            raise SourceError("the demo needs tmux, which was not found: it isn't installed, or not in PATH") from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SourceError(f"the demo's tmux can't be used: {error}") from error
        if done.returncode:
            said = done.stderr.strip().partition("\n")[0]
            raise SourceError(f"the demo's tmux failed at {arguments[0]}: {said or done.returncode}")
        return done.stdout.strip()

    def _stop(self) -> None:
        try:
            socket = self._tmux("list-sessions", "-F", "#{socket_path}").partition("\n")[0]
            self._tmux("kill-server")
            Path(socket).unlink(missing_ok=True)
        except (SourceError, OSError):
            # It never ran, or is gone: tmux leaves the socket, and its place is known only to a server that runs.
            return
