"""The log file: appended to, rotated by UTC day and by size, kept for a number of days."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import threading
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from telemetry.clean import CleanValue

_DAY = 86_400
_LOOK_EVERY = 1.0  # seconds between looks whether the path is still our file
_RETRY_AFTER = 60.0  # seconds until a rotation that failed is tried again


class FileSink:
    """Appends lines to `path`; `name.jsonl` becomes `name-2026-01-31.jsonl`, then `name-2026-01-31.1.jsonl`, ….

    Safe with several processes on one path: every line is one appending write, and who rotates holds a lock on the file
    and looks again whether it is still the one under that name; the others notice and open the new one. A line
    half written on a full disk, or left so by a crash, never swallows the next: that begins on a line of its own.
    Nothing is flushed to the disk's surface: a line survives the process's end, not the machine's.
    """

    def __init__(self, path: Path, *, retention_days: int, max_bytes: int, max_total_bytes: int, now: float) -> None:
        """Opens the file (0600), making its folder (0700); rotates it when it is from an earlier day.

        Args:
            path: The current file.
            retention_days: Rotated files older than this many days are deleted, at start and at every rotation.
            max_bytes: Size at which the file is rotated within the day.
            max_total_bytes: All rotated files together; the oldest beyond it are deleted.
            now: Unix time.

        Raises:
            OSError: It can't be opened for writing.
        """
        self._path = path
        self._retention_days = retention_days
        self._max_bytes = max_bytes
        self._max_total_bytes = max_total_bytes
        self._size = 0
        self._torn = False  # the last line has no end
        self._looked = self._retry_at = float("-inf")
        self._lock = threading.RLock()
        self._rotated = re.compile(
            rf"{re.escape(path.stem)}-(\d{{4}}-\d\d-\d\d)(?:\.(\d{{1,6}}))?{re.escape(path.suffix)}",
        )
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = self._open()
        written = os.fstat(self._file)
        self._set_day(int(now // _DAY))
        if written.st_size and int(written.st_mtime // _DAY) < self._day:
            self._rotate(int(written.st_mtime // _DAY))
        self._delete_old()

    def write(self, line: bytes, record: Mapping[str, CleanValue], now: float) -> None:
        with self._lock:
            if self._file < 0:
                raise ValueError("the log file is closed")
            size = self._size + len(line)
            if 0 <= now - self._looked < _LOOK_EVERY and now < self._day_ends and size <= self._max_bytes:
                self._append(line)
                return
            if not 0 <= now - self._looked < _LOOK_EVERY:
                self._look(now)
            try:
                self._rotate_if_due(len(line), now)
            finally:  # a folder in which nothing can be renamed is no reason to lose the line
                self._append(line)

    def close(self) -> None:
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
            self._file = -1

    def renew_lock(self) -> None:
        """For a forked child: a thread that didn't survive may have held it."""
        self._lock = threading.RLock()

    def _append(self, line: bytes) -> None:
        data = b"\n" + line if self._torn else line
        done = os.write(self._file, data)
        self._size += done
        while done < len(data):
            self._torn = True
            more = os.write(self._file, data[done:])
            done += more
            self._size += more
        self._torn = False

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        file = os.open(self._path, flags, 0o600)
        try:
            with contextlib.suppress(PermissionError):  # somebody else's file, which we may write all the same
                os.fchmod(file, 0o600)
            size = os.fstat(file).st_size
            # A device such as /dev/full can't be read from the end.
            self._torn = bool(size) and os.pread(file, 1, size - 1) != b"\n"
        except OSError:
            os.close(file)
            raise
        self._size = size
        self._looked = float("-inf")
        return file

    def _reopen(self) -> None:
        file = self._open()
        os.close(self._file)
        self._file = file

    def _set_day(self, day: int) -> None:
        """The day that the file's lines are of, in days since 1970."""
        self._day = day
        self._day_ends = (day + 1) * _DAY

    def _look(self, now: float) -> None:
        """Follows the path where another process rotated or removed the file; counts what others wrote."""
        self._looked = now
        ours = os.fstat(self._file)
        if _is_same(ours, self._path):
            self._size = ours.st_size
        else:
            self._reopen()
            self._looked = now
            self._set_day(min(int(os.fstat(self._file).st_mtime // _DAY), int(now // _DAY)))

    def _rotate_if_due(self, coming: int, now: float) -> None:
        today = int(now // _DAY)
        if today <= self._day and (self._size + coming <= self._max_bytes or not self._size or now < self._retry_at):
            return
        before = self._day
        self._set_day(max(today, before))
        self._retry_at = now + _RETRY_AFTER
        self._rotate(before)
        self._retry_at = float("-inf")
        self._delete_old()

    def _rotate(self, day: int) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released when the file is closed
        except BlockingIOError:  # another process is at it; the next look finds the new file
            return
        ours = os.fstat(self._file)
        if ours.st_size and _is_same(ours, self._path):
            self._path.rename(self._free_name(day))
        self._reopen()

    def _free_name(self, day: int) -> Path:
        text = datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()
        taken = [number for _path, when, number in self._all_rotated() if when.isoformat() == text]
        suffix = f".{max(taken) + 1}" if taken else ""
        return self._path.with_name(f"{self._path.stem}-{text}{suffix}{self._path.suffix}")

    def _all_rotated(self) -> Iterator[tuple[Path, date, int]]:
        for path in self._path.parent.iterdir():
            if match := self._rotated.fullmatch(path.name):
                with contextlib.suppress(ValueError):  # February 31: not one of ours
                    yield path, date.fromisoformat(match[1]), int(match[2] or 0)

    def _delete_old(self) -> None:
        today = datetime.fromtimestamp(self._day * _DAY, UTC).date()
        oldest = today - timedelta(days=self._retention_days)
        total = 0
        for path, day, _number in sorted(self._all_rotated(), key=lambda found: found[1:], reverse=True):
            with contextlib.suppress(FileNotFoundError):  # another process was faster
                total += path.stat().st_size
                if day < oldest or total > self._max_total_bytes:
                    path.unlink()


def _is_same(ours: os.stat_result, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)
