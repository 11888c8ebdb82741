"""Where log lines go: the console and the file. A sink that fails says so once, counts, and never raises."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Protocol

from telemetry.signals.log_text import render

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TextIO

    from telemetry.clean import CleanValue


class Sink(Protocol):
    """Takes one record as its JSON line and as its parts."""

    def write(self, line: bytes, record: Mapping[str, CleanValue], now: float) -> None:
        """Writes it before returning.

        Args:
            line: The record as JSON, with its line feed.
            record: The same, for a sink that shows it otherwise.
            now: Unix time of the record.

        Raises:
            OSError, ValueError: It could not be written.
        """

    def close(self) -> None:
        """Gives back what it holds; afterwards `write` raises."""


class Complaints:
    """What went wrong with logging itself: counted always, said once each on standard error, which may be gone too."""

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}

    def add(self, what: str, error: BaseException) -> None:
        """One more failure of `what`, a phrase such as `the log file can't be written`."""
        self.counts[what] = self.counts.get(what, 0) + 1
        if self.counts[what] == 1:
            self.say(f"{what}: {type(error).__name__}: {error} (said once)")

    @staticmethod
    def say(text: str) -> None:
        """One line on standard error."""
        with contextlib.suppress(Exception):  # there is nowhere left to say it
            sys.stderr.write(f"orchestrator-telemetry: {text.encode('ascii', 'backslashreplace').decode()}\n")
            sys.stderr.flush()


class ConsoleSink:
    """A text stream: the JSON line as it is, or the record in a form for people."""

    def __init__(self, stream: TextIO, *, as_text: bool, colour: bool) -> None:
        self._stream = stream
        self._as_text = as_text
        self._colour = colour
        self._lock = threading.RLock()
        encoding = (getattr(stream, "encoding", None) or "utf-8").lower().replace("_", "-")
        self._narrow = "" if encoding in ("utf-8", "utf8") else encoding

    def write(self, line: bytes, record: Mapping[str, CleanValue], now: float) -> None:
        text = render(record, colour=self._colour) if self._as_text else line.decode()
        if self._narrow:  # a terminal in an old locale gets escapes instead of an exception
            text = text.encode(self._narrow, "backslashreplace").decode(self._narrow)
        with self._lock:
            self._stream.write(text)
            self._stream.flush()

    def renew_lock(self) -> None:
        """For a forked child: a thread that didn't survive may have held it."""
        self._lock = threading.RLock()

    def close(self) -> None:
        """Leaves the stream open: it isn't ours."""


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at it."""
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # no such method, or closed
        return False


def wants_colour(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """On a terminal, unless NO_COLOR is set to anything or the terminal is dumb."""
    return is_terminal(stream) and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"
