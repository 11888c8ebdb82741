"""`orchestrator-telemetry dashboard`: watch, with dashboard, API and /metrics."""

from __future__ import annotations

import typer

from telemetry.cli import options as opt

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def dashboard(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    interval: opt.Interval = None,
    cluster_file: opt.ClusterFile = None,
    tmux_session: opt.TmuxSession = None,
    tmux_socket: opt.TmuxSocket = None,
    source: opt.Sources = None,
    host: opt.Host = None,
    port: opt.Port = None,
    state_dir: opt.StateDir = None,
    log_level: opt.LogLevel = None,
) -> None:
    """Watch the agents and serve the dashboard, the API and /metrics at http://127.0.0.1:8000.

    \b
    Examples:
      orchestrator-telemetry dashboard --port 9000
      curl http://localhost:8000/api/metrics
      curl -X POST http://localhost:8000/api/monitoring/stop

    SIGHUP reads the settings again; SIGTERM and Ctrl-C stop it.

    Exit codes: 0 stopped as asked, 1 it could not start (the port is busy, another one runs), 2 a setting is wrong.
    """
    from telemetry.cli.running import Start, run

    given = opt.flags(
        profile=profile,
        interval=interval,
        cluster_file=cluster_file,
        tmux_session=tmux_session,
        tmux_socket=tmux_socket,
        source=source,
        host=host,
        port=port,
        state_dir=state_dir,
        log_level=log_level,
    )
    run(Start(config, given))
