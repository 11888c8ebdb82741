"""The only place that builds OpenTelemetry SDK providers, from the standard OTEL_* variables.

Built only where the program has none of its own, and only when asked for: a signal is exported when an endpoint or an
exporter variable is set, never by the SDK's silent default. Everything heavy is imported when a signal needs it.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from telemetry.signals import otlp
from telemetry.signals.otel_environment import SIGNALS, TelemetryError, check, protocol, wanted
from telemetry.signals.outcomes import Outcomes
from telemetry.signals.resource import build_resource
from telemetry.signals.spool.counts import Counts
from telemetry.signals.spool.queue_drops import counted

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader

    from telemetry.signals.spool.place import Spool, SpoolOptions

_log = logging.getLogger(__name__)

_LOGS_A_REQUEST = 128
_LOGS_QUEUED = 4096
"""Records before the SDK drops one (its own default: 2,048)."""
_SPANS_EVERY = 1000
"""Milliseconds that a span waits in memory, as a log record does: what `kill -9` costs (the SDK's default: 5,000)."""
_ENDS_METRICS = "telemetry-end-metrics"
_MOST_SERIES = 1_000_000
"""Series for each instrument before the SDK folds the rest into one overflow series (its own default: 2,000)."""


@dataclass
class Providers:
    """The providers that we built; None (or empty) for a signal that the program had, or that nobody wants."""

    tracer: Any = None
    meter: Any = None
    logger: Any = None
    readers: list[MetricReader] = field(default_factory=list)
    outcomes: Outcomes = field(default_factory=Outcomes)
    counts: Counts = field(default_factory=Counts)
    spool: Spool | None = None
    _wake: threading.Event = field(default_factory=threading.Event)
    _over: threading.Event = field(default_factory=threading.Event)
    _flusher: threading.Thread | None = None

    @property
    def built(self) -> tuple[str, ...]:
        """The signals that are exported by us."""
        held = {"traces": self.tracer, "metrics": self.meter, "logs": self.logger}
        return tuple(signal for signal, provider in held.items() if provider is not None)

    def exporter(self, signal: str, spoken: str) -> Any:
        """The OTLP exporter of `logs` or `traces`: through the spool where there is one."""
        return otlp.exporter(signal, spoken, self.spool, self.counts, self.outcomes)

    def flush_soon(self) -> None:
        """Has everything sent now, not at the next interval. Returns at once; calls that come together are one."""
        if not self.built:
            return
        if self._flusher is None:
            self._flusher = threading.Thread(target=self._flush_when_woken, name="telemetry-flush", daemon=True)
            self._flusher.start()
        self._wake.set()

    def _flush_when_woken(self) -> None:
        while self._wake.wait() and not self._over.is_set():
            self._wake.clear()
            try:
                self._flush(10_000)
            except Exception:  # noqa: BLE001 - an exporter's fault must not end the flushing of the others for good
                _log.exception("flushing failed")

    def _flush(self, timeout_millis: int) -> None:
        # The readers one by one: MeterProvider.force_flush() would make the SDK's Prometheus reader repeat its series.
        for part in (*self.readers, self.logger, self.tracer):
            if part is not None:
                part.force_flush(timeout_millis)

    def shutdown(self, timeout: float = 3.0) -> bool:
        """Sends what is left and ends, within `timeout` seconds whatever the exporters do. False: it was too short.

        What can't be sent by then stays in the spool, where there is one; else it is lost.
        Once: calling it again, as at the interpreter's end, does nothing.
        """
        if not self.built or self._over.is_set():
            return True
        self._over.set()
        self._wake.set()
        parts = {"telemetry-end-traces": self.tracer, _ENDS_METRICS: self.meter, "telemetry-end-logs": self.logger}
        threads = [
            threading.Thread(target=part.shutdown, name=name, daemon=True)
            for name, part in parts.items()
            if part is not None
        ]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + timeout
        for thread in threads:
            if self.spool is None or thread.name != _ENDS_METRICS:  # the spool's time is not the metrics' to wait in
                thread.join(max(0.0, deadline - time.monotonic()))
        sent = self.spool.close(deadline - time.monotonic()) if self.spool is not None else True
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return sent and not any(thread.is_alive() for thread in threads)


def build(
    environ: Mapping[str, str] | None = None,
    *,
    instance: str = "",
    environment: str = "",
    spool: SpoolOptions | None = None,
) -> Providers:
    """Builds and sets the global providers that the environment asks for and the program doesn't have.

    Args:
        environ: The OTEL_* variables; default: the process's own (exporters read those in any case).
        instance: What tells this monitor from another on the same host, across restarts: the path of its store.
        environment: `deployment.environment.name`.
        spool: Where logs and spans wait that can't be sent; None: nowhere, they are lost.

    Raises:
        TelemetryError: A variable is wrong; nothing was built then.
    """
    environ = os.environ if environ is None else environ
    check(environ)
    plan = {signal: (wanted(signal, environ), protocol(signal, environ)) for signal in SIGNALS}
    providers = Providers()
    if not any(exporters for exporters, _ in plan.values()):
        return providers
    resource = build_resource(instance=instance, environment=environment)
    makers: dict[str, Callable[[Providers, tuple[str, ...], str, Any], None]] = {
        "metrics": _build_metrics,  # first: a port of the Prometheus exporter may be held
        "traces": _build_traces,
        "logs": _build_logs,
    }
    if spool is not None and any("otlp" in plan[signal][0] and not _has_own(signal) for signal in ("logs", "traces")):
        providers.spool = otlp.spool(spool, environ, providers.counts, providers.outcomes)
    try:
        for signal, make in makers.items():
            exporters, spoken = plan[signal]
            if exporters and not _has_own(signal):
                make(providers, exporters, spoken, resource)
    except TelemetryError:
        providers.shutdown(0.0)
        if providers.spool is not None:
            providers.spool.close(0.0)
        raise
    _set_globals(providers)
    atexit.register(providers.shutdown)
    return providers


def _set_globals(providers: Providers) -> None:
    from opentelemetry import _logs, metrics, trace

    if providers.tracer is not None:
        trace.set_tracer_provider(providers.tracer)
    if providers.meter is not None:
        metrics.set_meter_provider(providers.meter)
    if providers.logger is not None:
        _logs.set_logger_provider(providers.logger)


def _has_own(signal: str) -> bool:
    """Whether the program set a provider of its own: whatever is set is no proxy."""
    from opentelemetry import _logs, metrics, trace  # cheap, but not for --help

    current: Any = {
        "traces": trace.get_tracer_provider,
        "metrics": metrics.get_meter_provider,
        "logs": _logs.get_logger_provider,
    }[signal]()
    return "Proxy" not in type(current).__name__


def _build_traces(providers: Providers, exporters: tuple[str, ...], spoken: str, resource: Any) -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

    from telemetry.signals.span_masking import masked

    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for name in exporters:
        if name == "console":
            exporter: Any = ConsoleSpanExporter()
        else:
            exporter = providers.exporter("traces", spoken)
        delay = None if os.environ.get("OTEL_BSP_SCHEDULE_DELAY") else _SPANS_EVERY
        processor = BatchSpanProcessor(masked(exporter), schedule_delay_millis=delay)
        provider.add_span_processor(counted(processor, "traces", providers.counts))
    providers.tracer = provider


def _build_metrics(providers: Providers, exporters: tuple[str, ...], spoken: str, resource: Any) -> None:
    from opentelemetry.sdk import metrics as sdk
    from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader

    limits = series_limits()
    others: list[MetricReader] = []
    for name in exporters:
        if name == "prometheus":
            others.append(_prometheus_reader(limits))
            continue
        if name == "console":
            exporter: Any = ConsoleMetricExporter()
        elif spoken == "grpc":
            exporter = providers.outcomes.of(otlp.grpc_exporters("metrics").OTLPMetricExporter(), "metrics")
        else:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            exporter = providers.outcomes.of(OTLPMetricExporter(), "metrics")
        providers.readers.append(PeriodicExportingMetricReader(exporter, cardinality_limits=limits))
    provider = sdk.MeterProvider([*providers.readers, *others], resource=resource, shutdown_on_exit=False)
    providers.meter = provider


def series_limits() -> Any:
    """Limits for a reader under which thousands of agents never fall into the SDK's overflow series."""
    from opentelemetry.sdk import metrics as sdk

    return dict.fromkeys((sdk.Histogram, sdk.ObservableCounter, sdk.ObservableGauge), _MOST_SERIES)


def _prometheus_reader(limits: Any) -> MetricReader:
    """The SDK's own exporter on a page of its own, without what else is in prometheus_client's default registry."""
    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from prometheus_client import CollectorRegistry, start_http_server

    host = os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "localhost")
    text = os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT", "9464")
    if not text.isdecimal() or not 0 < int(text) < 65536:  # noqa: PLR2004 - the range of ports
        raise TelemetryError(f"OTEL_EXPORTER_PROMETHEUS_PORT: {text!r} is not a port; allowed are 1 to 65535")
    registry = CollectorRegistry()
    try:
        start_http_server(int(text), host, registry)
    except OSError as error:
        raise TelemetryError(
            f"OTEL_EXPORTER_PROMETHEUS_PORT: can't listen on {host}:{text}: {error.strerror}"
        ) from error
    return PrometheusMetricReader(registry=registry, cardinality_limits=limits)


def _build_logs(providers: Providers, exporters: tuple[str, ...], spoken: str, resource: Any) -> None:
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, ConsoleLogRecordExporter

    provider = LoggerProvider(resource=resource, shutdown_on_exit=False)
    for name in exporters:
        if name == "console":
            exporter: Any = ConsoleLogRecordExporter()
        else:
            exporter = providers.exporter("logs", spoken)
        # A record may be 300 kB: the SDK's 512 a request could be more than a collector takes.
        # Many thousands may come at once, as when a host with a thousand agents is seen for the first time.
        set_by_user = any(map(os.environ.get, ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "OTEL_BLRP_MAX_QUEUE_SIZE")))
        batch, queue = (None, None) if set_by_user else (_LOGS_A_REQUEST, _LOGS_QUEUED)
        processor = BatchLogRecordProcessor(exporter, max_export_batch_size=batch, max_queue_size=queue)
        provider.add_log_record_processor(counted(processor, "logs", providers.counts))
    providers.logger = provider
