"""Providers of a test's own, through a spool: nothing global is touched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from opentelemetry._logs import LogRecord

from telemetry.signals import providers
from telemetry.signals.spool import delivery
from telemetry.signals.spool.place import SpoolOptions


class Sending:
    """A monitor's way out, as `telemetry.configure(spool=…)` builds it."""

    def __init__(self, built: providers.Providers) -> None:
        self.built = built

    def log(self, *bodies: str) -> None:
        """Log records, one by one; on disk when it returns."""
        logger = self.built.logger.get_logger("test")
        for body in bodies:
            logger.emit(LogRecord(timestamp=1, body=body))
        self.built.logger.force_flush()

    def span(self, *names: str) -> None:
        tracer = self.built.tracer.get_tracer("test")
        for name in names:
            tracer.start_span(name).end()
        self.built.tracer.force_flush()

    @property
    def waiting(self) -> int:
        assert self.built.spool is not None
        return sum(held.records for held in self.built.spool.backlog.values())

    @property
    def sent(self) -> Mapping[str, int]:
        return self.built.counts.taken

    @property
    def lost(self) -> dict[tuple[str, str], int]:
        return {why: count for why, count in self.built.counts.lost.items() if count}


@contextmanager
def sending(patch: pytest.MonkeyPatch, folder: Path, url: str, **environ: str) -> Iterator[Sending]:
    """One that is closed at the end."""
    for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_METRICS_EXPORTER": "none", **environ}.items():
        patch.setenv(name, value)
    patch.setattr(delivery, "_FIRST_PAUSE", 0.02)
    patch.setattr(delivery, "_LONGEST_PAUSE", 0.1)
    patch.setattr(providers, "_set_globals", lambda built: None)
    patch.setattr("atexit.register", lambda call: None)
    built = providers.build(spool=SpoolOptions(folder))
    try:
        yield Sending(built)
    finally:
        built.shutdown(2.0)
