"""Monitors for Datadog, as its API takes them (POST /api/v1/monitor): a file each.

As with Prometheus, the monitor's own engine decides and Datadog passes on; the rest watches what the engine can't.
`{{agent_name.name}}` in a text is filled in by Datadog, with what the query is grouped by.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from telemetry.collector.course import NEARLY_FULL
from telemetry.model import AlertLevel
from telemetry.signals.semconv import (
    AGENT_NAME,
    BACKEND,
    CHANNEL,
    CLUSTER,
    LEVEL,
    OUTCOME,
    REASON,
    RULE,
    SERVICE_NAME,
    SIGNAL,
    Kind,
)
from tools.dashboards.datadog_queries import KINDS

_PRIORITIES = {AlertLevel.CRITICAL: 1, AlertLevel.ERROR: 2, AlertLevel.WARNING: 4}


class Watch(NamedTuple):
    """One monitor.

    Attributes:
        name: What is wrong, as its title.
        query: When it is, in Datadog's words; ends with a comparison.
        text: What it means.
        todo: What to do first.
        priority: 1 to 5.
        silence: What no data means: `resolve`, or `show_and_notify_no_data`.
    """

    name: str
    query: str
    text: str
    todo: str
    priority: int
    silence: str = "resolve"


def monitors() -> dict[str, dict[str, Any]]:
    """All of them, by the names of their files."""
    levels = {f"alerts-{level.value}": _passed_on(level) for level in _PRIORITIES}
    return {name: _monitor(watch) for name, watch in {**levels, **_WATCHES}.items()}


def _passed_on(level: AlertLevel) -> Watch:
    """What the monitor holds open at this level and tells people."""
    alert = (CLUSTER, AGENT_NAME, RULE)
    active = _series("max", "orchestrator.alert.active", *alert, only=f"{LEVEL}:{level.value}")
    return Watch(
        f"{level.value}: {{{{rule.name}}}} of {{{{agent_name.name}}}}",
        f"max(last_5m):{active} - {_series('max', 'orchestrator.alert.suppressed', *alert)} > 0",
        "{{rule.name}} is open for {{agent_name.name}} in cluster {{cluster.name}}. Silenced alerts, and those that "
        "follow from something worse, aren't told.",
        "The monitor's dashboard and log say why, and what to do.",
        _PRIORITIES[level],
    )


def _series(how: str, name: str, *by: str, only: str = "*") -> str:
    """A metric by its OpenTelemetry name, of each environment; a counter as how much it went up."""
    groups = ",".join(("env", *by))
    return f"{how}:{name}{{{only}}} by {{{groups}}}" + (".as_count()" if KINDS[name] is Kind.COUNTER else "")


_WATCHES = {
    "monitor-absent": Watch(
        "A cluster is not being watched",
        f"max(last_5m):diff({_series('max', 'orchestrator.monitor.heartbeat_time', CLUSTER)}) <= 0",
        "No check of {{cluster.name}} was finished for five minutes, or nothing is heard of its monitor.",
        "Look whether the monitor runs and what its last log lines say; start it again.",
        1,
        "show_and_notify_no_data",
    ),
    "store-unusable": Watch(
        "The monitor can't use its store",
        f"max(last_5m):{_series('max', 'orchestrator.store.usable', 'host')} < 1",
        "The monitor on {{host.name}} keeps alerts and notifications in memory only: a restart loses them.",
        "Look whether the disk of its state folder is full or read-only.",
        2,
    ),
    "notifications-failing": Watch(
        "Notifications do not arrive",
        "sum(last_15m):"
        + _series("sum", "orchestrator.notification.deliveries", CHANNEL, only=f"{OUTCOME}:failed")
        + " > 0",
        "Notifications by the channel {{channel.name}} were given up within the last 15 minutes.",
        "Read the reason in the monitor's log; the channel's address or password may have changed.",
        2,
    ),
    "backend-down": Watch(
        "A backend takes no data from the collector",
        f"max(last_5m):{_series('max', 'orchestrator.backend.up', 'host', BACKEND)} < 1",
        "{{backend.name}} has taken nothing from the collector of {{host.name}} for five minutes.",
        "Look whether that backend is up and takes data.",
        3,
    ),
    "backend-queue-filling": Watch(
        "The collector is about to lose data",
        "min(last_5m):"
        + _series("max", "orchestrator.backend.queue_usage", "host", BACKEND, SIGNAL)
        + f" > {NEARLY_FULL:g}",
        "The queue of {{signal.name}} for {{backend.name}} on {{host.name}} has been nearly full for five minutes; "
        "what does not fit is lost.",
        "Look whether that backend is up and takes data.",
        2,
    ),
    "backend-loses-data": Watch(
        "The collector loses data",
        "sum(last_15m):"
        + " + ".join(_series("sum", f"orchestrator.backend.{what}", "host", BACKEND) for what in ("failed", "refused"))
        + " > 0",
        "Data of {{host.name}} for {{backend.name}} was given up, or not taken, within the last 15 minutes.",
        "Read the reason in the collector's log: the backend refuses it, or its queue is full.",
        2,
    ),
    "monitor-loses-data": Watch(
        "A monitor loses data",
        f"sum(last_15m):{_series('sum', 'orchestrator.otlp.dropped', 'host', SIGNAL, REASON)} > 0",
        "{{signal.name}} of the monitor on {{host.name}} were dropped: {{reason.name}}.",
        "Look whether its collector is up, and whether the disk of its state folder has room.",
        3,
    ),
}


def _monitor(watch: Watch) -> dict[str, Any]:
    threshold = float(watch.query.split()[-1])
    return {
        "name": f"[{SERVICE_NAME}] {watch.name}",
        "type": "query alert",
        "query": watch.query,
        "message": f"{watch.text}\n\n{watch.todo}",
        "tags": [f"service:{SERVICE_NAME}"],
        "priority": watch.priority,
        "options": {
            "thresholds": {"critical": threshold},
            "on_missing_data": watch.silence,
            "require_full_window": False,
            "include_tags": True,
            "notify_audit": False,
        },
    }
