"""Where things are: the endpoint that telemetry goes to, the collector's own metrics, and whose an exporter is."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from telemetry.collector.building import sources_dir
from telemetry.collector.errors import CollectorError

DEFAULT_BACKENDS = "prometheus,file"
"""What the collector sends to where nobody chose."""
TELEMETRY_PORT = ("ORCHESTRATOR_COLLECTOR_TELEMETRY_PORT", 8888)
_EVERYWHERE = {"", "0.0.0.0", "::", "[::]"}  # noqa: S104 - compared, not bound
_VARIABLE = re.compile(r"\$\{env:(\w+)(?::-([^}]*))?\}")
_ENDPOINTS = ("ENDPOINT", "METRICS_ENDPOINT", "LOGS_ENDPOINT", "TRACES_ENDPOINT")


@dataclass(frozen=True, slots=True)
class Place:
    """Where telemetry goes.

    Attributes:
        kind: `own`, `other`, or `none`: nothing is sent.
        url: The endpoint, without user, password and query; "" for none.
        metrics_url: The page with the collector's own metrics; "" where it isn't known to have one.
    """

    kind: str
    url: str = ""
    metrics_url: str = ""


@dataclass(frozen=True, slots=True)
class Owners:
    """Which backend something belongs to, by the name of its file; what isn't there is a backend of its own name.

    Attributes:
        exporters: By the exporter's name.
        pipelines: By the pipeline's, without its signal: so the collector calls who didn't take something.
    """

    exporters: Mapping[str, str] = field(default_factory=dict)
    pipelines: Mapping[str, str] = field(default_factory=dict)


def place(environ: Mapping[str, str], *, own: bool) -> Place:
    """Where this process sends to, by OTEL_EXPORTER_OTLP_*; `own`: a collector of its own runs beside it."""
    url = without_secrets(next((value for name in _ENDPOINTS if (value := _otlp(environ, name))), ""))
    if own:
        host = environ.get("ORCHESTRATOR_COLLECTOR_HOST", "")
        return Place("own", url, _page("127.0.0.1" if host in _EVERYWHERE else host, environ))
    if not url or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return Place("none")
    host = urlsplit(url).hostname or ""
    asked_for = bool(environ.get(TELEMETRY_PORT[0]))
    return Place("other", url, _page(host, environ) if asked_for or _is_near(host) else "")


def without_secrets(url: str) -> str:
    """A URL as it may be shown: scheme, host, port and path."""
    if not url:
        return ""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        host, port = parts.hostname or "", f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(not a URL)"
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{port}{parts.path}" if parts.scheme else f"{name}{port}{parts.path}"


def chosen(backends: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the chosen backends, as the collector reads them."""
    text = backends.strip() or environ.get("BACKENDS", "").strip() or DEFAULT_BACKENDS
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def owners(environ: Mapping[str, str], chosen: Collection[str] = ()) -> Owners:
    """Whose the exporters and pipelines are, by the files of the backends; the user's own win, and the chosen. Blocks.

    A file under a second name holds the same ones: only what was chosen says under which of both they are at work.
    """
    exporters: dict[str, str] = {}
    pipelines: dict[str, str] = {}
    for backend, file in sorted(_files(environ), key=lambda one: one[0] in chosen):  # the last one wins
        content = _content(file)
        exporters |= dict.fromkeys(map(str, _part(content, "exporters")), backend)
        named = _part(_part(content, "service"), "pipelines")
        pipelines |= dict.fromkeys((str(name).partition("/")[2] for name in named), backend)
    return Owners(exporters, pipelines)


def signals_taken(environ: Mapping[str, str]) -> dict[str, set[str]]:
    """Which signals each backend takes: those that have a pipeline, and no variable that leaves them out. Blocks."""
    found: dict[str, set[str]] = {}
    for backend, file in _files(environ):
        pipelines = _part(_part(_content(file), "service"), "pipelines")
        found[backend] = {
            str(name).partition("/")[0]
            for name, pipeline in pipelines.items()
            if {_with_variables(one, environ) for one in _exporters(pipeline)} - {"nop"}
        }
    return found


def _files(environ: Mapping[str, str]) -> list[tuple[str, Path]]:
    folders: list[Path] = []
    with contextlib.suppress(CollectorError):  # an installation without them: the exporters' names must do
        folders.append(sources_dir() / "config" / "backends")
    if own := environ.get("ORCHESTRATOR_COLLECTOR_BACKENDS_DIR"):
        folders.append(Path(own))
    return [(file.stem, file) for folder in folders for file in sorted(folder.glob("*.yaml"))]


def _content(file: Path) -> object:
    try:
        return yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):  # the collector itself says what is wrong with it
        return None


def _part(content: object, name: str) -> dict[object, object]:
    part = content.get(name) if isinstance(content, dict) else None
    return part if isinstance(part, dict) else {}


def _exporters(pipeline: object) -> list[str]:
    named = pipeline.get("exporters") if isinstance(pipeline, dict) else None
    return [str(one) for one in named] if isinstance(named, list) else []


def _with_variables(text: str, environ: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: environ.get(found[1]) or found[2] or "", text)


def _otlp(environ: Mapping[str, str], name: str) -> str:
    return environ.get(f"OTEL_EXPORTER_OTLP_{name}", "").strip()


def _page(host: str, environ: Mapping[str, str]) -> str:
    text = environ.get(TELEMETRY_PORT[0], "")
    port = int(text) if text.isdecimal() else TELEMETRY_PORT[1]
    name = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{name}:{port}/metrics"


def _is_near(host: str) -> bool:
    """Whether it can be a collector beside us: a vendor's host isn't asked every few seconds for what it hasn't."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and "." not in host
    return address.is_loopback or address.is_private
