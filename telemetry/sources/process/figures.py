"""What each agent uses, and whether it does anything at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from telemetry.sources.process.census import Census, Entry

_BUSY_SHARE = 0.01
"""Of one core: what a process uses that only waits, its timers and its housekeeping, stays below."""

_SHORTEST_LOOK = 1.0
"""Seconds over which the share is taken; the system counts in hundredths."""

_SECONDS_STEP = 0.05
_MEMORY_STEP = 0.01
"""Smaller changes are not told: a thousand agents that wait cost nothing."""


class Figures(NamedTuple):
    """Of an agent's process with all below it: processor time (s), memory (bytes), and whether it was at work."""

    seconds: float
    memory: int
    worked: bool


@dataclass(slots=True)
class _Known:
    identity: str
    seconds: float
    told_seconds: float
    told_memory: int
    mark_seconds: float
    mark_at: float


class FigureWatch:
    """Compares what each agent has used with what it had at the check before."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    def look(self, name: str, entry: Entry, census: Census, now: float) -> Figures:
        """What an agent's process and all below it have used since they were started, and hold now.

        Never falls for one process, though one of its children may leave it.
        """
        seconds, memory = census.tree(entry)
        known = self._known.get(name)
        if known is None or known.identity != entry.identity:
            self._known[name] = _Known(entry.identity, seconds, seconds, memory, seconds, now)
            return Figures(round(seconds, 2), memory, worked=False)
        known.seconds = seconds = max(seconds, known.seconds)
        if seconds - known.told_seconds >= _SECONDS_STEP:
            known.told_seconds = seconds
        if abs(memory - known.told_memory) > _MEMORY_STEP * known.told_memory:
            known.told_memory = memory
        return Figures(round(known.told_seconds, 2), known.told_memory, self._worked(known, now))

    def forget(self, name: str) -> None:
        self._known.pop(name, None)

    @staticmethod
    def _worked(known: _Known, now: float) -> bool:
        passed = now - known.mark_at
        if 0 <= passed < _SHORTEST_LOOK:
            return False  # the next check tells
        worked = passed > 0 and known.seconds - known.mark_seconds > _BUSY_SHARE * passed
        known.mark_seconds, known.mark_at = known.seconds, now
        return worked
