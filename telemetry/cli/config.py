"""`orchestrator-telemetry config`: what is in force, and from where."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telemetry.cli import options as opt
from telemetry.cli.screen import draw, print_json

if TYPE_CHECKING:
    from telemetry.settings import Loaded, Origin, Settings
    from telemetry.settings.about import Known

app = typer.Typer(add_completion=False, rich_markup_mode=None)

HIDDEN = "(set, hidden)"
_SECRET_NAMES = re.compile(r"HEADERS|KEY|TOKEN|PASS|SECRET|CREDENTIAL|WEBHOOK", re.IGNORECASE)
_USERINFO = re.compile(r"(://)[^/\s]*@")
_SECRET_IN_QUERY = re.compile(r"([?&][^=&\s]*(?:key|token|pass|secret|auth|sig)[^=&\s]*=)[^&\s]+", re.IGNORECASE)
_STANDARD = re.compile(
    r"(?:OTEL|DD|LOKI|ELASTICSEARCH|PROMETHEUS|OTLP_BACKEND|OTLP_GRPC_BACKEND|KAFKA|ORCHESTRATOR_COLLECTOR)_"
)


@app.command()
def config(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    interval: opt.Interval = None,
    cluster_file: opt.ClusterFile = None,
    tmux_session: opt.TmuxSession = None,
    tmux_socket: opt.TmuxSocket = None,
    host: opt.Host = None,
    port: opt.Port = None,
    state_dir: opt.StateDir = None,
    log_level: opt.LogLevel = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Show every setting: its value, where that came from, and the variable that sets it. Secrets stay hidden.

    The first of these wins: flag, environment variable, settings file, profile, default. The variables of OpenTelemetry
    itself, of the collector and of its backends are shown below, where they are set.

    \b
    Examples:
      orchestrator-telemetry config
      orchestrator-telemetry config --json | jq .settings.check_interval
      ORCHESTRATOR_PROFILE=production orchestrator-telemetry config

    \b
    A settings file (./orchestrator-telemetry.yaml):
      profile: production
      check_interval: 5
      clusters:
        - {name: main, tmux: {session: main}, file: cluster.yaml}
        - {name: night, tmux: {socket: night, session: work}}

    Exit codes: 0 the settings can be used, 2 one is wrong.
    """
    given = opt.flags(
        profile=profile,
        interval=interval,
        cluster_file=cluster_file,
        tmux_session=tmux_session,
        tmux_socket=tmux_socket,
        host=host,
        port=port,
        state_dir=state_dir,
        log_level=log_level,
    )
    loaded = opt.settings(config, given)
    others = standard_variables(os.environ)
    if json:
        _print_json(loaded, others)
    else:
        _print_tables(loaded, others)
    if wrong := _refused(loaded.settings, os.environ):
        sys.stdout.flush()  # the reason comes last
        opt.fail(wrong, opt.BAD_SETTINGS)


def _print_tables(loaded: Loaded, others: Mapping[str, str]) -> None:
    print(f"settings file: {loaded.file or 'none'}")
    rows = [
        (known.key, shown(value), str(origin), known.about.variable or "–")
        for known, value, origin in _in_force(loaded)
    ]
    draw(("SETTING", "VALUE", "FROM", "VARIABLE"), rows)
    if others:
        print("\nVariables of OpenTelemetry, the collector and its backends:")
        draw(("VARIABLE", "VALUE"), list(others.items()))


def _in_force(loaded: Loaded) -> Iterator[tuple[Known, Any, Origin]]:
    """Every setting; one that is left out with what follows from the others."""
    derived = {"thresholds.idle": loaded.settings.idle_ladder, "log.dir": loaded.settings.log_dir}
    for known, value, origin in loaded.all():
        if known.path[0] == "rules" and value is None:
            continue  # as in the catalogue, which `rules` shows
        yield known, derived.get(known.key) if value is None else value, origin


def _refused(settings: Settings, environ: Mapping[str, str]) -> str:
    """What `up` would refuse of the variables that aren't ours, in one line, or ""."""
    from telemetry import collecting
    from telemetry.signals.otel_environment import TelemetryError, check

    try:
        check(environ)
    except TelemetryError as error:
        return str(error)
    if settings.backends and collecting.plan(collecting.Wish.AUTO, environ)[0] is collecting.Plan.START:
        return collecting.wrong_configuration(",".join(settings.backends), environ)
    return ""


def shown(value: Any) -> str:
    """A value in one line, a secret hidden, «–» for none."""
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        return HIDDEN
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return ", ".join(getattr(item, "name", None) or str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def standard_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of OpenTelemetry, the collector and its backends that are set, without their secrets."""
    return {
        name: HIDDEN if _SECRET_NAMES.search(name) else _without_secrets(value)
        for name, value in sorted(environ.items())
        if _STANDARD.match(name) and value
    }


def _without_secrets(value: str) -> str:
    return _SECRET_IN_QUERY.sub(r"\1***", _USERINFO.sub(r"\1***@", value))


def _print_json(loaded: Loaded, others: Mapping[str, str]) -> None:
    def plain(value: Any) -> Any:
        if hasattr(value, "get_secret_value"):
            return HIDDEN
        return value.model_dump(mode="json") if hasattr(value, "model_dump") else str(value)

    settings = {
        known.key: {
            "value": value,
            "from": origin.kind,
            "where": origin.where,
            "variable": known.about.variable,
        }
        for known, value, origin in _in_force(loaded)
    }
    tree = {
        "file": str(loaded.file) if loaded.file else None,
        "settings": settings,
        "environment": dict(others),
        "warnings": loaded.warnings,
    }
    print_json(tree, plain)
