"""What Claude Code's files say now: read when they changed, and kept while they are half-written.

Opened are `sessions/<pid>.json`, `teams/<team>/config.json`, `teams/<team>/inboxes/<name>.json` and
`tasks/<team>/<n>.json`, and nothing else: no keys, transcripts, prompts, history or settings.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from telemetry.clean import clean_name, clean_text
from telemetry.sources.base import SourceError
from telemetry.sources.claude.files import (
    BadJsonError,
    Stamp,
    UnusableError,
    content_of,
    entries,
    opened_folder,
    parsed,
    stamp_of,
)
from telemetry.sources.claude.sessions import Session, session_of
from telemetry.sources.claude.tasks import Task, task_of
from telemetry.sources.claude.teams import Note, Team, notes_of, team_of

OURS = re.compile(
    r"(?:sessions/(?P<pid>\d{1,10})|teams/(?P<team>[^/]+)/(?:config|inboxes/(?P<inbox>[^/]+))"
    r"|tasks/(?P<list>[^/]+)/(?P<task>\d{1,9}))\.json\Z"
)
"""The files that are opened, relative to the folder."""
_MOST_TEAMS = 1000
_AGAIN_AFTER = 0.02
"""Seconds after which a file that holds no JSON is read again: its writer is at it."""
_UNSETTLED = 1.0
"""Seconds within which a file may change twice without its time or size showing it."""
_MOST_PROBLEMS = 50


class _Kept(NamedTuple):
    stamp: Stamp
    settled: bool


class Shelf:
    """The files of one folder, and what they said when they last could be read. Every call may block.

    Args:
        root: Claude Code's folder.
        pause: Waits that many seconds.
        is_expected: Whether somebody said that the folder is there; otherwise one that isn't is no problem.
    """

    on_folder: Callable[[str, int], None] | None = None
    """Told of each folder in which changes matter, path and descriptor, before its files are read."""

    def __init__(self, root: Path, pause: Callable[[float], None] = time.sleep, *, is_expected: bool = True) -> None:
        self.root = root
        self._is_expected = is_expected
        self.sessions: dict[str, Session] = {}
        """By their file's name below the folder."""
        self.teams: dict[str, Team] = {}
        """By the name of their folder."""
        self.inboxes: dict[tuple[str, str], tuple[Note, ...]] = {}
        """By their team's folder and their owner."""
        self.tasks: dict[str, dict[str, Task]] = {}
        """By the name of their folder, and by their number."""
        self.folders: frozenset[tuple[str, int]] = frozenset()
        """The folders in which changes matter, each with its inode."""
        self._pause = pause
        self._kept: dict[str, _Kept] = {}
        self._bad: dict[str, str] = {}
        self._half_written: set[str] = set()
        self._changed: set[str] = set()
        self._seen: set[str] = set()
        self._blocked: list[str] = []
        self._found: set[tuple[str, int]] = set()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be used, a line each."""
        shown = [f"{clean_text(name, 200)} {self._bad[name]}" for name in sorted(self._bad)[:_MOST_PROBLEMS]]
        hidden = len(self._bad) - len(shown)
        return (*shown, f"… and {hidden} more files that can't be used") if hidden > 0 else tuple(shown)

    def modified(self, name: str) -> float:
        """When a file was changed last (Unix s), 0.0 where that isn't known."""
        kept = self._kept.get(name)
        return kept.stamp.modified if kept else 0.0

    def sweep(self, now: float) -> set[str]:
        """Looks at every file, reads what changed, and returns the names of the files whose word is another one.

        Raises:
            SourceError: The folder itself can't be read.
        """
        self._changed, self._seen, self._blocked, self._found = set(), set(), [], set()
        try:
            with opened_folder(os.fspath(self.root)) as root:
                if root is None and not self._is_expected:
                    self._bad = {}
                elif root is None:
                    self._bad = {os.fspath(self.root): "is not there: Claude Code's folder is needed"}
                else:
                    self._note_folder("", root)
                    self._bad.pop(os.fspath(self.root), None)
                    self._sweep_below(root, now)
        except UnusableError as error:
            raise SourceError(f"{clean_text(self.root, 200)} {error}") from None
        self._drop_unseen()
        self.folders = frozenset(self._found)
        self._read_again(now)
        return self._changed

    def refresh(self, names: Collection[str], now: float) -> set[str]:
        """Reads these files, and returns the names of those whose word is another one."""
        self._changed, self._seen = set(), set()
        self._refresh(names, now)
        self._read_again(now)
        return self._changed

    # --- a sweep ----------------------------------------------------------------------------------------------------

    def _sweep_below(self, root: int, now: float) -> None:
        self._each_file("sessions", "sessions", root, now)
        for team in self._folders_in("teams", root):
            self._team(team, root, now)
        self._tasks(root, now)

    def _team(self, team: str, root: int, now: float) -> None:
        with self._opened("teams", root) as teams, self._opened(f"teams/{team}", teams, team) as folder:
            if folder is not None:
                self._look(f"teams/{team}/config.json", "config.json", folder, now)
                self._each_file(f"teams/{team}/inboxes", "inboxes", folder, now)

    def _tasks(self, root: int, now: float) -> None:
        """Only those of teams and sessions that are there: the lists of all that ever were stay behind."""
        wanted = {session.session_id for session in self.sessions.values()} | self.teams.keys()
        wanted |= {team.name for team in self.teams.values()}
        names = self._folders_in("tasks", root, wanted)
        with self._opened("tasks", root) as tasks:
            for name in names:
                self._each_file(f"tasks/{name}", name, tasks, now)

    def _folders_in(self, name: str, root: int, wanted: Collection[str] | None = None) -> list[str]:
        with self._opened(name, root) as folder:
            if folder is None:
                return []
            found = [each for each, is_file in self._entries(name, folder) if not is_file and not each.startswith(".")]
        return sorted(each for each in found if wanted is None or each in wanted)[:_MOST_TEAMS]

    def _each_file(self, where: str, name: str, parent: int | None, now: float) -> None:
        with self._opened(where, parent, name) as folder:
            if folder is None:
                return
            for each, _ in self._entries(where, folder):
                path = f"{where}/{each}"
                if OURS.match(path):
                    self._look(path, each, folder, now)

    @contextmanager
    def _opened(self, where: str, parent: int | None, name: str = "") -> Iterator[int | None]:
        """A folder below the root; None where it isn't there or can't be opened, which is then told."""
        with ExitStack() as stack:
            folder = None
            if parent is not None:
                try:
                    folder = stack.enter_context(opened_folder(name or where, parent))
                except UnusableError as error:
                    self._block(where, error)
                else:
                    self._bad.pop(where, None)
            if folder is not None:
                self._note_folder(where, folder)
            yield folder

    def _entries(self, where: str, folder: int) -> list[tuple[str, bool]]:
        try:
            return entries(folder)
        except UnusableError as error:
            self._block(where, error)
            return []

    def _block(self, where: str, error: UnusableError) -> None:
        """A folder can't be read: what is known of its files stays."""
        self._bad[where] = str(error)
        self._seen.add(where)
        self._blocked.append(f"{where}/")

    def _note_folder(self, where: str, folder: int) -> None:
        path = os.path.join(self.root, where) if where else os.fspath(self.root)  # noqa: PTH118 - at each reading
        self._found.add((path, os.fstat(folder).st_ino))
        if self.on_folder is not None:
            self.on_folder(path, folder)

    def _drop_unseen(self) -> None:
        blocked = tuple(self._blocked)
        for name in [*self._kept, *self._bad]:
            if name not in self._seen and not (blocked and name.startswith(blocked)) and name != os.fspath(self.root):
                self._forget(name)

    # --- one file ---------------------------------------------------------------------------------------------------

    def _refresh(self, names: Collection[str], now: float) -> None:
        try:
            with opened_folder(os.fspath(self.root)) as root:
                for name in names:
                    if root is None or not OURS.match(name):
                        self._forget(name)
                    else:
                        self._refresh_below(root, "", name, now)
        except UnusableError:
            return  # the next sweep says so

    def _refresh_below(self, parent: int, where: str, rest: str, now: float) -> None:
        head, _, tail = rest.partition("/")
        path = f"{where}/{head}" if where else head
        if not tail:
            self._look(path, head, parent, now, anew=True)
            return
        try:
            with opened_folder(head, parent) as folder:
                if folder is None:
                    self._forget(f"{path}/{tail}")
                else:
                    self._refresh_below(folder, path, tail, now)
        except UnusableError as error:
            self._bad[path] = str(error)

    def _look(self, path: str, name: str, folder: int, now: float, *, anew: bool = False) -> None:
        """Reads a file unless it is what it was. What can't be read is told, and its last good word stays."""
        self._seen.add(path)
        kept = self._kept.get(path)
        try:
            if not anew and kept is not None and kept.settled and stamp_of(name, folder) == kept.stamp:
                return
            found = content_of(name, folder)
            if found is None:
                self._forget(path)
                return
            stamp, content = found
            self._kept[path] = _Kept(stamp, now - stamp.modified > _UNSETTLED)
            self._take(path, parsed(content), stamp)
        except BadJsonError as error:
            if self._bad.get(path) != str(error):
                self._half_written.add(path)
            self._bad[path] = str(error)
        except UnusableError as error:
            self._bad[path] = str(error)

    def _read_again(self, now: float) -> None:
        if self._half_written:
            again, self._half_written = self._half_written, set()
            self._pause(_AGAIN_AFTER)
            self._refresh(again, now)
            self._half_written = set()

    def _take(self, path: str, content: Any, stamp: Stamp) -> None:
        place = OURS.match(path)
        assert place is not None  # noqa: S101 - only such files are looked at
        if (pid := place["pid"]) is not None:
            session, wrong = session_of(content, int(pid))
            self._put(self.sessions, path, session, path, wrong)
        elif (team := place["team"]) is not None:
            if (inbox := place["inbox"]) is not None:
                notes, wrong = notes_of(content)
                self._put(self.inboxes, (team, clean_name(inbox)), notes, path, wrong)
            else:
                value, wrong = team_of(content, clean_name(team))
                self._put(self.teams, team, value, path, wrong)
        else:
            tasks = self.tasks.setdefault(place["list"], {})
            number = place["task"]
            before = tasks.get(number)
            modified = min(stamp.modified, before.made_at or stamp.modified) if before else stamp.modified
            task, wrong = task_of(content, number, modified)
            self._put(tasks, number, task, path, wrong)

    def _put(self, values: dict[Any, Any], key: Any, value: Any, path: str, wrong: str) -> None:
        if wrong:
            self._bad[path] = f"is used in part: {wrong}"
        else:
            self._bad.pop(path, None)
        if values.get(key) != value:
            values[key] = value
            self._changed.add(path)

    def _forget(self, path: str) -> None:
        self._bad.pop(path, None)
        if self._kept.pop(path, None) is None:
            return
        place = OURS.match(path)
        assert place is not None  # noqa: S101 - only such files are kept
        if place["pid"] is not None:
            gone: Any = self.sessions.pop(path, None)
        elif place["inbox"] is not None:
            gone = self.inboxes.pop((place["team"], clean_name(place["inbox"])), None)
        elif place["team"] is not None:
            gone = self.teams.pop(place["team"], None)
        else:
            tasks = self.tasks.get(place["list"], {})
            gone = tasks.pop(place["task"], None)
            if not tasks:
                self.tasks.pop(place["list"], None)
        if gone is not None:
            self._changed.add(path)
