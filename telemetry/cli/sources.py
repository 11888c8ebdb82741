"""`orchestrator-telemetry sources`: where agents are looked for, and what is there."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer

from telemetry.cli import options as opt
from telemetry.cli.screen import draw, duration, print_json

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def sources(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    cluster_file: opt.ClusterFile = None,
    tmux_session: opt.TmuxSession = None,
    tmux_socket: opt.TmuxSocket = None,
    source: opt.Sources = None,
    state_dir: opt.StateDir = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")] = False,
) -> None:
    """Every kind of source: whether it is used, what it finds on this machine now, and why. Changes nothing.

    With a running monitor, also how it is with each of its sources, and how deaths are seen: at once, by pidfd, or by
    checks where the system has none.

    \b
    Examples:
      orchestrator-telemetry sources
      orchestrator-telemetry sources --source claude
      orchestrator-telemetry up --source tmux,claude      # only these two

    Exit codes: 0 something was found, 1 nothing, 2 a setting is wrong.
    """
    given = opt.flags(
        profile=profile,
        cluster_file=cluster_file,
        tmux_session=tmux_session,
        tmux_socket=tmux_socket,
        source=source,
        state_dir=state_dir,
    )
    settings = opt.settings(config, given).settings
    from telemetry import watching
    from telemetry.cli.asking import Daemon, NoDaemonError
    from telemetry.settings import SettingsError
    from telemetry.sources.builtin import BUILTIN

    try:
        watches = watching.watches(settings)
    except SettingsError as error:
        opt.fail(str(error), opt.BAD_SETTINGS)
    found = [_plain(watch.cluster, kind.name, what) for watch in watches for kind, what in watching.found(watch)]
    try:
        running = Daemon(settings.state_dir).get("/api/sources")["clusters"]
    except NoDaemonError:
        running = []
    pidfd = hasattr(os, "pidfd_open")
    deaths = "at once, by pidfd" if pidfd else "by checks: this system has no pidfd"
    if json:
        kinds = [{"source": kind.name, "sees": kind.summary} for kind in BUILTIN]
        print_json({"kinds": kinds, "found": found, "deaths_are_seen": deaths, "running": running})
    else:
        _show({kind.name: kind.summary for kind in BUILTIN}, found, running)
        print(f"The death of an agent's process is seen {deaths}.")
    raise typer.Exit(0 if any(one["there"] for one in found) else 1)


def _plain(cluster: str, kind: str, what: Any) -> dict[str, Any]:
    return {"cluster": cluster, "source": kind, "there": what.there, "why": what.why}


def _show(kinds: dict[str, str], found: list[dict[str, Any]], running: list[dict[str, Any]]) -> None:
    used = {one["source"] for one in found}
    several = len({one["cluster"] for one in found}) > 1
    rows = [
        (
            one["source"] + (f" ({one['cluster']})" if several else ""),
            "yes" if one["there"] else "nothing",
            kinds[one["source"]],
            one["why"],
        )
        for one in found
    ]
    rows += [(name, "not used", summary, "") for name, summary in kinds.items() if name not in used]
    draw(("SOURCE", "FOUND", "WHAT IT SEES", "WHY"), rows, {"yes": "green", "nothing": "dim", "not used": "dim"})
    for cluster in running:
        print(f"\nThe running monitor sees the cluster {cluster['cluster']}:")
        draw(("SOURCE", "AGENTS", "ANSWERED", "BETWEEN CHECKS"), [_standing(one) for one in cluster["sources"]])
        print(f"Its deaths are seen {cluster['deaths_are_seen']}.")


def _standing(one: dict[str, Any]) -> tuple[str, str, str, str]:
    answered = "never" if one["age"] is None else f"{duration(one['age'])} ago"
    return one["source"], str(one["agents"]), one["error"] or answered, one["events"] or "nothing: checks only"
