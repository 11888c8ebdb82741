"""The OTLP exporters of the SDK by signal and protocol, and which of them go through the spool."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from telemetry.signals.otel_environment import TelemetryError
from telemetry.signals.outcomes import Outcomes
from telemetry.signals.spool.counts import QUEUE_FULL, UNDELIVERED, Counts

if TYPE_CHECKING:
    from telemetry.signals.spool.place import Spool, SpoolOptions

_log = logging.getLogger(__name__)

_MODULES = {"traces": "trace_exporter", "metrics": "metric_exporter", "logs": "_log_exporter"}


def grpc_exporters(signal: str) -> Any:
    """The gRPC exporters' module for `signal`, which is an extra of ours: 15 MB that few need."""
    try:
        return importlib.import_module(f"opentelemetry.exporter.otlp.proto.grpc.{_MODULES[signal]}")
    except ImportError as error:
        raise TelemetryError(
            "OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' needs the extra: pip install 'orchestrator-telemetry[grpc]'; "
            "http/protobuf works without"
        ) from error


def spool(options: SpoolOptions, environ: Mapping[str, str], counts: Counts, outcomes: Outcomes) -> Spool | None:
    """The process's spool; None, and one line in the log says why, where it can't have one."""
    from telemetry.signals.spool.folders import SpoolBusyError
    from telemetry.signals.spool.place import Spool

    if named := next((name for name in environ if name.endswith("_CREDENTIAL_PROVIDER") and environ[name]), ""):
        _log.warning("no spool for what can't be sent: %s brings connections of its own", named)
        return None
    try:
        return Spool(options, counts, outcomes.note)
    except SpoolBusyError as error:
        _log.warning("no spool for what can't be sent: %s", error)
        return None


def exporter(signal: str, spoken: str, through: Spool | None, counts: Counts, outcomes: Outcomes) -> Any:
    """The exporter of `logs` or `traces`; without a spool, what it can't deliver is counted as lost."""
    name = {"traces": "OTLPSpanExporter", "logs": "OTLPLogExporter"}[signal]
    is_grpc = spoken == "grpc"
    module = (
        grpc_exporters(signal)
        if is_grpc
        else importlib.import_module(f"opentelemetry.exporter.otlp.proto.http.{_MODULES[signal]}")
    )
    kind = getattr(module, name)
    counts.expect(signal, QUEUE_FULL)
    if through is None:
        return outcomes.of(kind(), signal, lambda batch: counts.dropped(signal, UNDELIVERED, len(batch)))
    from telemetry.signals.spool import place

    return place.exporter(through, signal, kind, is_grpc=is_grpc, counts=counts)
