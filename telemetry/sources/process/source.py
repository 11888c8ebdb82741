"""Agents as processes of this machine: found by a pid file, by their command line, or as a systemd unit.

Whether they live is known for certain. What they do isn't: a process that uses the processor works, so its last
activity moves; one that doesn't may wait for an answer just as well as be idle. The processor time and the memory told
of an agent are those of its process and of all below it, and processes that these have left behind are not counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from telemetry.clean import clean_name
from telemetry.model import Reading
from telemetry.sources.base import Found, Place, SourceError, SourceKind, memory_of
from telemetry.sources.process.census import Census, take_census
from telemetry.sources.process.command import CommandLines, CommandWatch
from telemetry.sources.process.memory import RestartMemory
from telemetry.sources.process.options import ProcessAgent, ProcessOptions
from telemetry.sources.process.pidfile import PidFile, PidFileAgent, PidFileError, see_pid_file, try_pid_file
from telemetry.sources.process.samples import Samples
from telemetry.sources.process.sight import Ends, Sight
from telemetry.sources.process.units import Unit, UnitError, UnitRestarts, ask_systemd, see_unit
from telemetry.sources.processes import ProcessTable, system_processes

__all__ = ["KIND", "ProcessAgent", "ProcessOptions", "ProcessSource"]

Asked = list[tuple[str, str]]
"""Agents and the units they are."""


class ProcessSource:
    """A `Source` that watches the processes which its settings name.

    Args:
        place: Where to look; its options are `ProcessOptions`.
        census: Looks at all processes.
        processes: Where command lines are looked up.
    """

    name = "process"

    def __init__(
        self, place: Place, *, census: Callable[[], Census] = take_census, processes: ProcessTable | None = None
    ) -> None:
        options: ProcessOptions = place.options
        self._cluster = clean_name(place.cluster)
        self._on_problem = place.on_problem
        self._take_census = census
        self._arguments = (processes or system_processes()).arguments
        self._memory = RestartMemory(place.store, memory_of(self._cluster, self.name))
        self._ends = Ends()
        self._samples = Samples(self._memory.restarts)
        self._agents = {clean_name(agent.name): agent for agent in options.agents}
        self._roles = {name: clean_name(agent.role) if agent.role else "" for name, agent in self._agents.items()}
        self._commands = {
            name: CommandWatch(name, agent.command, self._agents.keys() - {name})
            for name, agent in self._agents.items()
            if agent.command is not None
        }
        self._pid_files = {name: a.pid_file for name, a in self._agents.items() if a.pid_file is not None}
        of_units = [(name, a.unit, a.user) for name, a in self._agents.items() if a.unit is not None]
        self._units: list[tuple[bool, Asked]] = [
            (user, asked)
            for user in (False, True)
            if (asked := [(name, unit) for name, unit, of_user in of_units if of_user is user])
        ]
        self._unit_restarts = UnitRestarts()
        self._told = ""
        self._last_read = 0.0
        # One thread, so that a check that was given up never runs beside the next one.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="process")

    @property
    def cluster(self) -> str:
        return self._cluster

    async def read(self, now: float) -> Reading:
        reading = await asyncio.get_running_loop().run_in_executor(self._thread, self.read_blocking, now)
        problem = self._memory.problem
        if problem and not self._told and self._on_problem is not None:
            self._on_problem(problem)
        self._told = problem
        return reading

    async def forget(self, name: str) -> bool:
        """A further match of a pattern (`worker#2`) is no longer expected; configured agents are, as configured.

        Returns:
            Whether there was such an agent.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._forget, name)

    def ended(self, pid: int, status: int | None) -> None:
        """Takes the word of somebody who watched that process end, for the time when the system has forgotten it.

        Args:
            pid: As in a sample.
            status: Its exit status, or minus the signal that killed it; None where that isn't known.
        """
        self._ends.hear(pid, status)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._memory.save, self._last_read)
        self._thread.shutdown(wait=False)

    def read_blocking(self, now: float) -> Reading:
        """What `read` does, in the calling thread."""
        self._last_read = now
        restarts = self._memory.restarts
        if self._memory.load(now):
            for watch in self._commands.values():
                watch.recall(restarts.identity)
        # Before the census: of a process that began after it was taken, nothing may be said yet.
        units = [(user, asked, self._ask(asked, user=user)) for user, asked in self._units]
        files = {name: try_pid_file(path) for name, path in self._pid_files.items()}
        try:
            census = self._take_census()
        except OSError as error:
            raise SourceError(f"the processes of this machine can't be listed: {error.strerror}") from error
        problems = [str(said) for _, _, said in units if isinstance(said, UnitError)]
        problems += [str(said) for said in files.values() if isinstance(said, PidFileError) and said.wrong]
        found = dict(self._by_units(units, census)) | dict(self._by_pid_files(files, census))
        sights = {name: [sight] for name, sight in found.items()} | self._by_commands(found, census, now, problems)
        agents = tuple(
            self._samples.sample(sight, self._roles[name], census, now)
            for name in self._agents
            for sight in sights[name]
        )
        self._memory.save(now)
        return Reading(agents, problems=tuple(problems))

    # --- looking ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _ask(asked: Asked, *, user: bool) -> list[Unit] | UnitError:
        try:
            return ask_systemd([unit for _, unit in asked], user=user)
        except UnitError as error:
            return error

    def _by_units(
        self, units: list[tuple[bool, Asked, list[Unit] | UnitError]], census: Census
    ) -> Iterator[tuple[str, Sight]]:
        for _, asked, said in units:
            if isinstance(said, UnitError):
                yield from ((name, Sight(name, reason=str(said), known=False)) for name, _ in asked)
            else:
                for (name, called), unit in zip(asked, said, strict=True):
                    yield name, self._unit_restarts.counted(see_unit(name, called, unit, census), unit)

    def _by_pid_files(self, files: dict[str, PidFile | PidFileError], census: Census) -> Iterator[tuple[str, Sight]]:
        for name, said in files.items():
            agent = PidFileAgent(name, self._pid_files[name], self._memory.restarts.identity(name))
            yield name, see_pid_file(agent, said, census, self._ends)

    def _by_commands(
        self, found: dict[str, Sight], census: Census, now: float, problems: list[str]
    ) -> dict[str, list[Sight]]:
        """A process that is an agent by its unit or pid file is none by its command line; the first pattern wins."""
        if not self._commands:
            return {}
        lines = CommandLines(census, self._arguments)
        taken = {sight.entry.pid for sight in found.values() if sight.entry}
        return {name: watch.find(lines, taken, now, self._ends, problems) for name, watch in self._commands.items()}

    def _forget(self, name: str) -> bool:
        if not any(watch.forget(name) for watch in self._commands.values()):
            return False
        self._samples.forget(name)
        self._ends.forget(name)
        self._memory.save(self._last_read)
        return True


def _look(options: ProcessOptions) -> Found:
    if not options.agents:
        return Found(there=False, why="no agent is configured by pid file, command or unit")
    ways = [way for way in ("pid_file", "command", "unit") if any(getattr(a, way) is not None for a in options.agents)]
    number = len(options.agents)
    return Found(there=True, why=f"{number} agent{'s' * (number > 1)} configured by {', '.join(ways)}")


KIND = SourceKind(
    name="process",
    summary="processes of this machine, by pid file, command line or systemd unit",
    directness=0,
    options=ProcessOptions,
    look=_look,
    make=ProcessSource,
)
"""What the list of sources needs of this one."""
