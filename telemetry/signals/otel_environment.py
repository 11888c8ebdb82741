"""The OTEL_* variables as OpenTelemetry defines them: what they ask for, and what of it can't be."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

_DEFAULT_EXPORTERS = "otlp"
SIGNALS = {
    "metrics": ("otlp", "prometheus", "console", "none"),
    "logs": ("otlp", "console", "none"),
    "traces": ("otlp", "console", "none"),
}
_PROTOCOLS = ("http/protobuf", "grpc")
_NUMBERS = (
    "OTEL_METRIC_EXPORT_INTERVAL",
    "OTEL_METRIC_EXPORT_TIMEOUT",
    *(f"OTEL_{kind}_{what}" for kind in ("BSP", "BLRP") for what in ("SCHEDULE_DELAY", "EXPORT_TIMEOUT")),
    *(f"OTEL_{kind}_MAX_{what}" for kind in ("BSP", "BLRP") for what in ("QUEUE_SIZE", "EXPORT_BATCH_SIZE")),
    *(f"OTEL_EXPORTER_OTLP_{signal}TIMEOUT" for signal in ("", "METRICS_", "LOGS_", "TRACES_")),
)
_SAMPLERS = (
    *("always_on", "always_off", "traceidratio"),
    *("parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"),
)


class TelemetryError(ValueError):
    """A variable holds something that can't be: one line naming it, its value, and what is allowed."""


def wanted(signal: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The exporters that the environment asks for, for `signal` (metrics, logs or traces); empty: none.

    Raises:
        TelemetryError: An exporter that isn't known.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return ()
    variable = f"OTEL_{signal.upper()}_EXPORTER"
    named = environ.get(variable, "").strip()
    if not named:
        endpoint = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get(
            f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"
        )
        return (_DEFAULT_EXPORTERS,) if endpoint else ()
    names = tuple(part.strip().lower() for part in named.split(",") if part.strip())
    for name in names:
        if name not in SIGNALS[signal]:
            raise TelemetryError(f"{variable}: {name!r} is not known; allowed are {', '.join(SIGNALS[signal])}")
    return () if "none" in names else names


def protocol(signal: str, environ: Mapping[str, str]) -> str:
    """The OTLP protocol for `signal`: `http/protobuf` unless the environment says `grpc`.

    Raises:
        TelemetryError: Anything else.
    """
    for variable in (f"OTEL_EXPORTER_OTLP_{signal.upper()}_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        if value := environ.get(variable, "").strip():
            if value not in _PROTOCOLS:
                raise TelemetryError(f"{variable}: {value!r} is not possible; allowed are {', '.join(_PROTOCOLS)}")
            return value
    return _PROTOCOLS[0]


def check_endpoints(environ: Mapping[str, str]) -> None:
    """Refuses an endpoint that no exporter could use, before anything starts.

    Raises:
        TelemetryError: Not an http(s) URL with a host.
    """
    for variable in ("OTEL_EXPORTER_OTLP_ENDPOINT", *(f"OTEL_EXPORTER_OTLP_{s.upper()}_ENDPOINT" for s in SIGNALS)):
        value = environ.get(variable, "").strip()
        if not value:
            continue
        url = urlsplit(value)
        try:
            usable = url.scheme in ("http", "https") and bool(url.hostname) and (url.port or 1) > 0
        except ValueError:
            usable = False
        grpc = "grpc" in (environ.get(name, "") for name in environ if name.endswith("_PROTOCOL"))
        if not usable and not (grpc and "://" not in value):
            shown = value if "@" not in value else "***@" + value.rsplit("@", 1)[1]
            raise TelemetryError(f"{variable}: {shown!r} is not a URL such as http://127.0.0.1:4318")


def check_numbers(environ: Mapping[str, str]) -> None:
    """Refuses what the SDK would meet with a traceback, or with a line that names no variable.

    Raises:
        TelemetryError: A number that is none, or an unknown sampler.
    """
    for variable in _NUMBERS:
        value = environ.get(variable, "").strip()
        try:
            usable = not value or 0 <= float(value) < float("inf")
        except ValueError:
            usable = False
        if not usable:
            raise TelemetryError(f"{variable}: {value!r} is not a number; allowed is 0 or more")
    sampler = environ.get("OTEL_TRACES_SAMPLER", "").strip().lower()
    if sampler and sampler not in _SAMPLERS:
        raise TelemetryError(f"OTEL_TRACES_SAMPLER: {sampler!r} is not known; allowed are {', '.join(_SAMPLERS)}")


def check(environ: Mapping[str, str]) -> None:
    """Refuses OTEL_* variables that can't work, before anything is built.

    Raises:
        TelemetryError: One line: the variable, its value, and what is allowed.
    """
    check_endpoints(environ)
    check_numbers(environ)
    for signal in SIGNALS:
        wanted(signal, environ)
        protocol(signal, environ)
