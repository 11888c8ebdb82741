"""A metric, a log line and a span that carry a mark, sent as the monitor sends: by the SDK's own OTLP exporters."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from telemetry.doctor.asking import UNAUTHORIZED, UNAVAILABLE
from telemetry.doctor.finding import one_line
from telemetry.signals.otel_environment import SIGNALS, TelemetryError, check, protocol, wanted

METRIC = "orchestrator.doctor.probe"
PROMETHEUS_METRIC = "orchestrator_doctor_probe"
"""The same where dots aren't allowed."""
SPAN = "orchestrator.doctor"
EVENT = "orchestrator.doctor.probe"
SENT_WITHIN = 4.0
"""Seconds for a request, with the exporter's own tries."""
_SDK = "opentelemetry"
_BAD_HEADERS = "Header format invalid"
"""By which the SDK says so, and quotes them."""
_STATUS = re.compile(r"code: (\d{3}), reason: (.*)", re.DOTALL)
_REFUSED = re.compile(r"(Connection refused|No route to host|Network is unreachable|Connection reset)")
_AGAIN = re.compile(r"Transient error (.*?) encountered", re.DOTALL)
_NO_NAME = re.compile(r"Name or service not known|Failed to resolve|nodename nor servname|name resolution")


@dataclass(frozen=True, slots=True)
class Probe:
    """What is sent.

    Attributes:
        number: The value of the metric: it differs from run to run, so that no series is left behind by each.
        record_id: Of the log line.
        trace_id: Of the span, and of the log line (32 hex digits).
        service: `service.name`, as configured.
    """

    number: int
    record_id: str
    trace_id: str
    service: str


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one signal.

    Attributes:
        signal: `metrics`, `logs` or `traces`.
        problem: Why the endpoint didn't take it; "" where it did.
        status: The HTTP status of the refusal, 0 where there was none.
        is_unreachable: Nobody took the connection.
        is_silent: Somebody took it, and nothing came back.
        has_no_name: The endpoint's host has no address.
    """

    signal: str
    problem: str = ""
    status: int = 0
    is_unreachable: bool = False
    is_silent: bool = False
    has_no_name: bool = False


async def send(environ: Mapping[str, str], now: float, instance: str) -> tuple[Probe, list[Sent]]:
    """Sends the three signals side by side, each unless the environment turns it off.

    Raises:
        TelemetryError: An OTEL_* variable is wrong.
    """
    check(environ)
    signals = [signal for signal in SIGNALS if "otlp" in (wanted(signal, environ) or ())]
    said: dict[str, list[str]] = {signal: [] for signal in (*signals, "")}
    with _listening(lambda signal, line: said.setdefault(signal, []).append(line)):
        with _as_environment(environ):
            probe, parts = await asyncio.to_thread(_made, now, instance)
            exporters = {signal: await asyncio.to_thread(_exporter, signal, environ) for signal in signals}
        if any(_BAD_HEADERS in line for lines in said.values() for line in lines):
            raise TelemetryError("OTEL_EXPORTER_OTLP_HEADERS can't be read: it must be name=value,… with %-escapes")
        tries = (asyncio.to_thread(_export, exporters[signal], parts[signal]) for signal in signals)
        taken = await asyncio.gather(*tries)
    return probe, [_sent(signal, ok, said[signal]) for signal, ok in zip(signals, taken, strict=True)]


def _made(now: float, instance: str) -> tuple[Probe, dict[str, Any]]:
    """The probe, and what an exporter of each signal takes."""
    from opentelemetry.sdk._logs import LoggerProvider
    from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.sdk.trace.sampling import ALWAYS_ON

    from telemetry.signals.resource import build_resource
    from telemetry.signals.semconv import SCOPE

    resource = build_resource(instance=f"{instance} doctor")
    spans, reader = InMemorySpanExporter(), InMemoryMetricReader()
    records = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]  # the SDK's own gap
    tracers = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(spans))
    loggers = LoggerProvider(resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(records))
    meters = MeterProvider([reader], resource, shutdown_on_exit=False)

    number, record_id = int(now * 1000), f"doctor-{secrets.token_hex(12)}"
    meters.get_meter(SCOPE).create_gauge(METRIC, description="What doctor sent last").set(number)
    with tracers.get_tracer(SCOPE).start_as_current_span(SPAN) as span:
        span.set_attribute("record_id", record_id)
        _log(loggers.get_logger(SCOPE), now, record_id)
    context = span.get_span_context()
    service = str(resource.attributes["service.name"])
    probe = Probe(number, record_id, format(context.trace_id, "032x"), service)
    parts = {
        "metrics": reader.get_metrics_data(),
        "logs": records.get_finished_logs(),
        "traces": spans.get_finished_spans(),
    }
    return probe, parts


def _log(logger: Any, now: float, record_id: str) -> None:
    from opentelemetry._logs import LogRecord, SeverityNumber

    logger.emit(
        LogRecord(
            timestamp=int(now * 1e9),
            severity_number=SeverityNumber.INFO,
            severity_text="INFO",
            body="doctor tries whether log lines arrive",
            attributes={"record_id": record_id},
            event_name=EVENT,
        )
    )


def _exporter(signal: str, environ: Mapping[str, str]) -> Any:
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from telemetry.signals.otlp import grpc_exporters

    if protocol(signal, environ) == "grpc":
        module = grpc_exporters(signal)
        name = {"metrics": "OTLPMetricExporter", "logs": "OTLPLogExporter", "traces": "OTLPSpanExporter"}[signal]
        return getattr(module, name)(timeout=SENT_WITHIN)
    kinds: dict[str, Any] = {"metrics": OTLPMetricExporter, "logs": OTLPLogExporter, "traces": OTLPSpanExporter}
    return kinds[signal](timeout=SENT_WITHIN)


def _export(exporter: Any, part: Any) -> bool:
    try:
        return str(exporter.export(part).name) == "SUCCESS"
    finally:
        exporter.shutdown()


def _sent(signal: str, taken: bool, said: list[str]) -> Sent:
    """What the exporter's words mean."""
    if taken:
        return Sent(signal)
    everything = " ".join(said)
    if found := _STATUS.search(everything):
        return Sent(signal, f"answered {found[1]} {one_line(found[2])}", int(found[1]))
    if "StatusCode.UNAUTHENTICATED" in everything:  # gRPC's 401
        return Sent(signal, "answered UNAUTHENTICATED", UNAUTHORIZED)
    return _unconnected(signal, everything) or _late(signal, everything, said)


