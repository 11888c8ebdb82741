"""Every name that leaves this program, once: metrics, attributes, spans, events, resource.

Instruments, /metrics, docs, alert rules, dashboards and tests read this table. Prometheus adds `_total` and the unit by
itself, so an OpenTelemetry name holds neither; a unit in braces, such as `{agent}`, adds nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

from telemetry.model import State
from telemetry.picture import Picture

SERVICE_NAME = "orchestrator-cc"
"""Default `service.name`: with no namespace it is the `job` in Prometheus, scraped or through the collector."""

SCOPE = "orchestrator-telemetry"
"""Instrumentation scope of every signal."""

CLUSTER = "cluster"
AGENT_NAME = "agent_name"
LEVEL = "level"
STATE = "state"
RULE = "rule"
SOURCE = "source"
OUTCOME = "outcome"
CHANNEL = "channel"
TEAM = "team"
STATUS = "status"
SIGNAL = "signal"
REASON = "reason"
BACKEND = "backend"

SPAN_CHECK = "orchestrator.check"
SPAN_READ = "orchestrator.source.read"
SPAN_EVALUATE = "orchestrator.evaluate"
SPAN_NOTIFY = "orchestrator.notify"
"""One attempt to send a notification; linked to the checks that raised its alerts."""

EVENT_STATE_CHANGED = "orchestrator.agent.state_changed"
EVENT_ALERT = "orchestrator.alert"
"""Prefix of `orchestrator.alert.fired`, `.escalated`, `.deescalated`, `.resolved`, `.pending`, `.dropped`,
`.acknowledged` and `.dismissed`."""

_STATES = tuple((state, state.value) for state in State)


class Kind(Enum):
    """What an instrument is; the value is its TYPE in Prometheus text."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


