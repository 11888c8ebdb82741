"""One daemon for each state folder: a lock that the kernel gives back when its holder ends, however it ends."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

NAME = "daemon.lock"


class LockedError(Exception):
    """Another process holds the lock; `pid` is its, or 0 where it could not be read."""

    def __init__(self, path: Path, pid: int) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(
            f"{who} already watches with the state folder {path.parent}: stop it, or choose another folder with "
            "ORCHESTRATOR_STATE_DIR"
        )
        self.pid = pid


class Lock:
    """Held from `with` to its end. The file stays: a lock on it, not its being there, says that somebody runs.

    Args:
        folder: The state folder; made where it doesn't exist, with mode 0700.

    Raises:
        LockedError: On entering, when another process holds it.
        OSError: On entering, when the folder or the file can't be made.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._file = -1

    def __enter__(self) -> Self:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = _pid(file)
            os.close(file)
            raise LockedError(self._path, pid) from None
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        self._file = file
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(OSError):  # the disk may be gone: closing gives the lock back in any case
            os.ftruncate(self._file, 0)
        os.close(self._file)
        self._file = -1


def holder(folder: Path) -> int:
    """The process that holds the folder's lock, 0 where nobody does."""
    try:
        file = os.open(folder / NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _pid(file)
    finally:
        os.close(file)
    return 0


def _pid(file: int) -> int:
    text = os.pread(file, 20, 0).strip()
    return int(text) if text.isdigit() else 0
