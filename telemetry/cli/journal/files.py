"""The log file and those it was rotated into, as `telemetry.signals.log_file` names them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

BLOCK = 1 << 16
_LARGEST_BLOCK = 1 << 22
LONGEST_LINE = 1 << 20
"""Bytes of a line that are looked at: a longer one is none of ours, and only its beginning is shown."""


def rotated(path: Path) -> list[Path]:
    """The rotated files, the newest first."""
    name = re.compile(rf"{re.escape(path.stem)}-(\d{{4}}-\d\d-\d\d)(?:\.(\d{{1,6}}))?{re.escape(path.suffix)}")
    try:
        names = [one.name for one in path.parent.iterdir()]
    except FileNotFoundError:
        return []
    found = [(match[1], int(match[2] or 0), one) for one in names if (match := name.fullmatch(one))]
    return [path.with_name(one) for _, _, one in sorted(found, reverse=True)]


def backwards(file: int, size: int, may_hold: Callable[[bytes], bool] = lambda _: True) -> Iterator[bytes]:
    """The lines of an open file's first `size` bytes, the last one first, without their line feeds; blank ones not.

    Costs as much as is taken: a file of a gigabyte gives its last lines at once.

    Args:
        file: The open file.
        size: Bytes of it that are read.
        may_hold: Whether a block of lines may hold one that is wanted; else none of it is given.
    """
    held, at, block = b"", size, BLOCK
    while at > 0:
        step = min(block, at)
        at -= step
        data = os.pread(file, step, at) + held
        begin = data.find(b"\n") + 1
        if begin:
            held = data[: begin - 1][:LONGEST_LINE]
            if may_hold(data):
                complete = data[begin:].split(b"\n")
                yield from (line[:LONGEST_LINE] for line in reversed(complete) if line.strip())
        else:
            held = data[:LONGEST_LINE]
        block = min(block * 2, _LARGEST_BLOCK)
    if held.strip():
        yield held


class Growing:
    """Reads on where a file's end was, also when it is rotated, removed or truncated meanwhile.

    Args:
        path: The current file; it needn't exist yet.
        position: Bytes of it that were read before, of the file that `file` is.
        file: It, open; -1: it didn't exist. It is closed with this.
    """

    def __init__(self, path: Path, file: int, position: int) -> None:
        self._path, self._file, self._position = path, file, position
        self._rest = b""

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
        self._file = -1

    def lines(self) -> Iterator[bytes]:
        """Those that were written since the last call."""
        yield from self._more()
        if self._is_current():
            return
        yield from self._more()  # what was written between that look and the rotation
        for path in self._followers():
            self._use(path)
            yield from self._more()

    def _more(self) -> Iterator[bytes]:
        if self._file < 0:
            return
        if os.fstat(self._file).st_size < self._position:  # somebody truncated it
            self._position, self._rest = 0, b""
        while chunk := os.pread(self._file, BLOCK, self._position):
            self._position += len(chunk)
            *complete, rest = (self._rest + chunk).split(b"\n")
            self._rest = rest[:LONGEST_LINE]
            yield from (line[:LONGEST_LINE] for line in complete if line.strip())

    def _is_current(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return True  # between two files: the next look finds the new one
        if self._file < 0:
            return False
        ours = os.fstat(self._file)
        return (ours.st_ino, ours.st_dev) == (there.st_ino, there.st_dev)

    def _followers(self) -> list[Path]:
        """The files that came after the one we hold, the oldest first: it may have been rotated more than once."""
        if self._file < 0:
            return [self._path]
        ours = os.fstat(self._file)
        newer: list[Path] = []
        for path in rotated(self._path):
            try:
                there = path.stat()
            except FileNotFoundError:
                continue
            if (ours.st_ino, ours.st_dev) == (there.st_ino, there.st_dev):
                return [*reversed(newer), self._path]
            newer.append(path)
        return [self._path]

    def _use(self, path: Path) -> None:
        try:
            file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        self.close()
        self._file, self._position, self._rest = file, 0, b""
