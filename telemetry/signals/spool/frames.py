"""One OTLP request in a file: its length, how many records it holds, and a checksum over all of it."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = b"OTF1"
LONGEST = 64 * 1024 * 1024
"""Bytes of the longest request; a length beyond is damage."""

_HEAD = struct.Struct("<4sIIIB")
"""Magic, checksum, bytes of the payload, records in it, whether it is packed (gzip)."""
_SUMMED_FROM = 8
"""The checksum covers the head from here on."""
_LOOKED_THROUGH_AT_ONCE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Frame:
    """A request as it stands in a file.

    Attributes:
        end: Where the next one begins.
        records: How many log records or spans it holds.
        packed: Whether the payload is gzip.
        payload: The request, as OTLP protobuf.
    """

    end: int
    records: int
    packed: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes that are no request: torn by a crash, or overwritten.

    Attributes:
        end: Where the next request may begin.
        records: How many are lost, as far as it can be told; at least 1.
    """

    end: int
    records: int


def pack(payload: bytes, records: int, *, packed: bool) -> bytes:
    """The bytes of one frame."""
    head = _HEAD.pack(MAGIC, 0, len(payload), records, packed)
    summed = zlib.crc32(payload, zlib.crc32(head[_SUMMED_FROM:]))
    return _HEAD.pack(MAGIC, summed, len(payload), records, packed) + payload


def read(file: int, at: int, size: int) -> Frame | Damage | None:
    """What stands in an open file at a place; None at its end.

    Args:
        file: The descriptor.
        at: Where to read.
        size: How many bytes of the file count.

    Raises:
        OSError: It can't be read.
    """
    if at >= size:
        return None
    head = os.pread(file, min(_HEAD.size, size - at), at)
    if len(head) < _HEAD.size or not head.startswith(MAGIC):
        return Damage(_next_start(file, at + 1, size), 1)
    _, summed, length, records, packed = _HEAD.unpack(head)
    end = at + _HEAD.size + length
    if length > LONGEST or end > size:
        return Damage(_next_start(file, at + 1, size), 1)
    payload = os.pread(file, length, at + _HEAD.size)
    if len(payload) < length or zlib.crc32(payload, zlib.crc32(head[_SUMMED_FROM:])) != summed:
        after = _next_start(file, at + 1, size)
        is_length_sound = after >= end  # what stands at its end may be damaged as well
        return Damage(end, records if 0 < records <= length else 1) if is_length_sound else Damage(after, 1)
    return Frame(end, records, bool(packed), payload)


def records_from(file: int, at: int, size: int) -> int:
    """How many records stand in a file from a place on; what is damaged isn't counted.

    Raises:
        OSError: It can't be read.
    """
    return sum(found.records for found in _all(file, at, size) if isinstance(found, Frame))


def _all(file: int, at: int, size: int) -> Iterator[Frame | Damage]:
    while (found := read(file, at, size)) is not None:
        yield found
        at = found.end


def _next_start(file: int, at: int, size: int) -> int:
    """Where the next magic word stands, or the end of the file."""
    while at < size:
        part = os.pread(file, min(_LOOKED_THROUGH_AT_ONCE, size - at), at)
        if not part:
            break
        if (found := part.find(MAGIC)) >= 0:
            return at + found
        at += max(1, len(part) - len(MAGIC) + 1)
    return size
