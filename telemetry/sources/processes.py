"""The operating system's processes, as far as it takes to tell which of them is an agent."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, NamedTuple, Protocol

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHILD_LIMIT = 500
"""So many processes of one tree are looked at: an agent stands near the top, and a fork bomb must not stall a check."""

_READ_LIMIT = 65536


class ProcessInfo(NamedTuple):
    """One process, now.

    Attributes:
        name: Its short name, as `ps` shows it.
        dead: It has ended and only waits for its parent to notice (a zombie).
        session: Id of its session: a terminal's processes share one; 0 where unknown.
        group: Its process group; 0 where unknown.
        foreground: The process group in the foreground of its terminal; 0 where unknown, -1 where it has no terminal.
        started: When it was started, in whatever unit: with the pid it tells two processes apart.
        threads: How many it has; any of them may have children. 0 where unknown.
    """

    pid: int
    name: str
    dead: bool
    group: int
    session: int
    foreground: int
    started: int
    threads: int = 0

    @property
    def identity(self) -> str:
        """A text that no other process has, also after a pid is used again."""
        return f"{self.pid}@{self.started}"


def started_at(pid: int) -> float:
    """When a process was started, in whole Unix seconds as tmux's own times are; 0.0 where that can't be told."""
    import psutil

    try:
        return float(int(psutil.Process(pid).create_time()))
    except (psutil.Error, ValueError):
        return 0.0


class ProcessTable(Protocol):
    """Where processes are looked up. Every method answers for now; a process that is gone is None or empty."""

    def get(self, pid: int) -> ProcessInfo | None: ...

    def arguments(self, pid: int) -> list[str]:
        """Its command line."""

    def children(self, process: ProcessInfo) -> list[int]:
        """The processes it started that still live, the oldest first."""


class LinuxProcesses:
    """Reads /proc: some 10 µs a process."""

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def get(self, pid: int) -> ProcessInfo | None:
        stat = self._read(f"{pid}/stat")
        # The name stands in parentheses and may itself hold parentheses and blanks.
        head, closed, tail = stat.rpartition(b")")
        if not closed:
            return None
        values = tail.split(None, 20)
        return ProcessInfo(
            pid=pid,
            name=head.partition(b"(")[2].decode("utf-8", "replace"),
            dead=values[0] in (b"Z", b"X"),
            group=int(values[2]),
            session=int(values[3]),
            foreground=int(values[5]),
            started=int(values[19]),
            threads=int(values[17]),
        )

    def arguments(self, pid: int) -> list[str]:
        raw = self._read(f"{pid}/cmdline")
        return raw.rstrip(b"\0").decode("utf-8", "replace").split("\0") if raw else []

    def children(self, process: ProcessInfo) -> list[int]:
        pid = process.pid
        threads = [str(pid)]
        if process.threads != 1:
            try:
                threads = os.listdir(f"{self._root}/{pid}/task")  # noqa: PTH208 - a check does this often
            except OSError:
                return []  # it is gone
        found = [int(child) for thread in threads for child in self._read(f"{pid}/task/{thread}/children").split()]
        return sorted(found)

    def _read(self, name: str) -> bytes:
        # By the bare system calls, which cost a third of a file object.
        try:
            descriptor = os.open(f"{self._root}/{name}", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""  # it is gone, or was never there
        try:
            content = os.read(descriptor, _READ_LIMIT)
        except OSError:
            return b""  # it went in between
        finally:
            os.close(descriptor)
        return content


class PsutilProcesses:
    """The same through psutil, for systems without /proc: no process groups, so the foreground is unknown."""

    def get(self, pid: int) -> ProcessInfo | None:
        try:
            process = psutil.Process(pid)
            with process.oneshot():
                dead = process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
                return ProcessInfo(pid, process.name(), dead, 0, 0, 0, int(process.create_time() * 1000))
        except psutil.ZombieProcess:
            return ProcessInfo(pid, "", True, 0, 0, 0, 0)
        except psutil.Error:
            return None

    def arguments(self, pid: int) -> list[str]:
        try:
            return psutil.Process(pid).cmdline()
        except psutil.Error:
            return []

    def children(self, process: ProcessInfo) -> list[int]:
        try:
            return [
                child.pid for child in sorted(psutil.Process(process.pid).children(), key=psutil.Process.create_time)
            ]
        except psutil.Error:
            return []


class Glance:
    """Another table's answers, each looked up once: for one check, in which nothing changes any more."""

    def __init__(self, table: ProcessTable) -> None:
        self._table = table
        self._infos: dict[int, ProcessInfo | None] = {}
        self._arguments: dict[int, list[str]] = {}
        self._children: dict[int, list[int]] = {}

    def get(self, pid: int) -> ProcessInfo | None:
        if pid not in self._infos:
            self._infos[pid] = self._table.get(pid)
        return self._infos[pid]

    def arguments(self, pid: int) -> list[str]:
        if pid not in self._arguments:
            self._arguments[pid] = self._table.arguments(pid)
        return self._arguments[pid]

    def children(self, process: ProcessInfo) -> list[int]:
        if process.pid not in self._children:
            self._children[process.pid] = self._table.children(process)
        return self._children[process.pid]


def system_processes() -> ProcessTable:
    """What fits this operating system."""
    return LinuxProcesses() if sys.platform == "linux" else PsutilProcesses()


def descendants(table: ProcessTable, top: ProcessInfo) -> Iterator[ProcessInfo]:
    """The living processes below `top`, nearest first, as far as they are asked for."""
    level, count = [top], 0
    while level:
        below: list[ProcessInfo] = []
        for parent in level:
            for pid in table.children(parent):
                child = table.get(pid)
                count += 1
                if count > _CHILD_LIMIT:
                    return
                if child is not None and not child.dead:
                    yield child
                    below.append(child)
        level = below
