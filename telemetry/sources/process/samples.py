"""From what was found of an agent to what is said of it: restarts, activity, figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from telemetry.model import NO_DETAIL, AgentSample, Detail, State
from telemetry.sources.process.figures import FigureWatch

if TYPE_CHECKING:
    from telemetry.sources.process.census import Census
    from telemetry.sources.process.sight import Sight
    from telemetry.sources.restarts import RestartCounter


class Samples:
    """The last sample of each agent, and the next one.

    Args:
        restarts: Counts them.
    """

    def __init__(self, restarts: RestartCounter) -> None:
        self._restarts = restarts
        self._figures = FigureWatch()
        self._last: dict[str, AgentSample] = {}

    def sample(self, sight: Sight, role: str, census: Census, now: float) -> AgentSample:
        """What is said of an agent: the very object of the last time, where that still holds."""
        before = self._last.get(sight.name)
        if not sight.known:
            new = _unknown(sight, role, before)
        elif sight.running:
            new = self._running(sight, role, before, census, now)
        else:
            new = _stopped(sight, role, before, self._restarts.count(sight.name))
        if before is not None and new == before:
            return before
        self._last[sight.name] = new
        return new

    def forget(self, name: str) -> None:
        """It is no longer expected, and counts from 0 when it is seen again."""
        self._restarts.forget(name)
        self._figures.forget(name)
        self._last.pop(name, None)

    def _running(self, sight: Sight, role: str, before: AgentSample | None, census: Census, now: float) -> AgentSample:
        entry, last_activity, detail = sight.entry, before.last_activity if before else 0.0, NO_DETAIL
        if entry is not None:
            started_anew = self._count_restarts(sight, entry.identity)
            figures = self._figures.look(sight.name, entry, census, now)
            detail = Detail(cpu_seconds=figures.seconds, memory_bytes=figures.memory)
            if figures.worked or started_anew:
                last_activity = now
        return AgentSample(
            name=sight.name,
            running=True,
            role=role,
            restart_count=self._restarts.count(sight.name),
            last_activity=min(last_activity, now),
            pid=entry.pid if entry else sight.pid,
            proven=True,
            detail=detail,
        )

    def _count_restarts(self, sight: Sight, identity: str) -> bool:
        """Takes note of the process; whether it is another one than before."""
        before = self._restarts.identity(sight.name)
        if before and before == sight.replaces:
            self._restarts.moved(sight.name, identity)
            return False
        anew = before not in ("", identity)
        if anew:
            for number in range(sight.missed):  # processes that came and went between two checks
                self._restarts.seen(sight.name, f"{identity}-{number}")
        self._restarts.seen(sight.name, identity)
        return anew


def _stopped(sight: Sight, role: str, before: AgentSample | None, restart_count: int) -> AgentSample:
    return AgentSample(
        name=sight.name,
        running=False,
        role=role,
        restart_count=restart_count,
        last_activity=before.last_activity if before else 0.0,
        reason=sight.reason,
        proven=True,
        detail=Detail(exit_status=sight.status, cpu_seconds=before.detail.cpu_seconds if before else None),
    )


def _unknown(sight: Sight, role: str, before: AgentSample | None) -> AgentSample:
    """Whether it runs is what was last known."""
    last = before or AgentSample(name=sight.name, running=False, role=role, proven=True)
    return last._replace(reported=State.UNKNOWN, reason=sight.reason)
