"""The checks of one cluster: at a tick the source is asked, between two ticks what was heard is judged at once.

source → health → alerts, the result into the picture, what happened into logs, a trace and the desk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from telemetry.alerting import ClusterAlerts
from telemetry.alerts import Outcome
from telemetry.clock import Clock
from telemetry.deathwatch import DeathWatch
from telemetry.desk import Desk
from telemetry.health import Limits, transitions
from telemetry.health.resuming import Recall, Resuming
from telemetry.model import ClusterSnapshot, Transition
from telemetry.observer import Answer, Observer
from telemetry.promptly import Promptly
from telemetry.report import CheckResult, Reporter
from telemetry.runner import STOP_WITHIN, give_up, is_under_way
from telemetry.runtime import Signals
from telemetry.signals.logs import get_logger
from telemetry.signals.traces import CheckTimes
from telemetry.sources.base import LiveSource, Source

_log = get_logger("telemetry.monitor")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a check saw, beside what the one before it saw; `began` is monotonic, None for one that asked nobody."""

    answer: Answer
    before: ClusterSnapshot | None
    snapshot: ClusterSnapshot
    changed: tuple[Transition, ...]
    began: float | None


class Checks:
    """Runs in one loop at a time.

    Args:
        source: Is asked, and listened to where it can tell by itself.
        limits: What its words are judged by.
        alerts: The cluster's alerts.
        desk: Hears of every check that asked.
        signals: Where it is told.
        clock: Tells the time.
        recall: Knows how an earlier run saw the agents last.
    """

    def __init__(
        self,
        source: Source,
        limits: Limits,
        alerts: ClusterAlerts,
        desk: Desk,
        *,
        signals: Signals,
        clock: Clock,
        recall: Recall,
    ) -> None:
        self._source, self._alerts, self._desk, self._clock = source, alerts, desk, clock
        self._observer, self._limits, self._resuming = Observer(source, limits, clock), limits, Resuming(recall)
        self._picture, self._reporter = signals.picture, Reporter(signals)
        self._known_as = source.cluster
        self.snapshot: ClusterSnapshot | None = None
        """What the last check found, or None before the first."""
        self.last: Answer | None = None
        """What the source said last, or None: it never answered."""
        self._answered: ClusterSnapshot | None = None
        """The last snapshot for which the source gave an answer."""
        self._checking: asyncio.Task[ClusterSnapshot] | None = None
        self._judging = asyncio.Lock()
        """What is seen is judged one after another, though a quick check may overtake a source that is slow."""
        self._listens = False
        self._promptly = Promptly(
            partial(self.or_told, self._check_what_was_heard), partial(self.or_told, self._look_anew)
        )
        self._deaths = DeathWatch(
            self._promptly.died, self._promptly.look_soon, clock.now, getattr(source, "ended", None)
        )

    @property
    def deaths_are_seen(self) -> str:
        """How the death of an agent's process is noticed, in words."""
        return self._deaths.how

    def begin(self) -> None:
        """Hears of deaths and changes from now on, in the running loop."""
        self._judging = asyncio.Lock()  # a lock belongs to one loop
        self._promptly.begin()
        if isinstance(self._source, LiveSource) and not self._listens:
            self._listens = True
            self._source.listen(self._promptly.heard)

    def end(self) -> None:
        """Hears of nothing any more; of a check under way, nothing is published or told."""
        self._promptly.end()
        self._deaths.close()
        if self._checking is not None:
            give_up(self._checking)

    async def close(self) -> None:
        """Waits for the end of a check that was under way."""
        if self._checking is not None:
            give_up(self._checking)
            if self._checking.get_loop() is asyncio.get_running_loop():
                await asyncio.wait({self._checking}, timeout=STOP_WITHIN)

    async def or_told(self, check: Callable[[], Awaitable[Any]]) -> None:
        """Runs a check. A fault of ours is told each time, and never the end of the watch."""
        try:
            await check()
        except Exception:  # noqa: BLE001 - told with its traceback, and the heartbeat stands still
            _log.exception("a check failed: this is a bug, please report it", cluster=self._source.cluster)

    async def check(self) -> ClusterSnapshot:
        """One check; callers that come while one is under way share it: a source is never read twice at once."""
        if self._checking is None or not is_under_way(self._checking):
            self._checking = asyncio.get_running_loop().create_task(self._check_once())
        return await asyncio.shield(self._checking)

    async def _look_anew(self) -> None:
        """A check that begins now: what one that is under way saw may be out of date."""
        if self._checking is not None and is_under_way(self._checking):
            await asyncio.wait({self._checking})
        await self.check()

    async def _check_once(self) -> ClusterSnapshot:
        began = self._clock.monotonic()
        answer = await self._observer.ask(failing=bool(self.snapshot and self.snapshot.source_error))
        async with self._judging:
            snapshot = await self._take(answer, began)
            await self._desk.checked(self._source.cluster, well=not snapshot.source_error)
            return snapshot

    async def _check_what_was_heard(self) -> None:
        """Asks nobody: judges what the source has heard, and who has died."""
        async with self._judging:
            if self.last is None or self.snapshot is None or self.snapshot.source_error:
                return  # the first look, or the next one, will tell
            now = self._clock.now()
            answer = Answer(self.last.reading, "", "ok", self.last.looked_at, now, now)
            if isinstance(self._source, LiveSource):
                heard = self._source.glance(now)
                if heard is None or getattr(self._source, "must_look", False):
                    self._promptly.look_now()
                if heard is not None:
                    answer = Answer(heard, "", "ok", now, now, now)
            await self._take(answer, None)

    async def _take(self, answer: Answer, began: float | None) -> ClusterSnapshot:
        """What an answer means: judged, reported, kept and told."""
        self._resuming.begin(self._source.cluster)
        if answer.reading is not None:
            self.last = answer
            self._deaths.recall(self._resuming.ends(answer.reading.agents, answer.looked_at))
            answer = answer.of(self._deaths.apply(answer.reading.agents, answer.looked_at))
        before, snapshot = self.snapshot, self._judged(answer)
        if self._promptly.has_begun:
            self._deaths.follow(snapshot.agents, answer.read)
        if self._source.cluster != self._known_as:  # the first answer named it: what another name expected goes
            self._picture.remove(self._known_as)
            self._known_as = self._source.cluster
        # Between two answers: that nobody can tell for a while is no change of state of anybody
        changed = () if snapshot.source_error else transitions(self._answered, snapshot)
        seen = _Seen(answer, before, snapshot, changed, began)
        await self._alerts.begin(self._source.cluster, snapshot.taken_at)
        outcome = self._alerts.evaluate(snapshot, partial(self._report, seen))
        self.snapshot = snapshot
        self._answered = self._answered if snapshot.source_error else snapshot
        await self._alerts.settle(outcome, changed, snapshot.taken_at)
        return snapshot

    def _judged(self, answer: Answer) -> ClusterSnapshot:
        if answer.reading is None:
            return self._observer.judge(answer, self.snapshot)
        # What goes on after a time in which nobody could tell has been so since it began: its alerts say the same
        snapshot = self._observer.judge(answer, self._answered)
        agents = self._resuming.resume(snapshot.agents, self._limits, snapshot.taken_at)
        return snapshot if agents is snapshot.agents else replace(snapshot, agents=agents)

    def _report(self, seen: _Seen, alerts: Outcome) -> Outcome:
        answer = seen.answer
        # a wall clock that was set back meanwhile must not make a span end before it began
        read = max(answer.began, answer.read)
        return self._reporter.report(
            CheckResult(
                before=seen.before,
                snapshot=seen.snapshot,
                transitions=seen.changed,
                alerts=alerts,
                times=CheckTimes(answer.began, read, max(read, self._clock.now())),
                outcome=answer.outcome,
                seconds=None if seen.began is None else self._clock.monotonic() - seen.began,
            )
        )
