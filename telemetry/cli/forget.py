"""`orchestrator-telemetry forget AGENT`: it isn't expected any more."""

from __future__ import annotations

from typing import Annotated

import typer

from telemetry.cli import asking, suggest
from telemetry.cli import options as opt
from telemetry.cli.screen import print_json

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def forget(
    agent: Annotated[
        str, typer.Argument(metavar="AGENT", help="Its name, as `check` shows it.", autocompletion=suggest.agents)
    ],
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    cluster: Annotated[
        str | None, typer.Option("--cluster", metavar="NAME", help="Where several clusters have one of this name.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a line.")] = False,
) -> None:
    """Have the monitor expect an agent no longer: its alerts end, and it counts from 0 should it come back.

    An agent that was seen once stays expected as long as its session lives; one that the settings name, always.

    \b
    Examples:
      orchestrator-telemetry forget old_worker

    Exit codes: 0 forgotten, 1 there is none, or no monitor runs, 2 a setting is wrong.
    """
    settings = opt.settings(config, opt.flags(state_dir=state_dir)).settings
    with asking.needed(settings) as daemon:
        done = daemon.post("/api/agents/forget", agent=agent, cluster=cluster)
    if json:
        print_json(done)
    else:
        print(f"{agent}: forgotten in {', '.join(done['clusters'])}")
