"""`orchestrator-telemetry top`: the agents live, with keys to acknowledge, silence, filter and jump."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from telemetry.cli import options as opt
from telemetry.cli import suggest

app = typer.Typer(add_completion=False, rich_markup_mode=None)

ORDERS = ("trouble", "name", "idle", "restarts", "cpu", "memory")


@app.command()
def top(
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    cluster: opt.ClusterPattern = None,
    sort: Annotated[
        str,
        typer.Option("--sort", metavar="ORDER", help=f"By {', '.join(ORDERS)}.", autocompletion=suggest.words(*ORDERS)),
    ] = "trouble",
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Who you are; your user name by default.")
    ] = None,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR=1.")] = False,
) -> None:
    """The agents, live: every change shows at once, the worst first. No mouse is needed, 80x24 is enough.

    \b
    Keys:
      a   acknowledge the agent's worst alert, with a note     d   details: every source's word, the last lines
      s   silence the agent, or one alert, for a time          l   its lines in the monitor's log
      /   filter; Esc shows all again                          o   another order: trouble, name, idle, restarts, …
      Enter, j   to the agent's pane in tmux                   Tab to the alerts and back
      ?   help                                                 q   quit

    \b
    Examples:
      orchestrator-telemetry top
      orchestrator-telemetry top --cluster night --sort idle
      tmux display-popup -E -w 90% -h 80% orchestrator-telemetry top    # over whatever you do in tmux

    Exit codes: 0 quit, 1 it needs a terminal, 2 a setting or a flag is wrong.
    """
    if sort not in ORDERS:
        opt.fail(f"--sort is {sort!r}: it must be one of {', '.join(ORDERS)}", opt.BAD_SETTINGS)
    settings = opt.settings(config, opt.flags(state_dir=state_dir)).settings
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        opt.fail("top needs a terminal: `status --watch` writes into a pipe")
    if no_color:
        os.environ["NO_COLOR"] = "1"  # read when Textual is imported
    from telemetry.cli import asking
    from telemetry.cli.live.overview import Wanted
    from telemetry.cli.logs import LOG_FILE
    from telemetry.cli.top.client import SocketClient
    from telemetry.cli.top.screen import Top

    client = SocketClient(settings.state_dir, by or asking.me())
    sockets = [settings.tmux.socket] if "/" in settings.tmux.socket else []
    Top(client, Wanted(cluster), order=sort, log=settings.log_dir / LOG_FILE, sockets=sockets).run(mouse=False)
