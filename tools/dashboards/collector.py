"""The panels of *Pipeline* about the collector itself, from its own metrics."""

from __future__ import annotations

from grafana_foundation_sdk.builders import prometheus, stat, timeseries

from telemetry.collector.course import NEARLY_FULL
from tools.dashboards.looks import as_lines, steps
from tools.dashboards.panels import QUARTER, THIRD, now, plot, series, tiles
from tools.dashboards.selecting import of_collectors

_SIGNALS = {"log_records": "logs", "metric_points": "metrics", "spans": "traces"}
_REFS = "ABC"
_RATE = "rate $__rate_interval"


def panels() -> list[stat.Panel | timeseries.Panel]:
    """All of them, in order."""
    return [
        *(panel.span(QUARTER) for panel in (uptime(), given_up(), turned_away(), damaged())),
        *(panel.span(THIRD) for panel in (received(), refused(), sent())),
        *(panel.span(THIRD) for panel in (queues(), memory(), cpu())),
    ]


def uptime() -> stat.Panel:
    """Since when it runs."""
    runs = of_collectors("otelcol_process_uptime")
    return tiles("Uptime", "Since when each collector runs.", "s", now(runs, "{{instance}}")).decimals(0)


def given_up() -> stat.Panel:
    """What it lost."""
    # its counters are not there before the first time they count: 0 only where a collector is seen
    failed = of_collectors("otelcol_exporter_(send|enqueue)_failed_.+")
    none = f"0 * max({of_collectors('otelcol_process_uptime')})"
    panel = tiles(
        "Given Up",
        "What exporters gave up since the collector's start, a backend having refused it for good, for example.",
        "none",
        now(f"sum({failed})\n  or\n{none}", "given up"),
    )
    return panel.thresholds(steps((1, "red")))


def turned_away() -> stat.Panel:
    """What had no room."""
    refused = f"sum by (backend) ({of_collectors('otelcol_connector_refused_.+')})"
    panel = tiles(
        "Turned Away",
        "What was not taken for each backend since the collector's start, its queue being full.",
        "none",
        now(refused, "{{backend}}"),
    )
    return panel.thresholds(steps((1, "red")))


def damaged() -> stat.Panel:
    """Queues that were set aside."""
    panel = tiles(
        "Damaged Queue Files",
        "Files of queues that were damaged at the collector's start and set aside: what they held was not sent. Its "
        "log says under which names they are kept.",
        "none",
        now(f"sum({of_collectors('otelcol_storage_damaged_files')})", "files"),
    )
    return panel.thresholds(steps((1, "red")))


def received() -> timeseries.Panel:
    """What comes in."""
    about = "Log records, metric points and spans a second that the collector took from senders."
    return plot("Received", about, "suffix: /s", *_by_signal("otelcol_receiver_accepted_{}"))


def refused() -> timeseries.Panel:
    """What it didn't take."""
    about = (
        "What the collector didn't take from senders: over its memory limit, or with every backend's queue full. "
        "The monitors keep it and try again."
    )
    return plot("Refused to Senders", about, "suffix: /s", *_by_signal("otelcol_receiver_refused_{}"))


def sent() -> timeseries.Panel:
    """What goes out."""
    queries = [
        series(
            f"sum by (exporter) ({of_collectors(f'otelcol_exporter_sent_{signal}', within=_RATE)})",
            f"{{{{exporter}}}} {name}",
            ref,
        )
        for ref, (signal, name) in zip(_REFS, _SIGNALS.items(), strict=True)
    ]
    about = "Log records, metric points and spans a second that each exporter got rid of."
    return plot("Sent", about, "suffix: /s", *queries)


def queues() -> timeseries.Panel:
    """How full its queues are."""
    usage = f"{of_collectors('otelcol_exporter_queue_size')}\n  /\n{of_collectors('otelcol_exporter_queue_capacity')}"
    panel = plot(
        "Exporter Queues",
        "How full the queue of each exporter is. A slope is a backend that is down or too slow; at 100 % records are "
        "turned away.",
        "percentunit",
        series(f"max by (exporter, data_type) ({usage})", "{{exporter}} {{data_type}}"),
    )
    return panel.max(1).thresholds(steps((NEARLY_FULL, "red"), below="transparent")).thresholds_style(as_lines())


def memory() -> timeseries.Panel:
    """What it holds."""
    held = of_collectors("otelcol_process_memory_rss")
    about = "Memory of each collector. Near its limit (ORCHESTRATOR_COLLECTOR_MEMORY_MIB) it refuses what it is sent."
    return plot("Collector Memory", about, "bytes", series(held, "{{instance}}"))


def cpu() -> timeseries.Panel:
    """What it takes."""
    used = of_collectors("otelcol_process_cpu_seconds", within=_RATE)
    about = "Processors that each collector keeps busy."
    return plot("Collector Processor", about, "percentunit", series(used, "{{instance}}"))


def _by_signal(name: str) -> list[prometheus.Dataquery]:
    return [
        series(f"sum({of_collectors(name.format(signal), within=_RATE)})", shown, ref)
        for ref, (signal, shown) in zip(_REFS, _SIGNALS.items(), strict=True)
    ]
