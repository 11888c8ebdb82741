"""What a process has once: its providers, its log pipeline, its picture and the instruments on it.

`configure()` and `shutdown()` are the package's front door; a program that never calls them gets OpenTelemetry's no-op
API and its own logging, and pays nothing.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace

from telemetry.clock import Clock, SystemClock
from telemetry.picture import Picture, Sending
from telemetry.signals.metrics import PictureInstruments
from telemetry.signals.semconv import SCOPE

if TYPE_CHECKING:
    from telemetry.signals.logs import LogOptions, LogPipeline
    from telemetry.signals.outcomes import Export
    from telemetry.signals.providers import Providers
    from telemetry.signals.spool.place import SpoolOptions


@dataclass
class Signals:
    """The picture with its instruments and the tracer: what a monitor reports through.

    Attributes:
        picture: What /metrics and the web read.
        instruments: The same over OpenTelemetry.
        tracer: For the traces of checks.
        flush_soon: Called when something happened that should be seen now; returns at once.
    """

    picture: Picture
    instruments: PictureInstruments
    tracer: trace.Tracer
    flush_soon: Callable[[], None]

    @classmethod
    def on(
        cls,
        picture: Picture,
        clock: Clock,
        *,
        meter_provider: metrics.MeterProvider | None = None,
        tracer_provider: trace.TracerProvider | None = None,
        flush_soon: Callable[[], None] = lambda: None,
    ) -> Signals:
        """Signals for `picture`, on the given providers or the global ones."""
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        return cls(picture, PictureInstruments(meter, picture, clock), tracer, flush_soon)

    @classmethod
    def silent(cls) -> Signals:
        """Signals that leave nowhere, whatever the environment says: for a look that must not be told."""
        return cls.on(
            Picture(),
            SystemClock(),
            meter_provider=metrics.NoOpMeterProvider(),
            tracer_provider=trace.NoOpTracerProvider(),
        )


@dataclass
class _Process:
    lock: threading.RLock = field(default_factory=threading.RLock)
    providers: Providers | None = None
    logs: LogPipeline | None = None
    signals: Signals | None = None


_process = _Process()


def configure(
    logs: LogOptions | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    instance: str = "",
    environment: str = "",
    spool: SpoolOptions | None = None,
) -> tuple[str, ...]:
    """Builds OpenTelemetry providers from OTEL_* where the program has none, and the JSON log where `logs` is given.

    Calling it again changes nothing but the logs, if others are given.

    Args:
        logs: Where log lines go; None leaves the program's logging as it is: what `get_logger` gets goes there, and
            over OTLP besides where that is wanted.
        environ: Instead of the process's environment.
        instance: Tells this monitor from others on the same host: the path of its store.
        environment: `deployment.environment.name`, such as `production`.
        spool: The folder where logs and spans wait on disk while the collector doesn't take them, also over a restart;
            None: what the SDK can't deliver at once is lost.

    Returns:
        The signals for which providers were built: of "traces", "metrics", "logs".

    Raises:
        TelemetryError: An OTEL_* variable is wrong: the message names it, its value and what is allowed.
    """
    from telemetry.signals import providers  # a program that never configures doesn't pay for it

    with _process.lock:
        if _process.providers is None:
            _process.providers = providers.build(environ, instance=instance, environment=environment, spool=spool)
        built = _process.providers.built
        if logs is not None or ("logs" in built and _process.logs is None):
            from telemetry.signals.logs import LogOptions, configure_logging

            # A pipeline that is there stays in force until the new one's places have proved to be usable.
            _process.logs = configure_logging(logs or LogOptions(console="stdlib"))
        return built


def shutdown(timeout: float = 3.0) -> bool:
    """Sends what is left and closes the log, within `timeout` seconds. False when that time was too short."""
    with _process.lock:
        sent = _process.providers.shutdown(timeout) if _process.providers else True
        if _process.logs is not None:
            _process.logs.close()
        _process.providers = _process.logs = None
        return sent


def exports() -> Mapping[str, Export]:
    """What became of the requests that the providers sent that we built, by signal."""
    providers = _process.providers
    return providers.outcomes.by_signal if providers is not None else {}


def sending() -> Mapping[str, Sending]:
    """What became of the logs and spans that the providers sent that we built, by signal."""
    if (providers := _process.providers) is None:
        return {}
    lost, backlog = providers.counts.lost, providers.spool.backlog if providers.spool is not None else {}
    found = {}
    for signal, sent in providers.counts.taken.items():
        dropped = {reason: count for (of, reason), count in lost.items() if of == signal}
        waits = backlog.get(signal)
        found[signal] = (
            Sending(sent, dropped, waits.records, waits.size, waits.most_bytes) if waits else Sending(sent, dropped)
        )
    return found


def flush_soon() -> None:
    """Has the providers that we built send now; returns at once. Does nothing where there are none."""
    if (providers := _process.providers) is not None:
        providers.flush_soon()


def shared_signals() -> Signals:
    """The process's one picture with its instruments, made at the first call.

    A program that never called `configure` gets its providers here, so that the OTEL_* variables are all that a drop-in
    monitor needs. A wrong one is told in the program's log, and is no reason to keep it from running.
    """
    with _process.lock:
        if _process.signals is None:
            try:
                configure()
            except ValueError as error:
                logging.getLogger(__name__).error("no OpenTelemetry: %s", error)  # noqa: TRY400 - one line says it
            picture = Picture()
            picture.sent_by(sending)
            _process.signals = Signals.on(picture, SystemClock(), flush_soon=flush_soon)
        return _process.signals
