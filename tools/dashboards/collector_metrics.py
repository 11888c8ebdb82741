"""The collector's own metrics that a dashboard names, and where each comes from.

Most are not ours, and may be renamed by a new version of the collector: a test compares the list with the page of the
real one. The names are those that otel-collector/config/base.yaml asks for (without `_total` and units).
"""

from __future__ import annotations

from typing import NamedTuple

_RECEIVERS = "go.opentelemetry.io/collector/receiver/receiverhelper"
_EXPORTERS = "go.opentelemetry.io/collector/exporter/exporterhelper"
_PROCESS = "go.opentelemetry.io/collector/service"
_SIGNALS = ("log_records", "metric_points", "spans")


class CollectorMetric(NamedTuple):
    """One of them.

    Attributes:
        name: As its page has it.
        source: Which package counts it.
        at_once: Whether it is there from the start; otherwise only after the first time it counts something.
    """

    name: str
    source: str
    at_once: bool = True


COLLECTOR_METRICS = (
    *(CollectorMetric(f"otelcol_receiver_accepted_{signal}", _RECEIVERS) for signal in _SIGNALS),
    *(CollectorMetric(f"otelcol_receiver_refused_{signal}", _RECEIVERS) for signal in _SIGNALS),
    *(CollectorMetric(f"otelcol_exporter_sent_{signal}", _EXPORTERS) for signal in _SIGNALS),
    *(CollectorMetric(f"otelcol_exporter_send_failed_{signal}", _EXPORTERS, at_once=False) for signal in _SIGNALS),
    *(CollectorMetric(f"otelcol_exporter_enqueue_failed_{signal}", _EXPORTERS, at_once=False) for signal in _SIGNALS),
    CollectorMetric("otelcol_exporter_queue_size", _EXPORTERS),
    CollectorMetric("otelcol_exporter_queue_capacity", _EXPORTERS),
    *(CollectorMetric(f"otelcol_connector_refused_{signal}", "otel-collector/forwardconnector") for signal in _SIGNALS),
    CollectorMetric("otelcol_storage_damaged_files", "otel-collector/filestorageextension"),
    CollectorMetric("otelcol_process_memory_rss", _PROCESS),
    CollectorMetric("otelcol_process_cpu_seconds", _PROCESS),
    CollectorMetric("otelcol_process_uptime", _PROCESS),
)
