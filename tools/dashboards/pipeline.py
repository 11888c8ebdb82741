"""*Pipeline*: whether what is told also arrives. The monitor, its spool, the backends, the collector."""

from __future__ import annotations

from grafana_foundation_sdk.builders import stat, timeseries
from grafana_foundation_sdk.models import dashboard

from telemetry.collector.course import NEARLY_FULL
from telemetry.signals.semconv import BACKEND, CHANNEL, OUTCOME, REASON, SIGNAL, SOURCE
from tools.dashboards import collector
from tools.dashboards.frame import PIPELINE, clusters, collectors, environment, filled, frame
from tools.dashboards.looks import as_lines, shown_as, steps
from tools.dashboards.overview import last_check
from tools.dashboards.panels import HALF, QUARTER, THIRD, WHOLE, now, plot, series, tiles
from tools.dashboards.selecting import of_clusters, of_monitors

_FULL = steps((NEARLY_FULL, "red"), below="transparent")
_BY_BACKEND = f"{{{{{BACKEND}}}}} {{{{{SIGNAL}}}}}"


def built() -> dashboard.Dashboard:
    """The dashboard."""
    about = "Whether what the monitor sees also arrives: its checks, its spool, each backend, and the collector itself."
    board = frame(PIPELINE, "Pipeline", about)
    board = board.with_variable(environment()).with_variable(clusters()).with_variable(collectors())
    return filled(
        board,
        {
            "Monitor": [
                *(panel.span(QUARTER) for panel in (last_check(), store(), waiting(), lost())),
                check_duration().span(HALF),
                notifications().span(HALF),
            ],
            "Spool": [spool().span(THIRD), spool_usage().span(THIRD), dropped().span(THIRD)],
            "Backends, as the Monitor Sees Them": [
                backends().span(WHOLE),
                backend_queues().span(THIRD),
                backend_sent().span(THIRD),
                backend_lost().span(THIRD),
            ],
            "Collector": collector.panels(),
        },
    )


def store() -> stat.Panel:
    """Whether alerts outlast a restart."""
    usable = of_monitors("orchestrator.store.usable")
    panel = tiles(
        "Store",
        "Whether each monitor can read and write its store. Without it alerts go on from memory, and a restart loses "
        "them.",
        "none",
        now(f"min({usable})", "store"),
    )
    return panel.mappings([shown_as({"1": ("USABLE", "green"), "0": ("IN MEMORY ONLY", "red")})])


def waiting() -> stat.Panel:
    """How much the collector has not taken yet."""
    panel = tiles(
        "Waiting in Spools",
        "Log records and spans that wait on the monitors' disks until the collector takes them.",
        "none",
        now(f"sum({of_monitors('orchestrator.spool.records')})", "waiting"),
    )
    return panel.thresholds(steps((1000, "yellow"), (100_000, "red")))


def lost() -> stat.Panel:
    """How much nobody has."""
    panel = tiles(
        "Lost on the Way",
        "Log records and spans of monitors that are lost, and what the collector gave up or turned away for a "
        "backend, in the time that is shown.",
        "none",
        now(f"sum({of_monitors('orchestrator.otlp.dropped', within='increase $__range')})", "by monitors"),
        now(f"sum({of_monitors('orchestrator.backend.failed', within='increase $__range')})", "given up", "B"),
        now(f"sum({of_monitors('orchestrator.backend.refused', within='increase $__range')})", "turned away", "C"),
    )
    return panel.decimals(0).thresholds(steps((1, "red")))


def check_duration() -> timeseries.Panel:
    """How long checks take."""
    buckets = of_clusters("orchestrator.monitor.check.duration", within="rate $__rate_interval")
    buckets = buckets.replace("check_duration_seconds{", "check_duration_seconds_bucket{")
    by_source = f"({SOURCE}, le)"
    return plot(
        "Check Duration",
        "How long a check of a cluster takes, by source: the median, and what one in a hundred exceeds. What comes "
        "near the check interval delays alerts.",
        "s",
        series(f"histogram_quantile(0.5, sum by {by_source} ({buckets}))", f"{{{{{SOURCE}}}}} median"),
        series(f"histogram_quantile(0.99, sum by {by_source} ({buckets}))", f"{{{{{SOURCE}}}}} 99 %", "B"),
    )


