"""The files of a spool: numbered, appended to, thrown away whole; and where reading them has come to."""

from __future__ import annotations

import contextlib
import os
import struct
from dataclasses import dataclass
from pathlib import Path

from telemetry.signals.spool import frames

_ENDING = ".otlp"
_CURSOR = "cursor"
_PLACE = struct.Struct("<QQ")


@dataclass(slots=True, eq=False)
class Segment:
    """One file.

    Attributes:
        number: Its place in the order.
        path: Where it stands; None: in memory, because the disk refused.
        file: The open descriptor.
        size: Bytes that are whole.
        at: From where on it is still to be sent.
        records: How many are still to be sent; None where nobody has counted yet.
        dirty: Whether bytes may not be on the disk yet.
    """

    number: int
    path: Path | None
    file: int
    size: int = 0
    at: int = 0
    records: int | None = 0
    dirty: bool = False

    @classmethod
    def on_disk(cls, folder: Path, number: int) -> Segment:
        """A new file.

        Raises:
            OSError: The disk refused.
        """
        path = _path(folder, number)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        return cls(number, path, os.open(path, flags, 0o600))

    @classmethod
    def in_memory(cls, number: int) -> Segment:
        """One that ends with the process.

        Raises:
            OSError: There is no such thing here.
        """
        if not hasattr(os, "memfd_create"):
            raise OSError("no files in memory on this system")
        return cls(number, None, os.memfd_create("telemetry-spool"))

    def append(self, frame: bytes, records: int) -> None:
        """Writes a frame at the end, whole or not at all.

        Raises:
            OSError: The disk refused.
        """
        try:
            written = os.pwrite(self.file, frame, self.size)
            while written < len(frame):  # a disk that is nearly full takes a part first
                written += os.pwrite(self.file, frame[written:], self.size + written)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self.file, self.size)
            raise
        self.size += len(frame)
        self.records = (self.records or 0) + records
        self.dirty = True

    def count(self) -> int:
        """How many records are still to be sent."""
        if self.records is None:
            try:
                self.records = frames.records_from(self.file, self.at, self.size)
            except OSError:
                self.records = 0
        return self.records

    def close(self, *, remove: bool) -> None:
        """Lets go of the file, and takes it away where it is no longer needed."""
        os.close(self.file)
        if remove and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()


def found(folder: Path) -> list[Segment]:
    """What an earlier process has left, the oldest first.

    Raises:
        OSError: The folder can't be read.
    """
    number, at = read_place(folder)
    left = []
    for path in sorted(folder.glob(f"*{_ENDING}")):
        if not path.stem.isdecimal():
            continue
        if int(path.stem) < number:  # sent to its end; only taking it away had failed
            with contextlib.suppress(OSError):
                path.unlink()
            continue
        try:
            file = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:  # a folder, a link, another's: it stays as it is
            continue
        segment = Segment(int(path.stem), path, file, os.fstat(file).st_size, records=None)
        if segment.number == number and at <= segment.size:
            segment.at = at
        left.append(segment)
    return left


def move(source: Path, target: Path, most_bytes: int) -> None:
    """Puts what an earlier process has left in one folder behind what waits in another, in its order.

    A crash meanwhile means that some of it stands in both, never in none.

    Args:
        source, target: Folders that nobody uses at the moment; the target is made.
        most_bytes: As far as the target holds no more than that afterwards; the rest stays.

    Raises:
        OSError: The disk refused.
    """
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    room = most_bytes - sum(path.stat().st_size for path in target.glob(f"*{_ENDING}"))
    number = last_number(target)
    left = found(source)
    try:
        while left and (size := left[0].size - left[0].at) <= room:
            number, room = number + 1, room - size
            if size:
                _move(left[0], _path(target, number))
            left.pop(0).close(remove=True)
    finally:
        for segment in left:
            segment.close(remove=False)


def _move(segment: Segment, target: Path) -> None:
    """Without what was sent of it: where that ends is noted for one file of a folder only."""
    if segment.path is not None and not segment.at:
        segment.path.replace(target)
        return
    part = target.with_name("moved.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
        file.write(os.pread(segment.file, segment.size - segment.at, segment.at))
        file.flush()
        os.fdatasync(file.fileno())
    part.replace(target)


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:012d}{_ENDING}"


def last_number(folder: Path) -> int:
    """The highest number that was ever given, as far as it can be told."""
    return max(read_place(folder)[0], *(int(p.stem) for p in folder.glob(f"*{_ENDING}") if p.stem.isdecimal()), 0)


def read_place(folder: Path) -> tuple[int, int]:
    """The segment that is sent next, and from where on; (0, 0) where nothing is noted."""
    try:
        number, at = _PLACE.unpack((folder / _CURSOR).read_bytes())
    except (OSError, struct.error):
        return 0, 0
    return number, at


class Cursor:
    """Notes where sending has come to, so that the next process doesn't send it again."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError where the folder takes no file."""
        self._file = os.open(folder / _CURSOR, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)

    def note(self, number: int, at: int) -> None:
        """Where the next to send stands. A disk that refuses costs duplicates after a restart, and nothing else."""
        with contextlib.suppress(OSError):
            os.pwrite(self._file, _PLACE.pack(number, at), 0)

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._file)
