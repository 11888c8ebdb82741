"""`orchestrator-telemetry demo`: all of it, on pretended agents."""

from __future__ import annotations

from typing import Annotated

import typer

from telemetry.cli import options as opt

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def demo(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    interval: opt.Interval = None,
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
    notify: Annotated[
        bool, typer.Option("--notify", help="Send to your backends and beyond this machine as well.")
    ] = False,
) -> None:
    """Show all of it on five pretended agents: tmux panes that work, idle, ask, crash and come back.

    They run on a tmux server of their own, which ends with the demo. Nothing leaves this machine without --notify, and
    nothing is remembered. Log and lock are in the folder `demo` of the state folder, so that it runs beside a daemon
    that watches real agents (then with --port).

    \b
    Examples:
      orchestrator-telemetry demo
      orchestrator-telemetry demo --port 0 --interval 1 --no-collector

    Exit codes: 0 stopped as asked, 1 it could not start (no tmux, the port is busy), 2 a setting is wrong.
    """
    from telemetry.cli.running import Start, run
    from telemetry.collecting import Wish

    given = opt.flags(
        profile=profile,
        interval=interval,
        host=host,
        port=port,
        state_dir=state_dir,
        log_level=log_level,
    )
    wish = Wish.AUTO if collector is None else Wish.YES if collector else Wish.NO
    run(Start(config, given, collector=wish, demo="only", notify=notify))
