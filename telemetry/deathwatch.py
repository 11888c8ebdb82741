"""Hears of the death of every agent's process in the instant it happens, ours or anybody's, by pidfd.

A pidfd becomes readable when its process ends, also where its parent never notices (tmux loses such news) and it stays
behind as a zombie. What a source said before about that process is out of date then: `apply` says so until the source
itself has looked again. Where there is no pidfd (an old kernel, macOS), checks find out, as `how` says.
"""

from __future__ import annotations

import asyncio
import errno
import os
import resource
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from telemetry.exits import describe_exit, exit_status_of
from telemetry.model import AgentHealth, AgentSample
from telemetry.sources.processes import ProcessTable, started_at, system_processes

_SHARE_OF_FILES = 2
"""At most one in so many of the files that this process may open: it may be somebody's program, which needs its own."""
_LACKING = {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
"""What the system lacks for a moment only: it says nothing about the process."""
_TRUSTED_AFTER = 1.0
"""Seconds after which a source that still says that a process runs means another one that was given its number."""


@dataclass(slots=True)
class _Death:
    at: float
    reason: str
    exit_status: int | None
    made: dict[str, tuple[AgentSample, AgentSample]] = field(default_factory=dict)
    """By agent: what was said of it before, and what is said now; the same answer is the same object."""


@dataclass(slots=True)
class _End:
    exit_status: int
    told: tuple[AgentSample, AgentSample] | None = None

    def told_of(self, sample: AgentSample) -> AgentSample:
        """A stopped agent, with how it ended where its source doesn't know; the same answer is the same object."""
        if sample.detail.exit_status is not None:
            return sample
        if self.told is None or self.told[0] is not sample:
            detail = sample.detail._replace(exit_status=self.exit_status)
            self.told = (sample, sample._replace(reason=self._in_words(sample.reason), detail=detail))
        return self.told[1]

    def _in_words(self, reason: str) -> str:
        how, bare = describe_exit(self.exit_status), describe_exit(None)
        if how in reason:
            return reason
        return reason.replace(bare, how, 1) if bare in reason else f"{reason}: {how}"


class DeathWatch:
    """Watches the processes of one cluster's agents, in one loop.

    Args:
        died: Called in that loop when one has died.
        missed: Called in it when one had already gone before it could be watched.
        clock: Unix time.
        ended: Told which process ended and how (see `exit_status_of`), before anybody checks; or None.
        processes: Where processes are looked up.
    """

    def __init__(
        self,
        died: Callable[[], None],
        missed: Callable[[], None],
        clock: Callable[[], float],
        ended: Callable[[int, int | None], None] | None = None,
        processes: ProcessTable | None = None,
    ) -> None:
        self._died, self._missed, self._clock, self._ended = died, missed, clock, ended
        self._processes = processes or system_processes()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched: dict[int, int] = {}
        self._unwatchable: set[int] = set()
        self._dead: dict[int, _Death] = {}
        self._ends: dict[str, _End] = {}
        """How each agent's last process ended, until another one runs: sources only see that it is gone."""
        self._followed: tuple[AgentHealth, ...] = ()
        self._but = "" if hasattr(os, "pidfd_open") else "by checks: this system has no pidfd"

    @property
    def how(self) -> str:
        """How deaths are noticed, in words, and why not all of them at once."""
        count = len(self._watched)
        watched = f"at once, by pidfd: {count} process{'' if count == 1 else 'es'}"
        if not self._but:
            return watched
        return f"{watched}; others {self._but}" if count else self._but

    def follow(self, agents: tuple[AgentHealth, ...], looked_at: float) -> None:
        """Watches the processes of the agents that run, and no others.

        Args:
            agents: All of the cluster, as they were judged.
            looked_at: When the source looked (Unix s): a process that was started later is another one.
        """
        if not hasattr(os, "pidfd_open"):
            return
        before, self._followed = self._followed, agents
        if len(before) == len(agents) and all(map(_same_process, agents, before)):
            return
        wanted = {pid for agent in agents if (pid := agent[0][8]) is not None and agent[0][1]}
        for pid in self._watched.keys() - wanted:
            self._leave(pid)
        self._unwatchable &= wanted
        for pid in wanted - self._watched.keys() - self._unwatchable - self._dead.keys():
            self._watch(pid, looked_at)
        if wanted & self._dead.keys():
            self._followed = ()  # should one of them turn out to live, it is watched then
        if wanted <= self._watched.keys() | self._dead.keys():
            self._but = ""

    def apply(self, samples: tuple[AgentSample, ...], began: float) -> tuple[AgentSample, ...]:
        """What a source said, with every agent stopped whose process has died since.

        Args:
            samples: Of all agents.
            began: When the source began to look (Unix s).
        """
        if not self._dead and not self._ends:
            return samples
        claimed: set[int] = set()
        said = list(samples)
        for at, sample in enumerate(samples):
            pid = sample[8]
            if not sample[1]:
                if sample[0] in self._ends:
                    said[at] = self._ends[sample[0]].told_of(sample)
                continue
            if pid is None or pid not in self._dead or self._lives_anew(pid, began):
                self._ends.pop(sample[0], None)
                continue
            claimed.add(pid)
            said[at] = self._stopped(sample, self._dead[pid])
        for pid in [pid for pid, death in self._dead.items() if pid not in claimed and began > death.at]:
            del self._dead[pid]
        if self._ends:
            self._ends = {sample[0]: end for sample in said if (end := self._ends.get(sample[0])) is not None}
        return tuple(said)

    def recall(self, ends: Mapping[str, int]) -> None:
        """How agents ended whose end an earlier run has seen, by name; what was seen since is nearer to the truth."""
        for name, status in ends.items():
            self._ends.setdefault(name, _End(status))

    def close(self) -> None:
        """Watches nobody any more; `follow` begins anew."""
        for pid in list(self._watched):
            self._leave(pid)
        self._unwatchable.clear()
        self._followed = ()
        self._loop = None

    def _watch(self, pid: int, looked_at: float) -> None:
        if len(self._watched) >= _most_files() // _SHARE_OF_FILES:
            self._but = "by checks: more would be too many open files (ulimit -n)"
            return
        try:
            descriptor = os.pidfd_open(pid)
        except OSError as error:
            if error.errno in _LACKING:
                self._followed = ()  # the next check tries again
            else:
                self._unwatchable.add(pid)
            if error.errno == errno.ESRCH:
                self._missed()
            else:
                self._but = f"by checks: pidfd_open: {error.strerror}"
            return
        except OverflowError:
            self._unwatchable.add(pid)
            self._but = f"by checks: pidfd_open: {pid} is no process's number"
            return
        loop = self._loop = self._loop or asyncio.get_running_loop()
        try:
            loop.add_reader(descriptor, self._on_death, pid)
        except (NotImplementedError, OSError) as error:
            os.close(descriptor)
            self._unwatchable.add(pid)
            self._but = f"by checks: this event loop can't watch a process ({type(error).__name__})"
            return
        self._watched[pid] = descriptor
        if _was_started_after(looked_at, pid):
            self._on_death(pid)

    def _on_death(self, pid: int) -> None:
        descriptor = self._watched.pop(pid)
        if self._loop is not None:
            self._loop.remove_reader(descriptor)
        status = exit_status_of(descriptor, pid)
        os.close(descriptor)
        if self._ended is not None:
            self._ended(pid, status)
        self._dead[pid] = _Death(self._clock(), f"process {pid}: {describe_exit(status)}", status)
        self._died()

    def _leave(self, pid: int) -> None:
        descriptor = self._watched.pop(pid)
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(descriptor)
        os.close(descriptor)

    def _lives_anew(self, pid: int, began: float) -> bool:
        """Whether that number is another process's by now, and the source means that one."""
        death = self._dead[pid]
        if began < death.at + _TRUSTED_AFTER:
            return False
        process = self._processes.get(pid)
        return process is not None and not process.dead

    def _stopped(self, sample: AgentSample, death: _Death) -> AgentSample:
        if death.exit_status is not None and sample.name not in self._ends:
            self._ends[sample.name] = _End(death.exit_status)
        before, made = death.made.get(sample.name, (None, None))
        if made is None or before is not sample:
            where = f" in pane {sample.detail.pane_id}" if sample.detail.pane_id else ""
            made = sample._replace(
                running=False,
                reported=None,
                pid=None,
                reason=f"{death.reason}{where}",
                detail=sample.detail._replace(exit_status=death.exit_status),
            )
            death.made[sample.name] = (sample, made)
        return made


def _same_process(agent: AgentHealth, before: AgentHealth) -> bool:
    """Whether there is nothing new to watch: of a thousand agents, most are the very objects of last time."""
    return agent is before or (agent[0][8] == before[0][8] and agent[0][1] == before[0][1])


def _was_started_after(at: float, pid: int) -> bool:
    """Whether the process behind a number is younger than what was said about it."""
    # whole seconds, as the start is told
    return started_at(pid) > at + 1.0


def _most_files() -> int:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