Labels = tuple[str, ...]
"""Label values, in the order of the metric's `attributes`."""
Observation = tuple[Labels, float]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: how OpenTelemetry and Prometheus call it, and how its values are read from the picture.

    Attributes:
        name: The OpenTelemetry name.
        prometheus: The exact name in Prometheus; what every path (scrape, collector, remote write, OTLP) ends up with.
        kind: For counters the observed values are absolute.
        unit: UCUM, or an annotation in braces. Never «1», which some exporters turn into `_ratio`.
        attributes: The attribute keys, in the order of the labels that `observe` yields.
        observe: (picture, now) → observations. None for a histogram, which is recorded as it happens.
    """

    name: str
    prometheus: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...]
    observe: Callable[[Picture, float], Iterable[Observation]] | None


def _agent_up(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s.cluster, a.name), float(a.up)) for s in picture.snapshots for a in s.agents)


def _agent_idle_time(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s.cluster, a.name), a.idle_time(now)) for s in picture.snapshots for a in s.agents)


def _agent_restarts(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s.cluster, a.name), float(a.sample.restart_count)) for s in picture.snapshots for a in s.agents)


def _agent_state(picture: Picture, now: float) -> Iterable[Observation]:
    for snapshot in picture.snapshots:
        for agent in snapshot.agents:
            for state, text in _STATES:
                yield (snapshot.cluster, agent.name, text), float(agent.state is state)


def _agent_cpu_time(picture: Picture, now: float) -> Iterable[Observation]:
    for snapshot in picture.snapshots:
        for agent in snapshot.agents:
            used = agent.sample.detail.cpu_seconds
            if used is not None:
                yield (snapshot.cluster, agent.name), used


def _agent_memory(picture: Picture, now: float) -> Iterable[Observation]:
    for snapshot in picture.snapshots:
        for agent in snapshot.agents:
            held = agent.sample.detail.memory_bytes
            if held is not None:
                yield (snapshot.cluster, agent.name), float(held)


def _team_tasks(picture: Picture, now: float) -> Iterable[Observation]:
    for snapshot in picture.snapshots:
        for team in snapshot.tasks:
            for status in ("open", "in_progress", "blocked", "done"):
                yield (snapshot.cluster, team.team, status), float(getattr(team, status))


def _oldest_task(picture: Picture, now: float) -> Iterable[Observation]:
    for snapshot in picture.snapshots:
        for team in snapshot.tasks:
            yield (snapshot.cluster, team.team), max(0.0, now - team.oldest_at) if team.oldest_at else 0.0


def _cluster_agents(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s.cluster, text), float(s.count(state))) for s in picture.snapshots for state, text in _STATES)


def _cluster_alerts(picture: Picture, now: float) -> Iterable[Observation]:
    return (((cluster, level.value), float(count)) for (cluster, level), count in picture.alert_counts.items())


def _alert_active(picture: Picture, now: float) -> Iterable[Observation]:
    for (cluster, agent, rule, level), active in picture.active_alerts.items():
        yield (cluster, agent, rule, level.value), float(active)


def _alert_suppressed(picture: Picture, now: float) -> Iterable[Observation]:
    return ((name, float(quiet)) for name, quiet in picture.suppressed_alerts.items())


def _store_usable(picture: Picture, now: float) -> Iterable[Observation]:
    return () if picture.store_problem is None else (((), float(not picture.store_problem)),)


def _heartbeat(picture: Picture, now: float) -> Iterable[Observation]:
    return (((cluster,), at) for cluster, at in picture.heartbeats.items())


def _deliveries(picture: Picture, now: float) -> Iterable[Observation]:
    return ((labels, float(count)) for labels, count in picture.deliveries.items())


def _sent(picture: Picture, now: float) -> Iterable[Observation]:
    return (((signal,), float(held.sent)) for signal, held in picture.sending.items())


def _dropped(picture: Picture, now: float) -> Iterable[Observation]:
    for signal, held in picture.sending.items():
        for reason, count in held.dropped.items():
            yield (signal, reason), float(count)


def _spool_records(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s,), float(held.waiting)) for s, held in picture.sending.items() if held.waiting is not None)


def _spool_size(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s,), float(held.waiting_bytes)) for s, held in picture.sending.items() if held.waiting is not None)


def _spool_capacity(picture: Picture, now: float) -> Iterable[Observation]:
    return (((s,), float(held.capacity_bytes)) for s, held in picture.sending.items() if held.waiting is not None)


def _backend_up(picture: Picture, now: float) -> Iterable[Observation]:
    return (((one.name,), float(one.up)) for one in picture.outlets.backends if one.up is not None)


def _backend_usage(picture: Picture, now: float) -> Iterable[Observation]:
    return (((one.name, signal), part) for one in picture.outlets.backends for signal, part in one.usage.items())


def _of_backends(kind: str) -> Callable[[Picture, float], Iterable[Observation]]:
    def observe(picture: Picture, now: float) -> Iterable[Observation]:
        for one in picture.outlets.backends:
            for signal, count in getattr(one, kind).items():
                yield (one.name, signal), float(count)

    return observe


def _damaged_files(picture: Picture, now: float) -> Iterable[Observation]:
    damaged = picture.outlets.damaged_files
    return () if damaged is None else (((), float(damaged)),)


CHECK_DURATION = Metric(
    "orchestrator.monitor.check.duration",
    "orchestrator_monitor_check_duration_seconds",
    Kind.HISTOGRAM,
    "s",
    "How long a check of a cluster took.",
    (CLUSTER, SOURCE, OUTCOME),
    None,
)

METRICS: tuple[Metric, ...] = (
    Metric(
        "orchestrator.agent.up",
        "orchestrator_agent_up",
        Kind.GAUGE,
        "{agent}",
        "Whether the agent's process lives: 1 or 0.",
        (CLUSTER, AGENT_NAME),
        _agent_up,
    ),
    Metric(
        "orchestrator.agent.idle_time",
        "orchestrator_agent_idle_time_seconds",
        Kind.GAUGE,
        "s",
        "Time since the agent last did anything; 0 while it does not run.",
        (CLUSTER, AGENT_NAME),
        _agent_idle_time,
    ),
    Metric(
        "orchestrator.agent.restarts",
        "orchestrator_agent_restarts_total",
        Kind.COUNTER,
        "{restart}",
        "How often the agent was started again.",
        (CLUSTER, AGENT_NAME),
        _agent_restarts,
    ),
    Metric(
        "orchestrator.cluster.alerts",
        "orchestrator_cluster_alerts_total",
        Kind.COUNTER,
        "{alert}",
        "Alerts by the level they entered; a repeat does not count.",
        (CLUSTER, LEVEL),
        _cluster_alerts,
    ),
    Metric(
        "orchestrator.agent.state",
        "orchestrator_agent_state",
        Kind.GAUGE,
        "{agent}",
        "1 for the state the agent is in, 0 for every other.",
        (CLUSTER, AGENT_NAME, STATE),
        _agent_state,
    ),
    Metric(
        "orchestrator.cluster.agents",
        "orchestrator_cluster_agents",
        Kind.GAUGE,
        "{agent}",
        "Agents of the cluster by state.",
        (CLUSTER, STATE),
        _cluster_agents,
    ),
    Metric(
        "orchestrator.agent.cpu_time",
        "orchestrator_agent_cpu_time_seconds_total",
        Kind.COUNTER,
        "s",
        "Processor time that the agent's process has used, where its source knows it; from 0 after a restart.",
        (CLUSTER, AGENT_NAME),
        _agent_cpu_time,
    ),
    Metric(
        "orchestrator.agent.memory",
        "orchestrator_agent_memory_bytes",
        Kind.GAUGE,
        "By",
        "Memory that the agent's process holds, where its source knows it.",
        (CLUSTER, AGENT_NAME),
        _agent_memory,
    ),
    Metric(
        "orchestrator.team.tasks",
        "orchestrator_team_tasks",
        Kind.GAUGE,
        "{task}",
        "Tasks of a team of agents by status: open, in_progress, blocked or done.",
        (CLUSTER, TEAM, STATUS),
        _team_tasks,
    ),
    Metric(
        "orchestrator.team.oldest_task_age",
        "orchestrator_team_oldest_task_age_seconds",
        Kind.GAUGE,
        "s",
        "Age of a team's oldest task that is not done; 0 where there is none.",
        (CLUSTER, TEAM),
        _oldest_task,
    ),
    Metric(
        "orchestrator.alert.active",
        "orchestrator_alert_active",
        Kind.GAUGE,
        "{alert}",
        "1 while the alert is open, 0 for a while after.",
        (CLUSTER, AGENT_NAME, RULE, LEVEL),
        _alert_active,
    ),
    Metric(
        "orchestrator.alert.suppressed",
        "orchestrator_alert_suppressed",
        Kind.GAUGE,
        "{alert}",
        "1 while nobody is told of the alert: it is silenced, inhibited or in maintenance; 0 otherwise.",
        (CLUSTER, AGENT_NAME, RULE),
        _alert_suppressed,
    ),
    Metric(
        "orchestrator.monitor.heartbeat_time",
        "orchestrator_monitor_heartbeat_time_seconds",
        Kind.GAUGE,
        "s",
        "Unix time of the last finished check.",
        (CLUSTER,),
        _heartbeat,
    ),
    CHECK_DURATION,
    Metric(
        "orchestrator.notification.deliveries",
        "orchestrator_notification_deliveries_total",
        Kind.COUNTER,
        "{notification}",
        "Attempts to send a notification, by channel and outcome: delivered, retry or failed.",
        (CHANNEL, OUTCOME),
        _deliveries,
    ),
    Metric(
        "orchestrator.store.usable",
        "orchestrator_store_usable",
        Kind.GAUGE,
        "{store}",
        "Whether the store can be read and written: 1, or 0 while alerts go on from memory.",
        (),
        _store_usable,
    ),
    Metric(
        "orchestrator.otlp.sent",
        "orchestrator_otlp_sent_total",
        Kind.COUNTER,
        "{record}",
        "Log records and spans that the collector took from this process.",
        (SIGNAL,),
        _sent,
    ),
    Metric(
        "orchestrator.otlp.dropped",
        "orchestrator_otlp_dropped_total",
        Kind.COUNTER,
        "{record}",
        "Log records and spans that are lost: queue_full or shut_down (the SDK's queue), spool_full, no_disk, damaged, "
        "refused (by the collector, for good), unwritable, undelivered (without a spool).",
        (SIGNAL, REASON),
        _dropped,
    ),
    Metric(
        "orchestrator.spool.records",
        "orchestrator_spool_records",
        Kind.GAUGE,
        "{record}",
        "Log records and spans that wait on disk until the collector takes them.",
        (SIGNAL,),
        _spool_records,
    ),
    Metric(
        "orchestrator.spool.size",
        "orchestrator_spool_size_bytes",
        Kind.GAUGE,
        "By",
        "Disk that the spool takes.",
        (SIGNAL,),
        _spool_size,
    ),
    Metric(
        "orchestrator.spool.capacity",
        "orchestrator_spool_capacity_bytes",
        Kind.GAUGE,
        "By",
        "Disk that the spool may take; beyond that the oldest records go.",
        (SIGNAL,),
        _spool_capacity,
    ),
    Metric(
        "orchestrator.backend.up",
        "orchestrator_backend_up",
        Kind.GAUGE,
        "{backend}",
        "Whether a backend takes what the collector sends: 1, or 0 while it fails, takes nothing, or its queue is 70 % "
        "full; left out while nobody can tell.",
        (BACKEND,),
        _backend_up,
    ),
    Metric(
        "orchestrator.backend.queue_usage",
        "orchestrator_backend_queue_usage",
        Kind.GAUGE,
        "{fraction}",
        "How full the collector's queue for a backend is, 0 to 1.",
        (BACKEND, SIGNAL),
        _backend_usage,
    ),
    Metric(
        "orchestrator.backend.sent",
        "orchestrator_backend_sent_total",
        Kind.COUNTER,
        "{record}",
        "Metric points, log records and spans that a backend took, since the collector's start.",
        (BACKEND, SIGNAL),
        _of_backends("sent"),
    ),
    Metric(
        "orchestrator.backend.failed",
        "orchestrator_backend_failed_total",
        Kind.COUNTER,
        "{record}",
        "Those that the collector gave up: they are lost.",
        (BACKEND, SIGNAL),
        _of_backends("failed"),
    ),
    Metric(
        "orchestrator.backend.refused",
        "orchestrator_backend_refused_total",
        Kind.COUNTER,
        "{record}",
        "Those that were not taken for a backend, its queue being full for example; another backend may have them.",
        (BACKEND, SIGNAL),
        _of_backends("refused"),
    ),
    Metric(
        "orchestrator.collector.damaged_files",
        "orchestrator_collector_damaged_files_total",
        Kind.COUNTER,
        "{file}",
        "Files of the collector's queues that were damaged at its start and set aside: what they held is not sent.",
        (),
        _damaged_files,
    ),
)
"""Every metric, in the order of /metrics."""
