"""Which folder of a spool is this program's: each has one owner; what one has left is taken over once it is gone."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from telemetry.signals.spool import segments

MOST_PROGRAMS = 8
"""Programs that may name the same spool at the same time."""
_LOCK = "lock"


class SpoolBusyError(Exception):
    """As many programs as there may be use this spool."""


class Owned:
    """A folder that is this process's until it ends, or `close`.

    Raises:
        BlockingIOError: It is another's.
        OSError: It can't be made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise

    @classmethod
    def first_free(cls, spool: Path) -> Self:
        """The spool itself, or where that is another program's, a folder in it.

        Raises:
            SpoolBusyError: All are others'.
            OSError: The first free one can't be made.
        """
        for folder in _folders(spool):
            with contextlib.suppress(BlockingIOError):
                return cls(folder)
        raise SpoolBusyError(f"{MOST_PROGRAMS} other programs use the spool {spool}")

    def take_over(self, spool: Path, signal: str, most_bytes: int) -> None:
        """Puts what waits of a signal in folders that are nobody's now behind what waits in this one.

        Args:
            spool: Where those folders are.
            signal: `logs` or `traces`.
            most_bytes: As far as it fits; the rest stays for a later start.

        Raises:
            OSError: The disk refused; what was not taken over stays where it was.
        """
        for folder in _folders(spool):
            if folder == self.folder or not (folder / signal).is_dir():
                continue
            with contextlib.suppress(BlockingIOError):
                left = Owned(folder)
                try:
                    segments.move(folder / signal, self.folder / signal, most_bytes)
                finally:
                    left.close()

    def close(self) -> None:
        """Lets go of it."""
        if self._lock >= 0:
            with contextlib.suppress(OSError):
                os.close(self._lock)  # not unlocked: a forked child's copy must not free it for a third
            self._lock = -1


def _folders(spool: Path) -> Iterator[Path]:
    yield spool
    for number in range(2, MOST_PROGRAMS + 1):
        yield spool / f"program-{number}"
