"""What became of the requests that our exporters sent: the SDK says it in its log only, and only when they fail."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any


@dataclass(frozen=True, slots=True)
class Export:
    """What became of the requests of one signal.

    Attributes:
        at: When the last one ended (Unix s).
        succeeded: Whether the endpoint took it.
        taken: How many it took since the start.
        lost: How many it didn't.
        failing_since: When the first of those ended that were not taken since one was (Unix s); None: the last one was.
    """

    at: float
    succeeded: bool
    taken: int = 0
    lost: int = 0
    failing_since: float | None = None


class Outcomes:
    """The last outcome of each signal. Written by the exporters' threads."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._held: dict[str, Export] = {}

    @property
    def by_signal(self) -> Mapping[str, Export]:
        """Of every signal of which something was sent."""
        with self._lock:
            return dict(self._held)

    def note(self, signal: str, succeeded: bool) -> None:
        """One request has ended."""
        with self._lock:
            before = self._held.get(signal)
            taken, lost = (before.taken, before.lost) if before else (0, 0)
            now, since = self._now(), before.failing_since if before else None
            failing_since = None if succeeded else now if since is None else since
            self._held[signal] = Export(now, succeeded, taken + succeeded, lost + (not succeeded), failing_since)

    def of(self, exporter: Any, signal: str, lost: Callable[[Any], None] = lambda batch: None) -> Any:
        """The same exporter, whose requests are noted from now on; `export` is what all kinds have in common.

        Args:
            exporter: Of whatever signal and protocol.
            signal: Under which name.
            lost: Called with a batch that was not taken.
        """
        export = exporter.export

        @wraps(export)
        def noted(*arguments: Any, **more: Any) -> Any:
            succeeded = False
            try:
                result = export(*arguments, **more)
                succeeded = getattr(result, "name", "") == "SUCCESS"
                return result
            finally:
                self.note(signal, succeeded)
                if not succeeded and arguments:
                    lost(arguments[0])

        exporter.export = noted
        return exporter
