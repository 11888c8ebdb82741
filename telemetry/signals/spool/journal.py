"""What waits to be sent, of one signal: appended at one end, taken at the other, bounded, on disk."""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from telemetry.signals.spool import frames
from telemetry.signals.spool.segments import Cursor, Segment, found, last_number

SPOOL_FULL, DAMAGED, NO_DISK = "spool_full", "damaged", "no_disk"
"""Why a journal lets go of records."""

MOST_IN_MEMORY = 1024 * 1024
"""Bytes that are kept where the disk refuses."""
_PARTS = 16
"""A full journal throws away this part of itself, its oldest file."""
_SHORTEST, _LONGEST = 64 * 1024, 4 * 1024 * 1024
_EMPTIED_FROM = 256 * 1024
"""A file that was sent to its end is begun anew from this size on: with a live collector it stays small."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest request that waits.

    Attributes:
        number, at: Where it stands: the segment, and the place in it.
        frame: What it is.
    """

    number: int
    at: int
    frame: frames.Frame


class Journal:
    """First in, first out. One thread appends, one takes; both may be any.

    Args:
        folder: Where its files are; None: in memory only.
        most_bytes: How much of the disk it takes; then the oldest goes first.
        lost: Called with a reason and a number of records when some are let go.
        trouble: Called with what the disk said, each time it refused.
    """

    def __init__(
        self,
        folder: Path | None,
        most_bytes: int,
        lost: Callable[[str, int], None],
        trouble: Callable[[OSError], None],
    ) -> None:
        self._folder, self._most = folder, most_bytes
        self._lost, self._trouble = lost, trouble
        self._roll_at = max(_SHORTEST, min(most_bytes // _PARTS, _LONGEST))
        self._lock = threading.RLock()
        self._segments: deque[Segment] = deque()
        self._growing: Segment | None = None
        """The file that is appended to; what is in memory is never it."""
        self._cursor: Cursor | None = None
        self._last = 0
        self._closed = False
        if folder is not None:
            self._open(folder)

    def _open(self, folder: Path) -> None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._segments.extend(found(folder))
            self._last = last_number(folder)
            self._cursor = Cursor(folder)
        except OSError as error:
            self._trouble(error)

    def count(self) -> None:
        """Counts what an earlier process has left: reads all of it, up to a second for 64 MiB."""
        with self._lock:
            uncounted = [segment for segment in self._segments if segment.records is None]
        for segment in uncounted:
            with self._lock:
                if segment in self._segments:
                    segment.count()

    @property
    def records(self) -> int:
        """How many wait, as far as they are counted."""
        with self._lock:
            return sum(segment.records or 0 for segment in self._segments)

    @property
    def most_bytes(self) -> int:
        """How much of the disk it may take."""
        return self._most

    @property
    def size(self) -> int:
        """Bytes on disk and in memory."""
        with self._lock:
            return sum(segment.size for segment in self._segments)

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        with self._lock:
            return all(segment.at >= segment.size for segment in self._segments)

    def append(self, payload: bytes, records: int, *, packed: bool) -> None:
        """Adds a request behind all others. What finds no place is counted as lost."""
        frame = frames.pack(payload, records, packed=packed)
        with self._lock:
            if self._closed or len(frame) > min(self._most, frames.LONGEST):
                self._lost(SPOOL_FULL, records)
                return
            while self._segments and self._on_disk() + len(frame) > self._most:
                self._drop_oldest(on_disk=True, why=SPOOL_FULL)
            try:
                self._to_disk(frame, records)
            except OSError as error:
                self._growing = None  # whatever comes next gets a file of its own
                self._trouble(error)
                self._to_memory(frame, records)

    def _to_disk(self, frame: bytes, records: int) -> None:
        if self._folder is None:
            raise FileNotFoundError("no folder")
        growing = self._growing
        if growing is None or growing.size + len(frame) > self._roll_at:
            growing = self._growing = self._begun(Segment.on_disk(self._folder, self._last + 1))
        try:
            growing.append(frame, records)
        except OSError:
            if not growing.size:
                self._remove(growing)
            raise

    def _to_memory(self, frame: bytes, records: int) -> None:
        if len(frame) > MOST_IN_MEMORY:
            self._lost(NO_DISK, records)
            return
        while self._in_memory() and self._in_memory() + len(frame) > MOST_IN_MEMORY:
            self._drop_oldest(on_disk=False, why=NO_DISK)
        try:
            last = self._segments[-1] if self._segments else None
            if last is None or last.path is not None or last.size + len(frame) > MOST_IN_MEMORY // _PARTS:
                last = self._begun(Segment.in_memory(self._last + 1))
            last.append(frame, records)
        except OSError:
            self._lost(NO_DISK, records)

    def _begun(self, segment: Segment) -> Segment:
        self._last = segment.number
        self._segments.append(segment)
        return segment

    def _on_disk(self) -> int:
        return sum(segment.size for segment in self._segments if segment.path is not None)

    def _in_memory(self) -> int:
        return sum(segment.size for segment in self._segments if segment.path is None)

    def _drop_oldest(self, *, on_disk: bool, why: str) -> None:
        oldest = next(segment for segment in self._segments if (segment.path is not None) is on_disk)
        if records := oldest.count():
            self._lost(why, records)
        self._remove(oldest)

    def _remove(self, segment: Segment) -> None:
        self._segments.remove(segment)
        if self._growing is segment:
            self._growing = None
        segment.close(remove=True)

    def oldest(self) -> Waiting | None:
        """The request that is sent next; None: nothing waits. What is damaged before it is counted and left out."""
        with self._lock:
            while not self._closed and self._segments:
                segment = self._segments[0]
                try:
                    there = frames.read(segment.file, segment.at, segment.size)
                except OSError as error:
                    self._trouble(error)
                    there = frames.Damage(segment.size, max(1, segment.records or 0))
                if isinstance(there, frames.Frame):
                    return Waiting(segment.number, segment.at, there)
                if there is not None:
                    self._lost(DAMAGED, there.records)
                    segment.at = there.end
                elif segment is self._growing and segment.size < _EMPTIED_FROM:
                    return None
                else:
                    self._remove(segment)
        return None

    def done(self, waiting: Waiting) -> None:
        """The request was sent, or will never be: it goes."""
        with self._lock:
            if self._closed or not self._segments or self._segments[0].number != waiting.number:
                return  # thrown away meanwhile, as the oldest
            segment = self._segments[0]
            segment.at = waiting.frame.end
            segment.records = max(0, segment.count() - waiting.frame.records) if segment.records is not None else None
            if segment.at >= segment.size and (segment is not self._growing or segment.size >= _EMPTIED_FROM):
                self._remove(segment)
            if self._cursor is not None and segment.path is not None:
                self._cursor.note(segment.number, segment.at)

    def sync(self) -> None:
        """Has everything on the disk for good, as far as it is not yet. Appending goes on meanwhile."""
        with self._lock:
            dirty = [segment for segment in self._segments if segment.dirty and segment.path is not None]
            try:
                copies = [os.dup(segment.file) for segment in dirty]
            except OSError as error:  # no more descriptors: at the next failure
                self._trouble(error)
                return
            for segment in dirty:
                segment.dirty = False
        for copy in copies:
            try:
                os.fdatasync(copy)
            except OSError as error:
                self._trouble(error)
            finally:
                os.close(copy)
        if copies and self._folder is not None:
            with contextlib.suppress(OSError):
                folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)

    def close(self) -> None:
        """Lets go of the files; what waits on disk stays there. What waits in memory is lost, and counted."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for segment in self._segments:
                if segment.path is None and segment.records:
                    self._lost(NO_DISK, segment.records)
                segment.close(remove=segment.at >= segment.size)
            self._segments.clear()
            self._growing = None
            if self._cursor is not None:
                self._cursor.close()
                self._cursor = None
