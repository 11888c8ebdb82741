"""Time comes in from outside: every part is handed a Clock and never asks the operating system itself."""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """What the program needs to know of time."""

    def now(self) -> float:
        """Wall clock: Unix time in seconds, UTC; may step when the machine's clock is set."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back. For durations and deadlines."""


class SystemClock:
    """The operating system's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