def notifications() -> timeseries.Panel:
    """Whether people are reached."""
    attempts = of_monitors("orchestrator.notification.deliveries", within="increase $__rate_interval")
    return plot(
        "Notifications",
        "Attempts to tell somebody, by channel and outcome. A retry is tried again; what failed was given up.",
        "none",
        series(f"sum by ({CHANNEL}, {OUTCOME}) ({attempts})", f"{{{{{CHANNEL}}}}}: {{{{{OUTCOME}}}}}"),
    )


def spool() -> timeseries.Panel:
    """What waits on disk."""
    waits = f"sum by ({SIGNAL}) ({of_monitors('orchestrator.spool.records')})"
    about = "Log records and spans that wait on disk while the collector doesn't take them. A slope is an outage."
    return plot("Spool", about, "none", series(waits, f"{{{{{SIGNAL}}}}}"))


def spool_usage() -> timeseries.Panel:
    """How full the spool is."""
    size, capacity = (
        f"sum by (instance, {SIGNAL}) ({of_monitors(f'orchestrator.spool.{what}')})" for what in ("size", "capacity")
    )
    panel = plot(
        "Spool Usage",
        "How full the spool of the fullest monitor is. At 100 % its oldest records go.",
        "percentunit",
        series(f"max by ({SIGNAL}) ({size}\n  /\n{capacity})", f"{{{{{SIGNAL}}}}}"),
    )
    return panel.max(1).thresholds(_FULL).thresholds_style(as_lines())


def dropped() -> timeseries.Panel:
    """What is lost before it leaves a monitor."""
    gone = of_monitors("orchestrator.otlp.dropped", within="increase $__rate_interval")
    return plot(
        "Dropped by Monitors",
        "Log records and spans that are lost before they leave a monitor, by reason. The log file still has the "
        "records.",
        "none",
        series(
            f"sum by ({SIGNAL}, {REASON}) ({gone}) > 0\n  or\nsum by ({SIGNAL}) ({gone})",
            f"{{{{{SIGNAL}}}}} {{{{{REASON}}}}}",
        ),
    )


def backends() -> stat.Panel:
    """Which backends take what they are sent."""
    panel = tiles(
        "Backends",
        "Whether each backend takes what the collector sends it: down while it fails, takes nothing, or its queue is "
        "nearly full. Of several monitors the worst word is shown.",
        "none",
        now(f"min by ({BACKEND}) ({of_monitors('orchestrator.backend.up')})", f"{{{{{BACKEND}}}}}"),
    )
    return panel.mappings([shown_as({"1": ("TAKES", "green"), "0": ("DOWN", "red")})])


def backend_queues() -> timeseries.Panel:
    """How full the collector's queues are."""
    usage = f"max by ({BACKEND}, {SIGNAL}) ({of_monitors('orchestrator.backend.queue_usage')})"
    panel = plot(
        "Backend Queues",
        "How full the collector's queue for each backend is. What doesn't fit is turned away.",
        "percentunit",
        series(usage, _BY_BACKEND),
    )
    return panel.max(1).thresholds(_FULL).thresholds_style(as_lines())


def backend_sent() -> timeseries.Panel:
    """What arrives."""
    sent = (
        f"sum by ({BACKEND}, {SIGNAL}) ({of_monitors('orchestrator.backend.sent', within='rate $__rate_interval')}) > 0"
    )
    about = "Metric points, log records and spans a second that each backend took."
    return plot("Sent to Backends", about, "suffix: /s", series(sent, _BY_BACKEND))


def backend_lost() -> timeseries.Panel:
    """What doesn't."""
    failed, refused = (
        f"sum by ({BACKEND}) ({of_monitors(f'orchestrator.backend.{what}', within='increase $__rate_interval')})"
        for what in ("failed", "refused")
    )
    return plot(
        "Lost for Backends",
        "What the collector gave up for a backend, and what it turned away because the backend's queue was full.",
        "none",
        series(failed, f"{{{{{BACKEND}}}}}: given up"),
        series(refused, f"{{{{{BACKEND}}}}}: turned away", "B"),
    )
