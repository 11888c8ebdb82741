"""The last lines that are wanted, and then the new ones."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from telemetry.clean import clean_name
from telemetry.cli.journal.files import Growing, backwards, rotated
from telemetry.cli.journal.record import Sought, parse, time_of

Found = tuple[bytes, dict[str, Any] | None]
"""A line, and the record that it is."""

_OLD_ENOUGH = 20
"""Lines older than what is sought, one after the other, after which nothing before them is newer: clocks jump a bit."""

_LOOKED_THROUGH = 10_000
"""Of so many of the last lines, the names are told."""


class Journal:
    """The log files of one daemon.

    Args:
        path: The current file.
        sought: Which lines are wanted.

    Raises:
        OSError: It can't be read.
    """

    def __init__(self, path: Path, sought: Sought) -> None:
        self._path, self._sought = path, sought
        try:
            self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._file = -1
        # a line that is being written is left for later
        self._size = _end_of_lines(self._file) if self._file >= 0 else 0

    @property
    def exists(self) -> bool:
        """Whether there is anything to read."""
        return self._file >= 0 or bool(rotated(self._path))

    def last(self, limit: int) -> list[Found]:
        """The last lines that are wanted, the oldest first; of the rotated files, too, where they reach so far."""
        found: list[Found] = []
        old = 0
        for line in self._backwards():
            known = parse(line) if self._sought.since or self._sought.may_be(line) else None
            if self._sought.since and known is not None:
                old = old + 1 if (time_of(known) or self._sought.since) < self._sought.since else 0
                if old > _OLD_ENOUGH:
                    break
            if self._sought.may_be(line) and self._sought.has(known, line):
                found.append((line, known))
                if len(found) == limit:
                    break
        return found[::-1]

    def _backwards(self) -> Iterator[bytes]:
        # where a time is sought, every line is looked at: an old one ends the search
        may_hold = (lambda _: True) if self._sought.since else self._sought.may_be
        if self._file >= 0:
            yield from backwards(self._file, self._size, may_hold)
        for path in rotated(self._path):
            try:
                file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # it was deleted meanwhile
            try:
                yield from backwards(file, os.fstat(file).st_size, may_hold)
            finally:
                os.close(file)

    def follow(self) -> Follower:
        """What is written from now on. The file is the follower's from here."""
        return Follower(Growing(self._path, self._file, self._size), self._sought)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)


class Follower:
    """New lines that are wanted."""

    def __init__(self, growing: Growing, sought: Sought) -> None:
        self._growing, self._sought = growing, sought

    def more(self) -> list[Found]:
        """Those since the last call."""
        found = []
        for line in self._growing.lines():
            known = parse(line)
            if self._sought.has(known, line):
                found.append((line, known))
        return found

    def close(self) -> None:
        self._growing.close()


def names(path: Path, field: str) -> list[str]:
    """What stands in a field of the last lines, each once, in the order of the alphabet."""
    journal = Journal(path, Sought())
    try:
        found = {known.get(field) for _, known in journal.last(_LOOKED_THROUGH) if known}
    finally:
        journal.close()
    return sorted(clean_name(name) for name in found if name and isinstance(name, str))


def _end_of_lines(file: int) -> int:
    """The bytes of a file up to its last line feed; all of it where the last block has none."""
    size = os.fstat(file).st_size
    start = max(0, size - (1 << 16))
    return start + found + 1 if (found := os.pread(file, size - start, start).rfind(b"\n")) >= 0 else size
