"""`orchestrator-telemetry up`: all of it."""

from __future__ import annotations

from typing import Annotated

import typer

from telemetry.cli import options as opt

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def up(
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
    collector: Annotated[
        bool | None,
        typer.Option(
            "--collector/--no-collector",
            help="Run the bundled collector. Default: yes, unless OTEL_EXPORTER_OTLP_ENDPOINT is set.",
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Start the demo cluster where there is nothing to watch.")
    ] = True,
    notify: Annotated[
        bool, typer.Option("--notify", help="Let the demo, too, send to your backends and beyond this machine.")
    ] = False,
) -> None:
    """Watch the agents, serve the dashboard, and run the collector: all that one machine needs.

    Watched is what is configured; otherwise what is found on this machine: panes of your own tmux that carry the option
    @agent_name or run a known agent program, sessions and teams of Claude Code, and whoever reports itself. Where there
    is nothing, a demo cluster of five panes on a tmux server of its own. `sources` shows what is found.

    The collector is built once, in the background, which needs Go; everything else works meanwhile and without it.

    \b
    Examples:
      orchestrator-telemetry up
      orchestrator-telemetry up --cluster-file cluster.yaml --interval 5
      BACKENDS=prometheus,loki LOKI_URL=http://localhost:3100 orchestrator-telemetry up
      orchestrator-telemetry up --no-demo --profile production    # as a service

    SIGHUP reads the settings again; SIGTERM and Ctrl-C stop it.

    Exit codes: 0 stopped as asked, 1 it could not start (the port is busy, another one runs), 2 a setting is wrong.
    """
    from telemetry.cli.running import Start, run
    from telemetry.collecting import Wish

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
    wish = Wish.AUTO if collector is None else Wish.YES if collector else Wish.NO
    run(Start(config, given, collector=wish, demo="if nothing" if demo else "never", notify=notify))
