"""Hears which files in some folders change, as the operating system tells it: by inotify, elsewhere by watchfiles."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, cast

from telemetry.sources.claude.inotify import Inotify

if TYPE_CHECKING:
    import anyio
    from watchfiles import Change

STEP_MS = 10
"""So long nothing more must come until a change is told; also how often the watching thread looks."""
GATHERED_MS = 50
"""Changes that keep coming are told after this time."""

Folders = Collection[tuple[str, int]]


class FolderWatch:
    """Watches the folders that a reading met, until the next one meets others.

    Args:
        heard: Called in the loop with the paths that changed; "" stands for any.
        failed: Called in it with the reason, in words, when there is no watching (any more).
        native: Whether to try inotify.
    """

    def __init__(
        self, heard: Callable[[set[str]], None], failed: Callable[[str], None], *, native: bool = True
    ) -> None:
        self._heard, self._failed, self._native = heard, failed, native
        self._inotify: Inotify | None = None
        self._files: FileWatch | None = None
        self._folders = 0
        self._problem = ""

    @property
    def folders(self) -> int:
        """How many folders are watched."""
        return len(self._files.watched) if self._files is not None else self._folders

    def begin(self) -> None:
        """Watches from now on; in the loop."""
        if self._native:
            try:
                self._inotify = Inotify(self._heard)
            except OSError:  # none here, or no more of them
                self._inotify = None
        if self._inotify is not None:
            self._inotify.begin()
        else:
            self._files = FileWatch(self._heard, self._failed)

    def note(self, path: str, folder: int) -> None:
        """A reading meets a folder, whose files it will read after this; in the thread that reads."""
        if self._inotify is not None:
            try:
                self._inotify.note(path, folder)
            except OSError as error:
                self._problem = str(error)

    def settle(self, folders: Folders) -> bool:
        """A reading is over; in the loop.

        Returns:
            Whether something may have changed unheard meanwhile, so that all must be read again.
        """
        self._folders = len(folders)
        if self._files is not None:
            return self._files.watch(folders) and bool(folders)
        if self._inotify is not None:
            self._inotify.drop_others()
            if self._problem:
                self._folders = 0
                self._failed(f"changes of files are only seen by looking: {self._problem}")
            self._problem = ""
        return False

    async def close(self) -> None:
        """Ends it."""
        if self._inotify is not None:
            self._inotify.close()
        if self._files is not None:
            await self._files.close()


class FileWatch:
    """Watches a set of folders through watchfiles, not what lies below them, until it is told to watch others.

    Args:
        heard: Called in the loop with the paths that changed.
        failed: Called in it with the reason, in words, when there is no watching (any more).
    """

    def __init__(self, heard: Callable[[set[str]], None], failed: Callable[[str], None]) -> None:
        self._heard = heard
        self._failed = failed
        self._watched: frozenset[tuple[str, int]] = frozenset()
        self._stop: threading.Event | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        _quieten()

    @property
    def watched(self) -> frozenset[tuple[str, int]]:
        """The folders that are watched, each with its inode; none once one of them went or was made anew."""
        return self._watched

    def watch(self, folders: Folders) -> bool:
        """Watches these from now on, in the running loop. False: it does so already.

        What changed between the reading of the folders and this call was not heard.
        """
        wanted = frozenset(folders)
        if wanted == self._watched:
            return False
        self._end()
        self._watched = wanted
        if wanted:
            self._stop = threading.Event()
            task = asyncio.get_running_loop().create_task(self._run(sorted({path for path, _ in wanted}), self._stop))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """Ends it, and waits until its threads have ended (some 10 ms)."""
        self._end()
        if self._tasks:
            await asyncio.wait(set(self._tasks))

    def _end(self) -> None:
        if self._stop is not None:
            self._stop.set()
        self._stop = None
        self._watched = frozenset()

    async def _run(self, paths: list[str], stop: threading.Event) -> None:
        from watchfiles import Change, awatch

        folders = frozenset(paths)
        try:
            async for changes in awatch(
                *paths,
                watch_filter=_is_of_interest,
                debounce=GATHERED_MS,
                step=STEP_MS,
                stop_event=cast("anyio.Event", stop),  # it is only asked whether it is set, and that from a thread
                recursive=False,
                ignore_permission_denied=True,
            ):
                if stop.is_set():
                    return
                if any(path in folders and change is not Change.modified for change, path in changes):
                    self._watched = frozenset()  # an inode may be given to its successor: the next `watch` begins anew
                self._heard({path for _, path in changes})
        except (OSError, RuntimeError, ExceptionGroup) as error:
            # a folder that went, no more watches to be had, a name that isn't UTF-8: the next reading begins anew
            if not stop.is_set():
                self._watched = frozenset()
                self._failed(f"changes of files are only seen by looking: {error}")


def _is_of_interest(change: Change, path: str) -> bool:
    name = os.path.basename(path)  # noqa: PTH119 - for every event
    return name.endswith(".json") or "." not in name


def _quieten() -> None:
    """It logs every change."""
    logger = logging.getLogger("watchfiles")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.WARNING)


def below(path: str, root: Path) -> str:
    """A path as it stands below a folder; "" where it isn't below it."""
    prefix = f"{root}/"
    return path.removeprefix(prefix) if path.startswith(prefix) else ""
