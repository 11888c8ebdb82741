"""What a check brought, told: the picture, the metrics, one trace with its log lines. The monitor's last step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from telemetry.alerts import Outcome
from telemetry.model import Alert, AlertEvent, AlertLevel, Change, ClusterSnapshot, Reason, Transition
from telemetry.picture import AlertName
from telemetry.runtime import Signals
from telemetry.signals.logs import get_logger
from telemetry.signals.semconv import EVENT_ALERT, EVENT_STATE_CHANGED
from telemetry.signals.traces import CheckTimes, check_trace, trace_id

_log = get_logger("telemetry.monitor")

_ENTERS = (Change.FIRED, Change.ESCALATED, Change.DEESCALATED)
"""With these an alert enters a level."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """All of one check: the snapshots before and after, what changed between them, and how long it took.

    `seconds` is None for one that asked no source: it says nothing about how long that takes.
    """

    before: ClusterSnapshot | None
    snapshot: ClusterSnapshot
    transitions: Sequence[Transition]
    alerts: Outcome
    times: CheckTimes
    outcome: str
    seconds: float | None

    @property
    def source_changed(self) -> bool:
        """The source began to fail, or answers again; its failure going on is nothing new."""
        was = self.before.source_error if self.before else ""
        return bool(was) != bool(self.snapshot.source_error)

    @property
    def worth_telling(self) -> bool:
        """Whether it becomes a trace: a transition, a failure or an alert."""
        return bool(self.transitions or self.alerts.events or self.source_changed or self.new_problems)

    @property
    def new_problems(self) -> tuple[str, ...]:
        """What of the source's answer can't be used since this check."""
        known = self.before.problems if self.before else ()
        return tuple(problem for problem in self.snapshot.problems if problem not in known)


class Reporter:
    """Tells results through one set of signals."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def report(self, result: CheckResult) -> Outcome:
        """Publishes first, so that nobody reads in the log what /metrics doesn't know yet; then tells, and flushes.

        Returns:
            What became of the alerts, where those that fired carry the trace of this check.
        """
        snapshot = result.snapshot
        if not result.worth_telling:
            self._publish(result, result.alerts)
            return result.alerts
        with check_trace(
            self._signals.tracer,
            result.times,
            cluster=snapshot.cluster,
            source=snapshot.source,
            outcome=result.outcome,
            error=snapshot.source_error,
        ) as span:
            alerts = result.alerts.traced(trace_id(span))
            self._publish(result, alerts)
            for problem in result.new_problems:
                _log.warning(problem, cluster=snapshot.cluster, source=snapshot.source)
            for transition in result.transitions:
                self._tell_transition(transition)
            for event in alerts.events:
                self._tell_alert(event)
        self._signals.flush_soon()
        return alerts

    def _publish(self, result: CheckResult, alerts: Outcome) -> None:
        snapshot, picture = result.snapshot, self._signals.picture
        is_new = bool(alerts.changed or alerts.gone) or picture.snapshot(snapshot.cluster) is None
        firing, quiet = _told(alerts) if is_new else (None, set())
        picture.publish(snapshot, firing, quiet)
        if result.seconds is None:
            return
        picture.observe_check(snapshot.cluster, snapshot.source, result.outcome, result.seconds)
        self._signals.instruments.observe_check(snapshot.cluster, snapshot.source, result.outcome, result.seconds)

    def report_alerts(self, cluster: str, alerts: Outcome, now: float, *, anew: bool) -> Outcome:
        """Tells what became of alerts that no check raised; `anew`: none of them were published yet."""
        firing, quiet = _told(alerts) if anew or alerts.changed or alerts.gone else (None, set())
        self._signals.picture.publish_alerts(cluster, firing, quiet, now)
        for event in alerts.events:
            self._tell_alert(event)
        if alerts.events:
            self._signals.flush_soon()
        return alerts

    def _tell_transition(self, transition: Transition) -> None:
        agent = transition.agent
        self._signals.picture.count_alert(transition.cluster, AlertLevel.INFO)
        _log.info(
            f"{agent.name}: {transition.before} → {agent.state}: {agent.reason}",
            event=EVENT_STATE_CHANGED,
            cluster=transition.cluster,
            agent_name=agent.name,
            pane_index=agent.sample.pane_index,
            state=agent.state.value,
            restart_count=agent.sample.restart_count,
        )

    def _tell_alert(self, event: AlertEvent) -> None:
        alert = event.alert
        if event.change in _ENTERS:
            self._signals.picture.count_alert(alert.cluster, alert.level)
        tell_alert(event)


def _told(alerts: Outcome) -> tuple[tuple[Alert, ...], set[AlertName]]:
    """The alerts that fire, and which of them nobody is told of."""
    firing = alerts.state.firing()
    # One that waits whether its end lasts is not told either, but that is no news to whoever is passed the metric.
    quiet = {
        (held.cluster, held.subject, held.rule)
        for held in firing
        if held.suppressed is not None and held.suppressed.reason is not Reason.ENDING
    }
    return tuple(held.as_alert() for held in firing), quiet


def tell_alert(event: AlertEvent) -> None:
    """What happened to an alert, as a line of the log."""
    alert = event.alert
    _log.log(
        (alert.level if event.change in _ENTERS else AlertLevel.INFO).value,
        f"{alert.subject}: {event.text}",
        event=f"{EVENT_ALERT}.{event.change}",
        cluster=alert.cluster,
        agent_name=alert.subject,
        rule=alert.rule,
        alert_level=alert.level.value,
        reason=event.reason.value,
    )
