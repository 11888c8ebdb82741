"""What the SDK's batch processors hand their batches to: a request is kept, and the batch counts as exported."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from telemetry.signals.spool.counts import UNWRITABLE, Counts
from telemetry.signals.spool.delivery import Delivery
from telemetry.signals.spool.wire import Wire

_log = logging.getLogger(__name__)


class _Spooling:
    def __init__(self, signal: str, wire: Wire, delivery: Delivery, counts: Counts) -> None:
        self._signal, self._wire, self._delivery, self._counts = signal, wire, delivery, counts

    def keep(self, batch: Sequence[Any]) -> bool:
        try:
            for body, records in self._wire.bodies(batch):
                self._delivery.take(body, records)
        except Exception as error:  # noqa: BLE001 - the encoder's faults are its values': counted, and told
            self._counts.dropped(self._signal, UNWRITABLE, len(batch))
            _log.error("%d of %s can't be written as OTLP: %s", len(batch), self._signal, error)
            return False
        return True


class SpoolingLogExporter(LogRecordExporter):
    """For log records."""

    def __init__(self, wire: Wire, delivery: Delivery, counts: Counts) -> None:
        self._spooling = _Spooling("logs", wire, delivery, counts)

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        return LogRecordExportResult.SUCCESS if self._spooling.keep(batch) else LogRecordExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 10_000) -> bool:
        return True

    def shutdown(self) -> None:
        """Nothing: the delivery is closed when both signals' last batches are in."""


class SpoolingSpanExporter(SpanExporter):
    """For spans."""

    def __init__(self, wire: Wire, delivery: Delivery, counts: Counts) -> None:
        self._spooling = _Spooling("traces", wire, delivery, counts)

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        return SpanExportResult.SUCCESS if self._spooling.keep(spans) else SpanExportResult.FAILURE

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return True

    def shutdown(self) -> None:
        """Nothing: the delivery is closed when both signals' last batches are in."""
