"""What became of the records of each signal on their way out, counted since the start of the process."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping

QUEUE_FULL, REFUSED, UNDELIVERED, UNWRITABLE, LATE = "queue_full", "refused", "undelivered", "unwritable", "shut_down"
"""Why records are lost, beside what a journal says."""


class Counts:
    """Records sent and lost. Any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sent: Counter[str] = Counter()
        self._dropped: Counter[tuple[str, str]] = Counter()

    def sent(self, signal: str, records: int) -> None:
        """The endpoint took them."""
        with self._lock:
            self._sent[signal] += records

    def dropped(self, signal: str, reason: str, records: int) -> None:
        """They are lost."""
        if records:
            with self._lock:
                self._dropped[signal, reason] += records

    def expect(self, signal: str, *reasons: str) -> None:
        """Names what may be counted, at 0 from the start, for `rate()`."""
        with self._lock:
            self._sent[signal] += 0
            for reason in reasons:
                self._dropped[signal, reason] += 0

    @property
    def taken(self) -> Mapping[str, int]:
        """How many records were sent, by signal."""
        with self._lock:
            return dict(self._sent)

    @property
    def lost(self) -> Mapping[tuple[str, str], int]:
        """How many were lost, by signal and reason."""
        with self._lock:
            return dict(self._dropped)
