"""Sessions and teams of Claude Code, as its own files and its processes tell. Read-only.

Changes of files are heard, not polled for: what changed is read in a thread of the source's own, so that a folder on a
network that hangs never holds up the loop, and `glance` only says what is known by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil

from telemetry.clean import clean_name
from telemetry.clock import Clock, SystemClock
from telemetry.model import Reading
from telemetry.sources.base import Found, Place, SourceError, SourceKind
from telemetry.sources.claude.books import Books
from telemetry.sources.claude.files import UnusableError, entries, opened_folder
from telemetry.sources.claude.options import ClaudeOptions
from telemetry.sources.claude.shelf import OURS
from telemetry.sources.claude.watch import FolderWatch, below
from telemetry.sources.processes import ProcessTable, system_processes

__all__ = ["KIND", "ClaudeOptions", "ClaudeSource"]

APART = 0.15
"""Seconds from one telling of changes to the next."""
LOOKED_FOR_EVERY = 1.0
"""Seconds from one look to the next for a folder that isn't there yet."""
GATHERED = 0.01
"""Seconds for which the first change after a quiet time waits for others: what is written together is read together."""
_MOST_LOOKED_AT = 200


class ClaudeSource:
    """A `LiveSource` of the sessions and team members of one person's Claude Code.

    Args:
        place: Where it looks: its options are `ClaudeOptions`.
        processes: Where processes are looked up.
        clock: What time it is when something is heard.
        booted_at: When this machine was started (Unix s): what died before that is no agent. None: as the system says.
    """

    name = "claude"

    def __init__(
        self,
        place: Place,
        processes: ProcessTable | None = None,
        clock: Clock | None = None,
        booted_at: float | None = None,
    ) -> None:
        options = place.options
        self._options: ClaudeOptions = options if isinstance(options, ClaudeOptions) else ClaudeOptions()
        self._cluster = clean_name(place.cluster)
        self._on_problem = place.on_problem
        self._clock = clock or SystemClock()
        booted_at = psutil.boot_time() if booted_at is None else booted_at
        self._books = Books(place, self._options, processes or system_processes(), self._clock, booted_at)
        self._reading: Reading | None = None
        # One thread, so that what is heard is never read beside a check.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="claude")
        self._watch = FolderWatch(self._heard, self._not_watching)
        self._books.shelf.on_folder = self._watch.note
        self._changed: Callable[[], None] | None = None
        self._dirty: set[str] = set()
        self._sweep_wanted = False
        self._due: asyncio.TimerHandle | None = None
        self._recheck: asyncio.TimerHandle | None = None
        self._absorbing: asyncio.Task[None] | None = None
        self._told_at = float("-inf")
        self._told: frozenset[str] = frozenset()
        self._watch_problem = ""

    @property
    def options(self) -> ClaudeOptions:
        """Where it looks."""
        return self._options

    @property
    def cluster(self) -> str:
        return self._cluster

    @property
    def leftovers(self) -> int:
        """How many sessions and members were long dead when they were first seen: nobody expects them."""
        return self._books.roster.leftovers

    @property
    def problem(self) -> str:
        """Why the store can't be used at present, or ""."""
        return self._books.problem

    @property
    def watching(self) -> str:
        """Why changes are only seen by looking, or "" where they are heard of."""
        if self._watch.folders and not self._watch_problem:
            return ""
        return self._watch_problem or "nothing is watched yet"

    @property
    def events(self) -> str:
        """How changes are heard of, in words."""
        return f"polling: {self.watching}" if self.watching else "hears of changes of files at once"

    def listen(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._watch.begin()

    def glance(self, now: float) -> Reading | None:
        return self._reading

    async def read(self, now: float) -> Reading:
        loop = asyncio.get_running_loop()
        root = _absolute(self._options.folder)
        self._reading = reading = await loop.run_in_executor(self._thread, self._books.look, root, now)
        if self._watch_folders():  # what changed just before the watch began was not heard
            await asyncio.sleep(0)  # it begins
            reading = await loop.run_in_executor(self._thread, self._books.absorb, frozenset[str](), True, now)
            self._reading = reading
        self._after()
        return reading

    def ended(self, pid: int, status: int | None) -> None:
        """A process has ended: where its session's file is gone by now, in an orderly way, and nobody expects it."""
        if self._reading is None or not self._books.left_in_order(pid):
            return
        self._reading = replace(self._reading, agents=tuple([a for a in self._reading.agents if a.pid != pid]))

    async def forget(self, name: str) -> bool:
        """A ghost is no longer expected. False: there is none of this name, or it runs."""
        reading = await asyncio.get_running_loop().run_in_executor(self._thread, self._books.forget, name)
        if reading is not None:
            self._reading = reading
        return reading is not None

    async def close(self) -> None:
        self._changed = None
        for handle in (self._due, self._recheck):
            if handle is not None:
                handle.cancel()
        await self._watch.close()
        if self._absorbing is not None:
            self._absorbing.cancel()
        self._thread.shutdown(wait=False)

    # --- in the loop ------------------------------------------------------------------------------------------------

    def _heard(self, paths: set[str]) -> None:
        for path in paths:
            name = below(path, self._books.shelf.root) if path else ""
            if OURS.match(name):
                self._dirty.add(name)
            elif not name.endswith((".json", ".lock")) and self._matters(name):
                self._sweep_wanted = True
        if self._dirty or self._sweep_wanted:
            self._soon()

    def _matters(self, name: str) -> bool:
        """Whether a folder is one that is watched or should be."""
        head, _, rest = name.partition("/")
        return head in {"", "teams", "tasks"} or (head == "sessions" and not rest)

    def _soon(self) -> None:
        if self._changed is None or self._due is not None:
            return
        loop = asyncio.get_running_loop()
        self._due = loop.call_at(max(loop.time() + GATHERED, self._told_at + APART), self._start)

    def _start(self) -> None:
        self._due = None
        if self._changed is None or not (self._dirty or self._sweep_wanted):
            return
        if self._absorbing is not None and not self._absorbing.done():
            return  # when that is done, it goes on with what came meanwhile
        self._told_at = asyncio.get_running_loop().time()
        self._absorbing = asyncio.get_running_loop().create_task(self._take_in())

    async def _take_in(self) -> None:
        paths, everything = frozenset(self._dirty), self._sweep_wanted
        self._dirty.clear()
        self._sweep_wanted = False
        loop = asyncio.get_running_loop()
        before = self._reading
        try:
            absorb, now = self._books.absorb, self._clock.now()
            self._reading = await loop.run_in_executor(self._thread, absorb, paths, everything, now)
        except SourceError:
            return  # the next `read` says so itself
        if self._watch_folders():
            self._sweep_wanted = True
        self._after()
        if self._changed is not None and _says_anew(before, self._reading):
            self._changed()
        if self._dirty or self._sweep_wanted:
            self._absorbing = None
            self._soon()

    def _watch_folders(self) -> bool:
        """Watches what there is by now. True: that is something else than before."""
        if self._changed is None:
            return False
        before, self._watch_problem = self._watch_problem, ""
        anew = self._watch.settle(self._books.shelf.folders)
        if anew and not self._watch_problem:
            self._watch_problem = before  # whether it works this time isn't known yet
        return anew

    def _not_watching(self, reason: str) -> None:
        self._watch_problem = reason
        self._tell()

    def _tell(self) -> None:
        problems = frozenset({self.problem, self._watch_problem} - {""})
        if self._on_problem is not None:
            for problem in sorted(problems - self._told):
                self._on_problem(problem)
        self._told = problems

    def _after(self) -> None:
        """What follows from a reading, in the loop: problems are told, and what time will change is looked at then."""
        self._tell()
        if self._recheck is not None:
            self._recheck.cancel()
            self._recheck = None
        wait = self._books.roster.recheck_at - self._clock.now()
        if not self._watch.folders:  # there is no folder yet whose changes could be heard of
            wait = min(wait, LOOKED_FOR_EVERY)
        if self._changed is not None and wait < float("inf"):
            self._recheck = asyncio.get_running_loop().call_later(max(0.02, wait), self._look_again)

    def _look_again(self) -> None:
        self._recheck = None
        self._sweep_wanted = True
        self._soon()


def _says_anew(before: Reading | None, after: Reading | None) -> bool:
    if before is None or after is None or len(before.agents) != len(after.agents):
        return True
    if any(old is not new for old, new in zip(before.agents, after.agents, strict=True)):
        return True
    return replace(before, agents=()) != replace(after, agents=())


def _absolute(folder: Path) -> Path:
    """Events name files as they were asked for: absolute, without links in the folder's own path."""
    try:
        return folder.expanduser().resolve()
    except (OSError, RuntimeError):  # a loop of links, or no home
        return folder.absolute()


def look(options: ClaudeOptions) -> Found:
    """Whether Claude Code is used on this machine."""
    folder = _absolute(options.folder)
    table = system_processes()
    try:
        with opened_folder(str(folder)) as root:
            if root is None:
                return Found(False, f"there is no folder {folder}")
            with opened_folder("sessions", root) as sessions:
                names = [name for name, _ in entries(sessions)] if sessions is not None else []
    except UnusableError as error:
        return Found(False, f"{folder} {error}")
    pids = [int(name.removesuffix(".json")) for name in names if OURS.match(f"sessions/{name}")][:_MOST_LOOKED_AT]
    running = sum((info := table.get(pid)) is not None and not info.dead for pid in pids)
    if running:
        return Found(True, f"{running} {'session' if running == 1 else 'sessions'} of Claude Code in {folder}")
    return Found(False, f"no session of Claude Code runs that keeps its files in {folder}")


KIND = SourceKind(
    name="claude",
    summary="sessions and teams of Claude Code, by the files that it keeps",
    directness=1,
    options=ClaudeOptions,
    look=look,
    make=ClaudeSource,
)
