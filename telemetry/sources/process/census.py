"""Every process of the machine at one moment: who started whom, and what each has used.

One pass over /proc costs some 10 µs a process, however many agents there are and however many threads they have;
asking each process for its children costs a read for each of its threads.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import psutil

_READ_LIMIT = 4096
_TREE_LIMIT = 500
"""So many processes of one tree are counted together: a fork bomb must not stall a check."""


class Entry(NamedTuple):
    """One process.

    Attributes:
        parent: The pid of the process that started it, or has taken it over; 0 where there is none.
        name: Its short name, as `ps` shows it.
        dead: It has ended and only waits for its parent to notice (a zombie).
        started: As in `ProcessInfo`: with the pid it tells two processes apart.
        began: When it was started (Unix s, by the clock as it goes now).
        seconds: Processor time it has used, with that of its children that have ended and were reaped.
    """

    pid: int
    parent: int
    name: str
    dead: bool
    started: int
    began: float
    seconds: float

    @property
    def identity(self) -> str:
        """A text that no other process has, also after a pid is used again; the same as `ProcessInfo.identity`."""
        return f"{self.pid}@{self.started}"


class Census:
    """All processes, by pid.

    Args:
        entries: They.
        memory_of: Looks up how many bytes one of them holds (resident).
    """

    def __init__(self, entries: Iterable[Entry], memory_of: Callable[[int], int]) -> None:
        self.entries: Mapping[int, Entry] = {entry.pid: entry for entry in entries}
        self._memory_of = memory_of
        self._children: dict[int, list[Entry]] | None = None

    def alive(self, pid: int) -> Entry | None:
        """The process of that number, if it lives."""
        entry = self.entries.get(pid)
        return None if entry is None or entry.dead else entry

    def by_identity(self, identity: str) -> Entry | None:
        """That very process, dead or alive; None where it is gone."""
        pid, _, _ = identity.partition("@")
        entry = self.entries.get(int(pid)) if pid.isdecimal() else None
        return entry if entry is not None and entry.identity == identity else None

    def tree(self, top: Entry) -> tuple[float, int]:
        """Processor time (s) and memory (bytes) of a process and all below it.

        Pages that several of them share are counted for each.
        """
        if self._children is None:
            self._children = {}
            for entry in self.entries.values():
                self._children.setdefault(entry.parent, []).append(entry)
        seconds, memory, open_, seen = 0.0, 0, [top], 0
        while open_ and seen < _TREE_LIMIT:
            entry = open_.pop()
            seen += 1
            seconds += entry.seconds
            memory += self._memory_of(entry.pid)
            open_ += self._children.get(entry.pid, ())
        return seconds, memory


def take_census(root: str = "/proc") -> Census:
    """Looks at every process once. One that ends meanwhile is in it or not."""
    return _CENSUS_TAKER(root)


def _linux(root: str) -> Census:
    # Both are read at one moment: the difference is when the machine was booted, by the clock as it goes now.
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    entries = []
    for name in os.listdir(root):  # noqa: PTH208 - a check does this often
        stat = _read(f"{root}/{name}/stat") if name.isdecimal() else b""
        # The name stands in parentheses and may itself hold parentheses and blanks.
        head, closed, tail = stat.rpartition(b")")
        if not closed:
            continue
        values = tail.split(None, 20)
        started = int(values[19])
        used = int(values[11]) + int(values[12]) + int(values[13]) + int(values[14])
        entries.append(
            Entry(
                pid=int(name),
                parent=int(values[1]),
                name=head.partition(b"(")[2].decode("utf-8", "replace"),
                # One whose first thread has ended, and whose others run on, looks like a zombie.
                dead=values[0] == b"X" or (values[0] == b"Z" and int(values[17]) <= 1),
                started=started,
                began=booted + started / ticks,
                seconds=used / ticks,
            )
        )

    def memory_of(pid: int) -> int:
        # Not what `stat` says: that is counted for each processor, and may be far off.
        sizes = _read(f"{root}/{pid}/statm").split()
        return int(sizes[1]) * page if sizes else 0

    return Census(entries, memory_of)


def _read(name: str) -> bytes:
    # By the bare system calls, which cost a third of a file object.
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return b""  # it is gone, or hidden
    try:
        return os.read(descriptor, _READ_LIMIT)
    except OSError:
        return b""  # it went in between
    finally:
        os.close(descriptor)


def _by_psutil(_root: str) -> Census:
    """For systems without /proc; figures of processes that aren't ours to ask are 0."""
    entries = []
    for process in psutil.process_iter(["ppid", "name", "status", "create_time", "cpu_times"]):
        info = process.info
        began = info["create_time"] or 0.0
        entries.append(
            Entry(
                pid=process.pid,
                parent=info["ppid"] or 0,
                name=info["name"] or "",
                dead=info["status"] in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD),
                started=int(began * 1000),
                began=began,
                seconds=float(sum((info["cpu_times"] or ())[:4])),
            )
        )
    return Census(entries, _memory_by_psutil)


def _memory_by_psutil(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0


_CENSUS_TAKER: Callable[[str], Census] = _linux if sys.platform == "linux" else _by_psutil
