"""One look at a cluster: its source is asked, and what it says is judged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from telemetry.clock import Clock
from telemetry.health import Limits, evaluate, without_answer
from telemetry.model import ClusterSnapshot, Reading
from telemetry.signals.logs import get_logger
from telemetry.sources.base import Source, SourceError

_log = get_logger("telemetry.monitor")


@dataclass(frozen=True, slots=True)
class Look:
    """What one look brought.

    Attributes:
        snapshot: The cluster, judged.
        outcome: `ok`, `error` or `timeout`.
        began: Unix time when the source was asked.
        read: Unix time when it had answered, or was given up.
    """

    snapshot: ClusterSnapshot
    outcome: str
    began: float
    read: float


class Observer:
    """Looks at one source. What was seen before comes in with each look; nothing of it is kept here."""

    def __init__(self, source: Source, limits: Limits, clock: Clock) -> None:
        self._source = source
        self._limits = limits
        self._clock = clock

    async def look(self, before: ClusterSnapshot | None) -> Look:
        """Asks once. A source that fails or hangs gives a snapshot that says so, never an exception."""
        began = self._clock.now()
        reading, error, outcome = await self._ask(began, failing=bool(before and before.source_error))
        read = self._clock.now()
        if reading is not None:
            return Look(self._judged(reading, before), outcome, began, read)
        return Look(self._without_answer(error, before, timed_out=outcome == "timeout"), outcome, began, read)

    async def _ask(self, now: float, *, failing: bool) -> tuple[Reading | None, str, str]:
        """The source's answer, or (None, why not, outcome); `failing` already, it gets no second traceback."""
        deadline = asyncio.timeout(self._limits.agent_timeout)
        try:
            async with deadline:
                return await self._source.read(now), "", "ok"
        except SourceError as error:
            return None, str(error), "error"
        except Exception as error:  # noqa: BLE001 - a fault in a source must not end the watch: it is told
            if deadline.expired():
                return None, f"no answer within {self._limits.agent_timeout:g} s", "timeout"
            if not failing:
                _log.exception(
                    "a source failed as it should not", cluster=self._source.cluster, source=self._source.name
                )
            return None, f"{type(error).__name__} in the source (traceback in the log)", "error"

    def _judged(self, reading: Reading, before: ClusterSnapshot | None) -> ClusterSnapshot:
        now = self._clock.now()
        return ClusterSnapshot(
            cluster=self._source.cluster,
            source=self._source.name,
            agents=evaluate(reading.agents, before.agents if before else (), self._limits, now),
            taken_at=now,
            session_name=reading.session_name,
            session_exists=reading.session_exists,
            problems=reading.problems,
        )

    def _without_answer(self, error: str, before: ClusterSnapshot | None, *, timed_out: bool) -> ClusterSnapshot:
        now = self._clock.now()
        return ClusterSnapshot(
            cluster=self._source.cluster,
            source=self._source.name,
            agents=without_answer(before.agents if before else (), error, timed_out, now),
            taken_at=now,
            session_name=before.session_name if before else "",
            session_exists=before.session_exists if before else True,
            source_error=error,
        )
