"""The picture as OpenTelemetry instruments: OTLP, and whatever reader the providers have."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from telemetry.clock import Clock
from telemetry.picture import DURATION_BUCKETS, Picture
from telemetry.signals.semconv import CHECK_DURATION, METRICS, Kind, Labels, Metric


class PictureInstruments:
    """Every metric of `semconv` on one meter, reading one picture.

    With the API's own no-op meter (no provider set, or OTEL_SDK_DISABLED) all of it costs nothing.
    """

    def __init__(self, meter: Meter, picture: Picture, clock: Clock) -> None:
        for metric in METRICS:
            if metric.kind is Kind.GAUGE:
                meter.create_observable_gauge(
                    metric.name, [_callback(metric, picture, clock)], metric.unit, metric.description
                )
            elif metric.kind is Kind.COUNTER:
                meter.create_observable_counter(
                    metric.name, [_callback(metric, picture, clock)], metric.unit, metric.description
                )
        self._durations: Histogram = meter.create_histogram(
            CHECK_DURATION.name,
            CHECK_DURATION.unit,
            CHECK_DURATION.description,
            explicit_bucket_boundaries_advisory=list(DURATION_BUCKETS),
        )

    def observe_check(self, cluster: str, source: str, outcome: str, seconds: float) -> None:
        """Records the duration of one check, as `Picture.observe_check` does for /metrics."""
        self._durations.record(seconds, dict(zip(CHECK_DURATION.attributes, (cluster, source, outcome), strict=True)))


def _callback(metric: Metric, picture: Picture, clock: Clock) -> Callable[[CallbackOptions], Iterable[Observation]]:
    observe = metric.observe
    if observe is None:
        raise ValueError(f"{metric.name} is recorded as it happens, not observed")
    attributes: dict[Labels, dict[str, str]] = {}

    def observations(_: CallbackOptions) -> Iterable[Observation]:
        for labels, value in observe(picture, clock.now()):
            held = attributes.get(labels)
            if held is None:
                if len(attributes) > 50_000:  # noqa: PLR2004 - churning names must not fill the memory
                    attributes.clear()
                held = attributes[labels] = dict(zip(metric.attributes, labels, strict=True))
            yield Observation(value, held)

    return observations
