"""What a tmux server tells a client in control mode: lines of bytes made into events. Pure, and never raises.

Only what says that something happened is kept, never what a pane printed. tmux escapes every control character of it,
so a pane can't write a line of its own; whatever comes otherwise is no event.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import NamedTuple

_KEPT = 1 << 16
"""Bytes of an unfinished line that are kept at most: the layout of a window with a thousand panes."""
_OUTPUT_HEAD = 64
"""Bytes of an output line that hold its pane's id; the rest is let go as it comes."""


class Kind(Enum):
    """What happened."""

    OUTPUT = auto()
    """A pane printed; also: printed so much that tmux paused it."""
    LAYOUT = auto()
    """A window of the session has other panes, or panes of another size."""
    WINDOW_ADDED = auto()
    WINDOW_CLOSED = auto()
    """A window closed: mostly told as one of another session, though it was of ours."""
    WINDOW_ADDED_ELSEWHERE = auto()
    SESSION = auto()
    """The client is attached to this session from now on."""
    SESSIONS = auto()
    """A session was opened or closed."""
    IDENTITY = auto()
    """The answer to `IDENTIFY`."""
    EXIT = auto()
    """The client ends."""


class Event(NamedTuple):
    """One thing that happened.

    Attributes:
        subject: The id of the pane (%N), window (@N) or session ($N) it is about; for IDENTITY see `IDENTIFY`.
        panes: For LAYOUT: the window's panes, in their order, each with its size; empty where that can't be told.
    """

    kind: Kind
    subject: str = ""
    panes: tuple[tuple[str, str], ...] = ()


_IDENTITY = b"identity"
IDENTIFY = "display-message -p 'identity #{pid}/#{session_id}/#{session_created}'"
"""The command that asks which session of which server it is; the answer is the same for no other session."""

_KINDS = {
    b"%output": Kind.OUTPUT,
    b"%extended-output": Kind.OUTPUT,
    b"%pause": Kind.OUTPUT,
    b"%layout-change": Kind.LAYOUT,
    b"%window-add": Kind.WINDOW_ADDED,
    b"%window-close": Kind.WINDOW_CLOSED,
    b"%unlinked-window-close": Kind.WINDOW_CLOSED,
    b"%unlinked-window-add": Kind.WINDOW_ADDED_ELSEWHERE,
    b"%session-changed": Kind.SESSION,
    b"%sessions-changed": Kind.SESSIONS,
    b"%exit": Kind.EXIT,
    _IDENTITY: Kind.IDENTITY,
}
_WITHOUT_SUBJECT = frozenset((Kind.SESSIONS, Kind.EXIT))
_SUBJECT = {
    Kind.OUTPUT: re.compile(rb"%\d{1,18}\Z"),
    Kind.LAYOUT: re.compile(rb"@\d{1,18}\Z"),
    Kind.WINDOW_ADDED: re.compile(rb"@\d{1,18}\Z"),
    Kind.WINDOW_CLOSED: re.compile(rb"@\d{1,18}\Z"),
    Kind.WINDOW_ADDED_ELSEWHERE: re.compile(rb"@\d{1,18}\Z"),
    Kind.SESSION: re.compile(rb"\$\d{1,18}\Z"),
    Kind.IDENTITY: re.compile(rb"\d{1,18}/\$\d{1,18}/\d{1,18}\Z"),
}
_OUTPUT_WORDS = (b"%output ", b"%extended-output ")
_CELL = re.compile(rb"(\d{1,6}x\d{1,6}),\d{1,6},\d{1,6},(\d{1,18})(?=[],}]|\Z)")
"""A pane in a layout; a cell that holds other cells has a bracket where a pane has its number."""


def parse_line(line: bytes, *, whole: bool = True) -> Event | None:
    """One line, or its beginning where it is too long to be kept (`whole=False`); None where it says nothing to us."""
    word, _, rest = line.partition(b" ")
    kind = _KINDS.get(word)
    if kind is None or kind in _WITHOUT_SUBJECT:
        return None if kind is None else Event(kind)
    subject, _, rest = rest.partition(b" ")
    if not _SUBJECT[kind].match(subject):
        return None
    panes = _panes(rest) if kind is Kind.LAYOUT and whole else ()
    return Event(kind, subject.decode("ascii"), panes)


def _panes(layouts: bytes) -> tuple[tuple[str, str], ...]:
    """The panes of a window: all of its layout, with the sizes they have in that which is shown (one may be zoomed)."""
    layout, _, rest = layouts.partition(b" ")
    sizes = {number: size for size, number in _CELL.findall(layout)}
    shown = {number: size for size, number in _CELL.findall(rest.partition(b" ")[0])}
    return tuple((f"%{number.decode()}", shown.get(number, size).decode()) for number, size in sizes.items())


class EventParser:
    """Cuts a stream of bytes, in whatever pieces it comes, into events; keeps no more than the beginning of a line."""

    def __init__(self) -> None:
        self._begun = b""
        self._skipping = False

    @property
    def kept(self) -> int:
        """How many bytes it holds back."""
        return len(self._begun)

    def feed(self, chunk: bytes) -> list[Event]:
        """The events that this piece completes; of several outputs of one pane only the first."""
        events: dict[Event, None] = {}
        *ended, tail = chunk.split(b"\n")
        for line in ended:
            if self._skipping:
                self._skipping = False
            else:
                self._note(events, parse_line(self._begun + line[:_KEPT]))
            self._begun = b""
        if not self._skipping:
            self._begin(events, self._begun + tail[:_KEPT])
        return list(events)

    def _begin(self, events: dict[Event, None], begun: bytes) -> None:
        """Keeps the beginning of a line, as long as it may matter."""
        limit = _OUTPUT_HEAD if begun.startswith(_OUTPUT_WORDS) else _KEPT
        if len(begun) < limit:
            self._begun = begun
            return
        self._note(events, parse_line(begun, whole=False))
        self._begun = b""
        self._skipping = True

    @staticmethod
    def _note(events: dict[Event, None], event: Event | None) -> None:
        if event is not None:
            events.setdefault(event)
