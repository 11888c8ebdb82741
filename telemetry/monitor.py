"""ClusterMonitor: joins the parts and runs the loop; nothing else does.

source → health → alerts, the result into the picture, what happened into logs, a trace and the alert callback.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from telemetry.alerts import (
    AGENT_RESTARTING,
    AlertEvent,
    AlertHistory,
    Engine,
    Rule,
    idle_ladder,
    with_ladders,
)
from telemetry.clock import Clock, SystemClock
from telemetry.health import Limits, cluster_metrics, transitions
from telemetry.model import Alert, AlertLevel, ClusterMetrics, ClusterSnapshot
from telemetry.observer import Observer
from telemetry.report import CheckResult, Reporter
from telemetry.runner import STOP_WITHIN, Runner
from telemetry.runtime import Signals, shared_signals
from telemetry.signals.logs import get_logger
from telemetry.signals.traces import CheckTimes
from telemetry.sources.base import Source
from telemetry.sources.manager import ClusterManager, ManagerSource

AlertCallback = Callable[[Alert], Awaitable[None] | None]
"""Told of every alert of level WARNING or above when it fires, changes level, and (`resolved=True`, INFO) is over."""

_log = get_logger("telemetry.monitor")


class ClusterMonitor:
    """Watches one cluster. The seed's class: same constructor, same methods.

    Args:
        cluster_manager: Anything with `get_status()`, sync or async (see `telemetry.sources.manager`).
        check_interval: Seconds from one check's start to the next.
        agent_timeout: Seconds after which a source that doesn't answer, or an agent that reports busy without a sign of
            life, is unresponsive.
        max_idle_time: Seconds without activity until WARNING; twice for ERROR, three times for CRITICAL.
        alert_callback: Sync, async, or a lambda that returns a coroutine; runs in the loop where `start()` was called,
            in the monitor's own thread where there was none. What takes time should be async: a function that blocks
            holds up the checks while it does.

    Raises:
        ValueError: A time that isn't a positive, finite number of seconds.
    """

    def __init__(
        self,
        cluster_manager: ClusterManager,
        check_interval: float = 5.0,
        agent_timeout: float = 60.0,
        max_idle_time: float = 300.0,
        alert_callback: AlertCallback | None = None,
    ) -> None:
        self._set_up(
            ManagerSource(cluster_manager),
            check_interval,
            agent_timeout,
            max_idle_time,
            alert_callback,
            None,
            None,
            None,
        )

    @classmethod
    def for_source(
        cls,
        source: Source,
        *,
        check_interval: float = 5.0,
        agent_timeout: float = 60.0,
        max_idle_time: float = 300.0,
        alert_callback: AlertCallback | None = None,
        rules: Sequence[Rule] | None = None,
        signals: Signals | None = None,
        clock: Clock | None = None,
    ) -> ClusterMonitor:
        """A monitor of any source.

        Args:
            rules: Instead of the catalogue with its idle thresholds at once, twice and three times `max_idle_time`.
            signals: Instead of the process's own.
            clock: Instead of the system's.
        """
        monitor = cls.__new__(cls)
        monitor._set_up(  # noqa: SLF001 - its own class
            source, check_interval, agent_timeout, max_idle_time, alert_callback, rules, signals, clock
        )
        return monitor

    def _set_up(  # noqa: PLR0917 - the two constructors in one
        self,
        source: Source,
        check_interval: float,
        agent_timeout: float,
        max_idle_time: float,
        alert_callback: AlertCallback | None,
        rules: Sequence[Rule] | None,
        signals: Signals | None,
        clock: Clock | None,
    ) -> None:
        for name, value in (
            ("check_interval", check_interval),
            ("agent_timeout", agent_timeout),
            ("max_idle_time", max_idle_time),
        ):
            if not isinstance(value, (int, float)) or not 0 < value < float("inf"):
                raise ValueError(f"{name}: {value!r} is not possible; allowed is a positive number of seconds")
        self._source = source
        self._interval = check_interval
        rules = with_ladders(idle=idle_ladder(max_idle_time)) if rules is None else rules
        restarts = next((rule.lowest for rule in rules if rule.id == AGENT_RESTARTING.id), float("inf"))
        self._limits = Limits(agent_timeout, max_idle_time, restarts)
        self._engine = Engine(rules)
        self._callback = alert_callback
        self._clock: Clock = clock or SystemClock()
        self._observer = Observer(source, self._limits, self._clock)
        self._signals = signals or shared_signals()
        self._reporter = Reporter(self._signals)
        self._known_as = source.cluster
        self._signals.picture.expect(source.cluster)
        self._snapshot: ClusterSnapshot | None = None
        self._answered: ClusterSnapshot | None = None
        """The last snapshot for which the source gave an answer."""
        self._alerts = AlertHistory()
        self._runner = Runner(self._watch, f"cluster-monitor {source.cluster}")
        self._checking: asyncio.Task[ClusterSnapshot] | None = None

    # --- the loop ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begins to watch, at once: in the running loop, otherwise in a thread of its own. Twice is once."""
        if self.is_running():
            _log.warning("monitoring has already started", cluster=self.cluster)
        else:
            self._runner.start()

    def stop(self) -> None:
        """Ends watching, from anywhere; from another thread it waits until the loop has ended (2 s at most)."""
        self._runner.stop()

    async def stop_async(self) -> None:
        """Ends watching and returns when the loop has ended and callbacks under way are done (2 s at most)."""
        await self._runner.stop_async()

    def is_running(self) -> bool:
        """Whether it watches."""
        return self._runner.is_running()

    async def check_now(self) -> ClusterMetrics:
        """Checks once, now; a check that is already under way is waited for instead.

        Raises:
            RuntimeError: The source gave no answer; the message says why.
        """
        snapshot = await self._runner.call(self._check)
        if snapshot.source_error:
            raise RuntimeError(f"no metrics of cluster {snapshot.cluster}: {snapshot.source_error}")
        return cluster_metrics(snapshot, self._limits)

    async def _watch(self) -> None:
        due = self._clock.monotonic()
        try:
            while True:
                try:
                    await self._check()
                except Exception:  # noqa: BLE001 - a fault of ours: told each time, and the heartbeat stands still
                    _log.exception("a check failed: this is a bug, please report it", cluster=self.cluster)
                # A check that took longer than the interval is followed by the next at once, not by all those missed.
                due = max(due + self._interval, self._clock.monotonic())
                await asyncio.sleep(due - self._clock.monotonic())
        finally:
            if self._checking is not None:
                self._checking.cancel()  # stopped: nothing is published or told any more

    # --- one check --------------------------------------------------------------------------------------------------

    async def _check(self) -> ClusterSnapshot:
        """One check; callers that come while one is under way share it: a source is never read twice at once."""
        if self._checking is None or self._checking.done():
            self._checking = asyncio.get_running_loop().create_task(self._check_once())
        return await asyncio.shield(self._checking)

    async def _check_once(self) -> ClusterSnapshot:
        began_monotonic = self._clock.monotonic()
        before, answered = self._snapshot, self._answered
        look = await self._observer.look(before)
        snapshot = look.snapshot
        if self.cluster != self._known_as:  # the first answer named it: what was expected under another name goes
            self._signals.picture.remove(self._known_as)
            self._known_as = self.cluster
        result = self._engine.evaluate(self._alerts.open, snapshot)
        # Between two answers: that nobody can tell for a while is no change of state of anybody
        changed = () if snapshot.source_error else transitions(answered, snapshot)
        self._snapshot = snapshot
        self._answered = answered if snapshot.source_error else snapshot
        self._alerts.update(result.open, changed)
        # a wall clock that was set back meanwhile must not make a span end before it began
        read = max(look.began, look.read)
        self._reporter.report(
            CheckResult(
                before=before,
                snapshot=snapshot,
                transitions=changed,
                events=result.events,
                open_alerts=tuple(alert for alert in result.open.values() if not alert.resolved),
                times=CheckTimes(look.began, read, max(read, self._clock.now())),
                outcome=look.outcome,
                seconds=self._clock.monotonic() - began_monotonic,
            )
        )
        for event in result.events:
            self._tell(event)
        return snapshot

    # --- alerts -----------------------------------------------------------------------------------------------------

    def _tell(self, event: AlertEvent) -> None:
        """Runs the callback for one event. What it raises is logged, never the monitor's end."""
        if self._callback is None or event.alert.level.rank < AlertLevel.WARNING.rank:
            return
        try:
            awaitable: Any = self._callback(event.told())
        except Exception:  # noqa: BLE001 - a foreign function: logged with its traceback
            _log.exception("the alert callback raised", cluster=self.cluster, rule=event.alert.rule)
            return
        if inspect.isawaitable(awaitable):
            self._runner.beside(awaitable, self._callback_done)

    def _callback_done(self, running: asyncio.Future[Any]) -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            _log.error("the alert callback raised", cluster=self.cluster, exc_info=error)

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int = 100
    ) -> list[Alert]:
        """Alerts, newest first: open ones, and the last thousand that are over."""
        return self._alerts.select(level, resolved, limit)

    def resolve_alert(self, alert_index: int) -> None:
        """Marks one of `get_alerts(resolved=False)` as resolved. It fires again only after its cause was over once."""
        unresolved = self.get_alerts(resolved=False)
        if 0 <= alert_index < len(unresolved):
            alert = unresolved[alert_index]
            alert.resolved, alert.resolved_at = True, self._clock.now()
            _log.info("alert marked as resolved", cluster=self.cluster, agent_name=alert.agent_name, rule=alert.rule)

    def clear_alerts(self) -> None:
        """Forgets every alert. What is still wrong doesn't fire again until it was over once."""
        self._alerts.clear()
        _log.info("alerts cleared", cluster=self.cluster)

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self._source.cluster

    @property
    def check_interval(self) -> float:
        """Seconds between checks."""
        return self._interval

    @property
    def snapshot(self) -> ClusterSnapshot | None:
        """What the last check found, or None before the first."""
        return self._snapshot

    def get_metrics(self) -> ClusterMetrics | None:
        """The seed's numbers, or None before the first check."""
        return cluster_metrics(self._snapshot, self._limits) if self._snapshot else None

    def get_status_summary(self) -> dict[str, Any]:
        """The seed's summary: settings, counts of alerts, and the last metrics (None before the first check)."""
        metrics = self.get_metrics()
        every = self._alerts.select(None, None, None)
        return {
            "monitoring": self.is_running(),
            "check_interval": self._interval,
            "agent_timeout": self._limits.agent_timeout,
            "max_idle_time": self._limits.max_idle_time,
            "total_alerts": len(every),
            "unresolved_alerts": sum(not alert.resolved for alert in every),
            "last_metrics": metrics
            and {
                "total_agents": metrics.total_agents,
                "running_agents": metrics.running_agents,
                "idle_agents": metrics.idle_agents,
                "unhealthy_agents": metrics.unhealthy_agents,
                "total_restarts": metrics.total_restarts,
            },
        }

    async def close(self) -> None:
        """Stops, a check under way included, and gives back what the source holds."""
        await self.stop_async()
        if self._checking is not None and not self._checking.done():
            self._checking.cancel()
            await asyncio.wait({self._checking}, timeout=STOP_WITHIN)
        await self._source.close()
