"""Looks at a cluster: its source is asked, and what it says is judged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from telemetry.clock import Clock
from telemetry.health import Limits, evaluate, without_answer
from telemetry.model import AgentSample, ClusterSnapshot, Reading
from telemetry.signals.logs import get_logger
from telemetry.sources.base import Source, SourceError

_log = get_logger("telemetry.monitor")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said, or why it said nothing.

    Attributes:
        reading: What it said, or None.
        error: Why it said nothing, or "".
        outcome: `ok`, `error` or `timeout`.
        looked_at: As of when it is: Unix time when the source began to look.
        began: Unix time when it was asked, or what it had said was taken up again.
        read: Unix time when it had answered, or was given up.
    """

    reading: Reading | None
    error: str
    outcome: str
    looked_at: float
    began: float
    read: float

    def of(self, agents: tuple[AgentSample, ...]) -> Answer:
        """The same answer with other words about the agents."""
        if self.reading is None or agents is self.reading.agents:
            return self
        return replace(self, reading=replace(self.reading, agents=agents))


class Observer:
    """Asks one source, and judges what it says. What was seen before comes in; nothing of it is kept here."""

    def __init__(self, source: Source, limits: Limits, clock: Clock) -> None:
        self._source = source
        self._limits = limits
        self._clock = clock

    async def ask(self, *, failing: bool) -> Answer:
        """Asks once. A source that fails or hangs is an answer that says so, never an exception.

        Args:
            failing: It failed before already: it gets no second traceback.
        """
        began = self._clock.now()
        reading, error, outcome = await self._ask(began, failing=failing)
        return Answer(reading, error, outcome, began, began, self._clock.now())

    def judge(self, answer: Answer, before: ClusterSnapshot | None) -> ClusterSnapshot:
        """The cluster, judged by what was said now and what was known before."""
        if answer.reading is not None:
            return self._judged(answer.reading, before)
        return self._without_answer(answer.error, before, timed_out=answer.outcome == "timeout")

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
            tasks=reading.tasks,
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
            tasks=before.tasks if before else (),
        )
