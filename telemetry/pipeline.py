"""The alerts about the way of telemetry itself, through the same engine and desk as those of a cluster.

A cluster of agents has a monitor that asks sources; here nobody is asked: what the lookout knows of the backends, and
what became of our own records, is judged every few seconds. Only the daemon has one, and only where anything is sent.
"""

from __future__ import annotations

import asyncio
import contextlib

from telemetry.alerting import ClusterAlerts
from telemetry.alerts import Engine, RuleSet
from telemetry.alerts.pipeline import Losses, findings_of
from telemetry.clock import Clock
from telemetry.desk import Desk
from telemetry.model import PIPELINE, Alert, AlertEvent, AlertLevel, OpenAlert
from telemetry.report import Reporter, tell_alert
from telemetry.runtime import Signals
from telemetry.signals.logs import get_logger

_log = get_logger("telemetry.pipeline")

EVERY = 2.0
"""Seconds between two looks at what the lookout knows; a tenth of a millisecond each."""


class PipelineAlerts:
    """In one loop; any thread may read.

    Args:
        rules: In force.
        desk: Keeps alerts, and tells people.
        signals: Whose picture knows how it is with the backends and with what is sent.
        clock: Tells the time.
    """

    cluster = PIPELINE

    def __init__(self, rules: RuleSet, desk: Desk, signals: Signals, clock: Clock) -> None:
        self._rules = rules.for_cluster(PIPELINE)
        self._alerts = ClusterAlerts(Engine(self._rules), desk, None)
        self._picture, self._reporter, self._clock = signals.picture, Reporter(signals), clock
        self._losses: Losses = {}
        self._looked = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begins to look, in the running loop; with what an earlier run left open."""
        self._picture.expect(PIPELINE)
        self._task = asyncio.get_running_loop().create_task(self._keep_looking(), name="pipeline")

    async def stop(self) -> None:
        """Ends; what is open stays with the desk."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def use(self, rules: RuleSet) -> None:
        """Goes on by other rules."""
        self._rules = rules.for_cluster(PIPELINE)
        self._alerts.use(Engine(self._rules))

    async def look(self) -> None:
        """Judges once how it is now."""
        now = self._clock.now()
        await self._alerts.begin(PIPELINE, now)
        judged = findings_of(self._picture.outlets, self._picture.sending, self._rules, self._losses, now)
        self._losses, anew, self._looked = judged.losses, not self._looked, True
        outcome = self._alerts.judge(
            judged.given, lambda found: self._reporter.report_alerts(PIPELINE, found, now, anew=anew)
        )
        await self._alerts.settle(outcome, (), now)

    async def _keep_looking(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:  # noqa: BLE001 - a fault of ours must not end the looking; the log says which
                _log.exception("the pipeline could not be judged")
            await asyncio.sleep(EVERY)

    # --- what people want -------------------------------------------------------------------------------------------

    @property
    def open_alerts(self) -> tuple[OpenAlert, ...]:
        """Every alert that is pending, firing or dismissed."""
        return self._alerts.open

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int | None = 100
    ) -> list[Alert]:
        """Alerts, newest first: open ones, and those of this run that are over."""
        return self._alerts.select(level, resolved, limit)

    async def acknowledge(self, alert_id: str, by: str, note: str = "") -> AlertEvent | None:
        """Somebody takes care of an alert. None: no such alert fires."""
        event = await self._alerts.acknowledge(alert_id, by, note, self._clock.now())
        if event is not None:
            tell_alert(event)
        return event
