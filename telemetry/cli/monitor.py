"""`orchestrator-telemetry monitor`: watch, without any web."""

from __future__ import annotations

import typer

from telemetry.cli import options as opt

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def monitor(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    interval: opt.Interval = None,
    cluster_file: opt.ClusterFile = None,
    tmux_session: opt.TmuxSession = None,
    tmux_socket: opt.TmuxSocket = None,
    source: opt.Sources = None,
    state_dir: opt.StateDir = None,
    log_level: opt.LogLevel = None,
) -> None:
    """Watch the agents: log lines, and OTLP where OTEL_EXPORTER_OTLP_ENDPOINT is set. No dashboard, no collector.

    \b
    Examples:
      orchestrator-telemetry monitor --tmux-session main --interval 5
      OTEL_EXPORTER_OTLP_ENDPOINT=http://gateway:4318 orchestrator-telemetry monitor

    SIGHUP reads the settings again; SIGTERM and Ctrl-C stop it.

    Exit codes: 0 stopped as asked, 1 it could not start, 2 a setting is wrong.
    """
    from telemetry.cli.running import Start, run

    given = opt.flags(
        profile=profile,
        interval=interval,
        cluster_file=cluster_file,
        tmux_session=tmux_session,
        tmux_socket=tmux_socket,
        source=source,
        state_dir=state_dir,
        log_level=log_level,
    )
    run(Start(config, given, web=False))
