"""A sequence of changes of one map of items, as the bytes of server-sent events: each made once, for all who read it.

A reader needs no queue: it remembers the number of the change it had last, and is handed the next ones, or, where those
are no longer held, the whole state anew. However slow it is, it costs the memory of one number.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterator
from typing import Any

import orjson

from telemetry.web.items import Items, changes

MOST_CHANGES = 256
MOST_BYTES = 1 << 20
"""How many changes are held for those who come back, and how long they are together."""
PIECE = 1 << 16
"""Bytes that are handed on at once of a long text: what a slow reader has not taken yet stays small."""

_LONGEST_NUMBER = 18


class Feed:
    """One loop. Every feed has an id of its own in its changes' ids: those of another process mean nothing here."""

    def __init__(self, most_changes: int = MOST_CHANGES, most_bytes: int = MOST_BYTES) -> None:
        self.items: Items = {}
        self.last = 0
        """The number of the last change."""
        self._boot = secrets.token_hex(6)
        self._held: deque[bytes] = deque()
        self._held_bytes = 0
        self._most_changes, self._most_bytes = most_changes, most_bytes
        self._state: bytes | None = None

    def take(self, items: Items, now: float) -> bool:
        """The state is this from now on. Whether anything of it changed."""
        new, gone = changes(self.items, items)
        self.items = items
        if not new and not gone:
            return False
        self.last += 1
        self._state = None
        self._hold(event("change", {"now": now, "set": new, "gone": gone}, self.name(self.last)))
        return True

    def _hold(self, change: bytes) -> None:
        self._held.append(change)
        self._held_bytes += len(change)
        while len(self._held) > self._most_changes or self._held_bytes > self._most_bytes:
            self._held_bytes -= len(self._held.popleft())

    def name(self, number: int) -> str:
        """The id of a change."""
        return f"{self._boot}-{number}"

    def number(self, name: str) -> int | None:
        """The number of the change with this id, where all that came after it is still held."""
        boot, _, number = name.rpartition("-")
        if boot != self._boot or not (number.isascii() and number.isdecimal()) or len(number) > _LONGEST_NUMBER:
            return None
        return int(number) if self.holds_after(int(number)) else None

    def holds_after(self, number: int) -> bool:
        """Whether all that came after a change is still held."""
        return self.last - len(self._held) <= number <= self.last

    def after(self, number: int | None, now: float) -> Iterator[bytes | memoryview]:
        """What brings a reader up to date who had this change last: what it missed, or the whole state."""
        if number is None or not self.holds_after(number):
            yield from self.whole(now)
        elif number < self.last:
            missed = self.last - number
            text = self._held[-1] if missed == 1 else b"".join(list(self._held)[-missed:])
            yield from pieces(text)

    def whole(self, now: float) -> Iterator[bytes | memoryview]:
        """The state as an event."""
        state = self.state  # before anything is handed on: it may be another by the time the reader asks for more
        yield f'id: {self.name(self.last)}\nevent: snapshot\ndata: {{"now":{now!r},"items":'.encode()
        yield from pieces(state)
        yield b"}\n\n"

    @property
    def state(self) -> bytes:
        """The items as JSON; the same bytes until they change."""
        if self._state is None:
            self._state = orjson.dumps(self.items)
        return self._state


def event(kind: str, data: Any, name: str = "") -> bytes:
    """One server-sent event. JSON holds no line break, so no text in it can end the event."""
    head = f"id: {name}\nevent: {kind}\ndata: " if name else f"event: {kind}\ndata: "
    return head.encode() + orjson.dumps(data) + b"\n\n"


def pieces(text: bytes) -> Iterator[bytes | memoryview]:
    """A long text in parts; a short one as it is. Nothing is copied."""
    if len(text) <= PIECE:
        yield text
        return
    whole = memoryview(text)
    for start in range(0, len(text), PIECE):
        yield whole[start : start + PIECE]
