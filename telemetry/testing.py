"""For tests, ours and those of programs that use the package: time, a source and all three signals under control."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.clock import Clock
from telemetry.model import AgentSample, Alert, Reading
from telemetry.picture import Picture
from telemetry.runtime import Signals


@dataclass
class FakeClock:
    """A clock that stands until it is told: `clock.advance(5)`."""

    time: float = 1_800_000_000.0

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def advance(self, seconds: float) -> float:
        """Moves on, and returns the new time."""
        self.time += seconds
        return self.time


@dataclass
class ScriptedSource:
    """A source that answers what `answers` says, one a read; the last one goes on. An exception is raised."""

    answers: list[Reading | Exception]
    cluster: str = "demo"
    name: str = "scripted"
    reads: int = 0
    closed: bool = False

    @classmethod
    def of(cls, *steps: Iterable[AgentSample] | Exception, cluster: str = "demo") -> ScriptedSource:
        """Each step: the samples of one reading, or what is raised instead."""
        return cls([s if isinstance(s, Exception) else Reading(tuple(s), "session") for s in steps], cluster)

    async def read(self, now: float) -> Reading:
        answer = self.answers[min(self.reads, len(self.answers) - 1)]
        self.reads += 1
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def close(self) -> None:
        self.closed = True


@dataclass
class RecordingNotifier:
    """An alert callback that keeps what it was told."""

    told: list[Alert] = field(default_factory=list)

    def __call__(self, alert: Alert) -> None:
        self.told.append(alert)


class CapturedSignals:
    """The signals of a monitor in memory: metrics as a backend would see them, spans, and the picture."""

    def __init__(self, clock: Clock) -> None:
        self.picture = Picture()
        self.flushes = 0
        self._reader = InMemoryMetricReader()
        self._spans = InMemorySpanExporter()
        tracers = TracerProvider()
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.signals = Signals.on(
            self.picture,
            clock,
            meter_provider=MeterProvider([self._reader]),
            tracer_provider=tracers,
            flush_soon=self._flushed,
        )

    def _flushed(self) -> None:
        self.flushes += 1

    @property
    def spans(self) -> tuple[ReadableSpan, ...]:
        """Every finished span, oldest first."""
        return self._spans.get_finished_spans()

    def metrics(self) -> dict[str, dict[frozenset[tuple[str, Any]], Any]]:
        """{OpenTelemetry name: {attributes: value, or the data point of a histogram}}, collected now."""
        found: dict[str, dict[frozenset[tuple[str, Any]], Any]] = {}
        data = self._reader.get_metrics_data()
        for resource in data.resource_metrics if data else ():
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    points = found.setdefault(metric.name, {})
                    for point in metric.data.data_points:
                        points[labels(point.attributes or {})] = getattr(point, "value", point)
        return found

    def metric(self, name: str, **attributes: str) -> Any:
        """One value. KeyError: there is no such series."""
        return self.metrics()[name][labels(attributes)]


def labels(attributes: Mapping[str, Any]) -> frozenset[tuple[str, Any]]:
    """Attributes as a key."""
    return frozenset(attributes.items())
