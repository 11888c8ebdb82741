"""`orchestrator-telemetry config`: what is in force, and from where."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telemetry.cli import options as opt
from telemetry.cli.screen import draw

if TYPE_CHECKING:
    from telemetry.settings import Loaded

app = typer.Typer(add_completion=False, rich_markup_mode=None)

HIDDEN = "(set, hidden)"
_SECRET_NAMES = re.compile(r"HEADERS|KEY|TOKEN|PASSWORD|SECRET|WEBHOOK", re.IGNORECASE)
_USERINFO = re.compile(r"(://)[^/\s]*@")


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

    The first of these wins: flag, environment variable, settings file, profile, default. OTEL_* variables are
    OpenTelemetry's own and shown below.

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
        print(_as_json(loaded, others))
        return
    print(f"settings file: {loaded.file or 'none'}")
    derived = {"thresholds.idle": str(loaded.settings.idle_ladder), "log.dir": str(loaded.settings.log_dir)}
    rows = [
        (
            known.key,
            derived[known.key] if value is None and known.key in derived else shown(value),
            str(origin),
            known.about.variable or "–",
        )
        for known, value, origin in loaded.all()
    ]
    draw(("SETTING", "VALUE", "FROM", "VARIABLE"), rows)
    if others:
        print("\nOpenTelemetry's own variables:")
        draw(("VARIABLE", "VALUE"), list(others.items()))


def shown(value: Any) -> str:
    """A value in one line, a secret hidden, «–» for none."""
    from pydantic import SecretStr

    if isinstance(value, SecretStr):
        return HIDDEN
    if value is None or value in ("", ()):
        return "–"
    if isinstance(value, tuple):
        return ", ".join(getattr(item, "name", None) or str(item) for item in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def standard_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The OTEL_* variables that are set; what may hold a secret is hidden, and so is a password in a URL."""
    return {
        name: HIDDEN if _SECRET_NAMES.search(name) else _USERINFO.sub(r"\1***@", value)
        for name, value in sorted(environ.items())
        if name.startswith("OTEL_") and value
    }


def _as_json(loaded: Loaded, others: Mapping[str, str]) -> str:
    import orjson

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
        for known, value, origin in loaded.all()
    }
    tree = {
        "file": str(loaded.file) if loaded.file else None,
        "settings": settings,
        "environment": dict(others),
        "warnings": loaded.warnings,
    }
    return orjson.dumps(tree, default=plain, option=orjson.OPT_INDENT_2).decode()
