"""ClusterMonitor: joins the parts and runs the loop; nothing else does. The seed's class, and its methods."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

from telemetry.alerting import ClusterAlerts
from telemetry.alerts import AGENT_RESTARTING, Engine, Rule, RuleSet, idle_ladder, with_ladders
from telemetry.checks import Checks
from telemetry.clock import Clock, SystemClock
from telemetry.desk import Desk, NoDesk
from telemetry.health import Limits, cluster_metrics
from telemetry.health.resuming import Recall
from telemetry.model import Alert, AlertEvent, AlertLevel, ClusterMetrics, ClusterSnapshot, LastSeen, OpenAlert
from telemetry.report import tell_alert
from telemetry.runner import Runner
from telemetry.runtime import Signals, shared_signals
from telemetry.signals.logs import get_logger
from telemetry.sources.base import Screen, Source, SourceError, SourceState, events_of
from telemetry.sources.manager import ClusterManager, ManagerSource
from telemetry.sources.merging import Word, believe

AlertCallback = Callable[[Alert], Awaitable[None] | None]
"""Told of every alert of level WARNING or above when it fires, changes level, and (`resolved=True`, INFO) is over."""

_log = get_logger("telemetry.monitor")


def _nothing_of_before(_cluster: str) -> Mapping[str, LastSeen]:
    return {}


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
        rules: RuleSet | Iterable[Rule] | None = None,
        desk: Desk | None = None,
        signals: Signals | None = None,
        clock: Clock | None = None,
        recall: Recall | None = None,
    ) -> ClusterMonitor:
        """A monitor of any source.

        Args:
            rules: Instead of the catalogue with its idle thresholds at once, twice and three times `max_idle_time`.
            desk: Keeps alerts and tells people; nobody does otherwise, but the callback.
            signals: Instead of the process's own.
            clock: Instead of the system's.
            recall: Knows how an earlier run saw the agents last; nothing is known of before otherwise.
        """
        monitor = cls.__new__(cls)
        monitor._set_up(  # noqa: SLF001 - its own class
            source, check_interval, agent_timeout, max_idle_time, alert_callback, rules, desk, signals, clock, recall
        )
        return monitor

    def _set_up(  # noqa: PLR0917 - the two constructors in one
        self,
        source: Source,
        check_interval: float,
        agent_timeout: float,
        max_idle_time: float,
        alert_callback: AlertCallback | None,
        rules: RuleSet | Iterable[Rule] | None,
        desk: Desk | None,
        signals: Signals | None,
        clock: Clock | None,
        recall: Recall | None,
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
        engine = Engine(with_ladders(idle=idle_ladder(max_idle_time)) if rules is None else rules)
        self._limits = Limits(agent_timeout, max_idle_time, engine.rules.lowest(AGENT_RESTARTING.id))
        self._desk: Desk = desk or NoDesk()
        self._callback = alert_callback
        self._alerts = ClusterAlerts(engine, self._desk, self._call_back if alert_callback else None)
        self._clock: Clock = clock or SystemClock()
        self._signals = signals or shared_signals()
        self._signals.picture.expect(source.cluster)
        self._checks = Checks(
            source,
            self._limits,
            self._alerts,
            self._desk,
            signals=self._signals,
            clock=self._clock,
            recall=recall or _nothing_of_before,
        )
        self._runner = Runner(self._watch, f"cluster-monitor {source.cluster}")

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

    async def forget(self, agent: str) -> bool:
        """An agent is no longer expected. False: the source has none of this name, or can't forget it."""
        forget = getattr(self._source, "forget", None)
        return forget is not None and bool(await forget(agent))

    async def check_now(self) -> ClusterMetrics:
        """Checks once, now; a check that is already under way is waited for instead.

        Raises:
            RuntimeError: The source gave no answer; the message says why.
        """
        snapshot = await self._runner.call(self._checks.check)
        if snapshot.source_error:
            raise RuntimeError(f"no metrics of cluster {snapshot.cluster}: {snapshot.source_error}")
        return cluster_metrics(snapshot, self._limits)

    async def _watch(self) -> None:
        self._checks.begin()
        due = self._clock.monotonic()
        try:
            while True:
                await self._checks.or_told(self._checks.check)
                # A check that took longer than the interval is followed by the next at once, not by all those missed.
                due = max(due + self._interval, self._clock.monotonic())
                await asyncio.sleep(due - self._clock.monotonic())
        finally:
            self._checks.end()

    # --- alerts -----------------------------------------------------------------------------------------------------

    def _call_back(self, alert: Alert) -> None:
        """Runs the callback for one alert. What it raises is logged, never the monitor's end."""
        assert self._callback is not None  # noqa: S101 - handed on only where there is one
        try:
            awaitable: Any = self._callback(alert)
        except Exception:  # noqa: BLE001 - a foreign function: logged with its traceback
            _log.exception("the alert callback raised", cluster=self.cluster, rule=alert.rule)
            return
        if inspect.isawaitable(awaitable):
            self._runner.beside(awaitable, self._callback_done)

    def _callback_done(self, running: asyncio.Future[Any]) -> None:
        if not running.cancelled() and (error := running.exception()) is not None:
            _log.error("the alert callback raised", cluster=self.cluster, exc_info=error)

    def get_alerts(
        self, level: AlertLevel | None = None, resolved: bool | None = None, limit: int | None = 100
    ) -> list[Alert]:
        """Alerts, newest first: open ones, and the last thousand that are over. They are copies."""
        return self._alerts.select(level, resolved, limit)

    def resolve_alert(self, alert_index: int) -> None:
        """Marks one of `get_alerts(resolved=False)` as resolved. It fires again only after its cause was over once."""
        unresolved = self.get_alerts(resolved=False)
        if 0 <= alert_index < len(unresolved):
            alert = unresolved[alert_index]
            self._alerts.dismiss([alert.id], self._clock.now())
            _log.info("alert marked as resolved", cluster=self.cluster, agent_name=alert.agent_name, rule=alert.rule)

    def clear_alerts(self) -> None:
        """Forgets every alert. What is still wrong doesn't fire again until it was over once."""
        self._alerts.dismiss([alert.id for alert in self._alerts.open], self._clock.now())
        self._alerts.forget()
        _log.info("alerts cleared", cluster=self.cluster)

    @property
    def open_alerts(self) -> tuple[OpenAlert, ...]:
        """Every alert that is pending, firing or dismissed, with all that is known of it."""
        return self._alerts.open

    async def acknowledge(self, alert_id: str, by: str, note: str = "") -> AlertEvent | None:
        """Somebody takes care of an alert: it is not repeated at this level or below. None: no such alert fires."""
        event = await self._alerts.acknowledge(alert_id, by, note, self._clock.now())
        if event is not None:
            tell_alert(event)
        return event

    # --- what is known ----------------------------------------------------------------------------------------------

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self._source.cluster

    @property
    def check_interval(self) -> float:
        """Seconds between checks."""
        return self._interval

    def words(self, agent: str) -> tuple[Word, ...]:
        """What each source says of an agent, the most direct first; empty where none knows it."""
        words = getattr(self._source, "words", None)
        if words is not None:
            found: tuple[Word, ...] = words(agent)
            return found
        said = self._checks.last
        if said is None or said.reading is None:
            return ()
        samples = [sample for sample in said.reading.agents if sample.name == agent]
        return believe([Word(self._source.name, 0, sample, said.looked_at) for sample in samples])

    async def last_lines(self, agent: str, count: int = 20) -> Screen | None:
        """The last lines that the screen of an agent shows now; None where no source sees one.

        Raises:
            RuntimeError: The source gave no answer; the message says why.
        """
        show = getattr(self._source, "last_lines", None)
        if show is None:
            return None
        try:
            shown: Screen | None = await self._runner.call(partial(show, agent, count))
        except SourceError as error:
            raise RuntimeError(str(error)) from error
        return shown

    @property
    def sources(self) -> list[SourceState]:
        """How it is with each source of the cluster."""
        states = getattr(self._source, "states", None)
        if states is not None:
            found: list[SourceState] = states
            return found
        seen, source = self._checks.snapshot, self._source
        agents, error = (len(seen.agents), seen.source_error) if seen is not None else (0, "")
        looked_at = self._checks.last.looked_at if self._checks.last is not None else 0.0
        return [SourceState(source.name, agents, error, looked_at, events_of(source))]

    @property
    def deaths_are_seen(self) -> str:
        """How the death of an agent's process is noticed, in words."""
        return self._checks.deaths_are_seen

    @property
    def snapshot(self) -> ClusterSnapshot | None:
        """What the last check found, or None before the first."""
        return self._checks.snapshot

    def get_metrics(self) -> ClusterMetrics | None:
        """The seed's numbers, or None before the first check."""
        return cluster_metrics(self._checks.snapshot, self._limits) if self._checks.snapshot else None

    def get_status_summary(self) -> dict[str, Any]:
        """The seed's summary: settings, counts of alerts, and the last metrics (None before the first check)."""
        metrics = self.get_metrics()
        every = self.get_alerts(limit=None)
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
        await self._checks.close()
        await self._source.close()
