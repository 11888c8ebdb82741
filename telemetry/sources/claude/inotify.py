"""Hears of changes in folders from Linux itself (inotify).

Not through watchfiles, which is used elsewhere: it wakes up every few milliseconds in a thread of its own, and a single
file whose name isn't UTF-8 ends it.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
import sys
from collections.abc import Callable

_CLOSE_WRITE, _MOVED, _CREATE, _DELETE = 0x8, 0xC0, 0x100, 0x200
_MASK = _CLOSE_WRITE | _MOVED | _CREATE | _DELETE
_ONLY_FOLDERS = 0x01000000
_OVERFLOW, _IGNORED, _IS_FOLDER = 0x4000, 0x8000, 0x40000000
_HEAD = struct.Struct("iIII")
_MOST = 1 << 16


class Inotify:
    """Watches folders, not what lies below them.

    Args:
        heard: Called in the loop with the paths that changed; «» stands for any, when there were too many.

    Raises:
        OSError: There is none to be had.
    """

    def __init__(self, heard: Callable[[set[str]], None]) -> None:
        self._heard = heard
        self._loop: asyncio.AbstractEventLoop | None = None
        if sys.platform != "linux":
            raise OSError("there is no inotify on this system")
        self._c = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._checked(self._c.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
        self._paths: dict[int, str] = {}
        self._noted: set[int] = set()

    def begin(self) -> None:
        """Tells of changes from now on, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._read)

    def note(self, path: str, folder: int) -> None:
        """Watches a folder; in any thread, before its files are read, so that no change is missed.

        Args:
            path: What it is called: changes in it are told under this name.
            folder: Its descriptor.

        Raises:
            OSError: There are too many watches already.
        """
        where = os.fsencode(f"/proc/self/fd/{folder}")
        watch = self._checked(self._c.inotify_add_watch(self._descriptor, where, _MASK | _ONLY_FOLDERS))
        self._paths[watch] = path
        self._noted.add(watch)

    def drop_others(self) -> None:
        """Watches no folder any more that wasn't noted since this was called last; if none was, all stay."""
        if not self._noted:
            return
        for watch in self._paths.keys() - self._noted:
            self._c.inotify_rm_watch(self._descriptor, watch)  # it may have gone by itself
            self._paths.pop(watch, None)
        self._noted = set()

    def close(self) -> None:
        """Watches nothing any more."""
        if self._loop is not None:
            self._loop.remove_reader(self._descriptor)
        self._loop = None
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1

    def _read(self) -> None:
        try:
            events = os.read(self._descriptor, _MOST)
        except (BlockingIOError, InterruptedError):
            return
        changed: set[str] = set()
        at = 0
        while at + _HEAD.size <= len(events):
            watch, what, _, length = _HEAD.unpack_from(events, at)
            name = events[at + _HEAD.size : at + _HEAD.size + length].rstrip(b"\0")
            at += _HEAD.size + length
            if what & _OVERFLOW:
                changed.add("")
            elif what & _IGNORED:
                self._paths.pop(watch, None)
            elif what & _IS_FOLDER or (what & ~_CREATE & _MASK and name.endswith(b".json")):
                # a new file is told of when it was written
                folder = self._paths.get(watch)
                if folder is not None:
                    changed.add(os.path.join(folder, os.fsdecode(name)))  # noqa: PTH118 - for every event
        if changed:
            self._heard(changed)

    def _checked(self, result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result