def _unconnected(signal: str, everything: str) -> Sent | None:
    if _NO_NAME.search(everything):
        return Sent(signal, "its host has no address", is_unreachable=True, has_no_name=True)
    if found := _REFUSED.search(everything):
        return Sent(signal, found[1].lower(), is_unreachable=True)
    return None


def _late(signal: str, everything: str, said: list[str]) -> Sent:
    if (found := _AGAIN.search(everything)) and "timed out" not in found[1].lower():  # 429, 5xx: by its words only
        return Sent(signal, f"answered: {one_line(found[1])}", UNAVAILABLE)
    if any(words in everything for words in ("due to timeout", "timed out", "DEADLINE_EXCEEDED")):
        return Sent(signal, f"gave no answer within {SENT_WITHIN:g} s", is_silent=True)
    return Sent(signal, one_line(said[-1]) if said else "no reason was given")


class _Listener(logging.Handler):
    """Hands on what the exporters log, by signal."""

    def __init__(self, hear: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._hear = hear

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        parts = {"metric": "metrics", "log_exporter": "logs", "exporting logs": "logs", "trace": "traces"}
        words = f"{record.name} {text}".lower()
        signal = next((signal for part, signal in parts.items() if part in words), "")
        self._hear(signal, text)


@contextmanager
def _listening(hear: Callable[[str, str], None]) -> Iterator[None]:
    """The SDK's words come to us instead of standard error."""
    logger, listener = logging.getLogger(_SDK), _Listener(hear)
    propagated, logger.propagate = logger.propagate, False
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagated


_environment_lock = threading.Lock()


@contextmanager
def _as_environment(environ: Mapping[str, str]) -> Iterator[None]:
    """The SDK reads the process's own variables: they are these while it builds."""
    with _environment_lock:
        names = {name for name in (*os.environ, *environ) if name.startswith("OTEL_")}
        before = {name: os.environ.get(name) for name in names}
        _set({name: environ.get(name) for name in names})
        try:
            yield
        finally:
            _set(before)


def _set(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
