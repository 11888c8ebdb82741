"""What the checks look at: settings, environment, time, and ways to ask. A test hands in another one."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from telemetry.collector.places import Place, chosen, place
from telemetry.collector.senders import bearer_token, scheme
from telemetry.doctor.asking import Ask
from telemetry.doctor.daemon import Daemon, Seen
from telemetry.settings import Settings

_HTTP_PORT = ("ORCHESTRATOR_COLLECTOR_HTTP_PORT", "4318")


@dataclass(frozen=True)
class World:
    """What the checks look at.

    Attributes:
        settings: In force.
        environ: The environment, in which the backends' addresses and keys are.
        ask: Asks servers.
        daemon: The monitor that runs with the state folder, as it was seen at the beginning.
        target: Where telemetry goes.
        backends: The names of the chosen backends; empty where they aren't known.
        timeout: Seconds within which what was sent must be in every backend.
        send: Whether a message may be sent on each channel.
        file: The settings file that was read.
        now: The time (Unix s).
        progress: Told in a few words what is waited for.
    """

    settings: Settings
    environ: Mapping[str, str]
    ask: Ask
    daemon: Seen
    target: Place
    backends: tuple[str, ...] = ()
    timeout: float = 30.0
    send: bool = False
    file: Path | None = None
    now: Callable[[], float] = time.time
    progress: Callable[[str], None] = field(default=lambda _: None)

    def variable(self, name: str, default: str = "") -> str:
        """An environment variable; empty is unset."""
        return self.environ.get(name, "").strip() or default


async def look_around(
    settings: Settings,
    *,
    file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    timeout: float = 30.0,  # noqa: ASYNC109 - of what was sent, not of this function
    send: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> World:
    """The world as it is: asks the monitor that runs, and follows the variables where none does."""
    environ = dict(os.environ if environ is None else environ)
    daemon = await Daemon(settings.state_dir).look()
    target = _target(daemon, environ)
    backends = _backends(daemon, target, settings, environ)
    return World(
        settings, environ, Ask(), daemon, target, backends, timeout=timeout, send=send, file=file, progress=progress
    )


def _backends(daemon: Seen, target: Place, settings: Settings, environ: Mapping[str, str]) -> tuple[str, ...]:
    """What the monitor knows of, and what is chosen here; another's collector keeps its choice to itself."""
    known = [str(one["name"]) for one in (daemon.pipeline or {}).get("backends", ())]
    if known and target.kind == "own":
        return tuple(known)
    is_chosen = bool(settings.backends or environ.get("BACKENDS"))
    here = chosen(",".join(settings.backends), environ) if is_chosen or target.kind == "own" else ()
    return tuple(dict.fromkeys([*here, *known]))


def _target(daemon: Seen, environ: Mapping[str, str]) -> Place:
    """Where the monitor sends to; without one, where one with this environment would."""
    if daemon.pipeline:
        collector = daemon.pipeline["collector"]
        return Place(*(str(collector.get(key, "")) for key in ("kind", "url", "metrics_url")))
    found = place(environ, own=False)
    if found.kind != "none" or environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return found
    name, usual = _HTTP_PORT
    port = environ.get(name) or usual
    host = environ.get("ORCHESTRATOR_COLLECTOR_HOST") or "127.0.0.1"
    host = "127.0.0.1" if host == "0.0.0.0" else host  # noqa: S104 - compared, not bound
    return place({**environ, "OTEL_EXPORTER_OTLP_ENDPOINT": f"{scheme(environ)}://{host}:{port}"}, own=True)


def sending_environment(world: World) -> dict[str, str]:
    """The variables with which an exporter sends to the target, as the monitor does."""
    from urllib.parse import quote

    environ = dict(world.environ)
    token = bearer_token(environ)
    named = place(environ, own=False).url
    if named != world.target.url:  # the monitor that runs has another environment than this terminal
        for part in ("ENDPOINT", "METRICS_ENDPOINT", "LOGS_ENDPOINT", "TRACES_ENDPOINT"):
            environ.pop(f"OTEL_EXPORTER_OTLP_{part}", None)
        environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = world.target.url
    if world.target.kind == "own" and token and not environ.get("OTEL_EXPORTER_OTLP_HEADERS"):
        environ["OTEL_EXPORTER_OTLP_HEADERS"] = f"Authorization={quote(f'Bearer {token}', safe='')}"
    return environ
