"""`orchestrator-telemetry status`: how it is, on one screen, as the running monitor knows it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telemetry.cli import options as opt
from telemetry.cli import suggest
from telemetry.cli.live.board import Board
from telemetry.cli.live.overview import LEVELS, UNKNOWN, Overview, Wanted, count, overview, quiet_for
from telemetry.cli.screen import print_json

if TYPE_CHECKING:
    from telemetry.cli.live.lines import Shape
    from telemetry.settings import Settings

app = typer.Typer(add_completion=False, rich_markup_mode=None)

STATES = ("busy", "idle", "waiting", "unresponsive", "stopped", "unknown")


@app.command()
def status(
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    cluster: opt.ClusterPattern = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="PATTERN", help="These agents only; * and ?.", autocompletion=suggest.agents),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--state",
            metavar="STATES",
            help=f"Agents in these states only, joined by commas: {', '.join(STATES)}.",
            autocompletion=suggest.words(*STATES),
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Stay, and show every change as it happens.")] = False,
    every: Annotated[
        float,
        typer.Option("--every", min=0.1, max=60, metavar="SECONDS", help="With --watch: count times anew so often."),
    ] = 1.0,
    everything: Annotated[bool, typer.Option("--all", help="Every agent and alert, however many.")] = False,
    wide: Annotated[bool, typer.Option("--wide", help="Cut nothing, however long the lines.")] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours; so does NO_COLOR=1.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a screen.")] = False,
) -> None:
    """How it is now: a sentence for each cluster, its agents with the worst first, and what is open. Asks the running
    monitor and looks at nothing itself; `check` looks by itself, once, and needs no monitor.

    \b
    Examples:
      orchestrator-telemetry status
      orchestrator-telemetry status --watch                      # Ctrl-C ends it
      orchestrator-telemetry status --cluster night --state stopped,waiting
      orchestrator-telemetry status >/dev/null || notify-send "an agent needs you"
      orchestrator-telemetry status --json | jq -r '.clusters[].agents[] | select(.state=="waiting").name'

    FOR is the time in this state, QUIET the time since the agent last did anything, RST how often it was started
    again. Lines are as wide as the terminal,
    or as COLUMNS says, or 80. A table that would be longer than the terminal keeps the worst; in a pipe all is there.

    --json: now, exit_code, running (a monitor), problem (why nothing is known, or ""), clusters (as GET
    /api/v1/agents has them, with sentence, exit_code and the agents' idle_time), alerts (as /api/v1/alerts/open),
    silences, channels, backends, damaged_queue_files (of the collector), problems.

    \b
    Exit codes (as `check` has them):
      0  all is well
      1  somebody should look: an agent waits, an alert is at WARNING, or a channel, a backend or the store fails
      2  an agent is stopped or unresponsive, a session is gone, or an alert is at ERROR or worse (or: a flag is wrong)
      3  nobody can tell: no monitor runs, its last check is too old, a source gives no answer, nothing is watched
    What is silenced or in maintenance is no alert here; agents count as they are. --watch ends with 0.
    """
    settings = opt.settings(config, opt.flags(state_dir=state_dir)).settings
    wanted = Wanted(cluster, agent, _states(state))
    if watch:
        if json:
            opt.fail("--json and --watch don't go together: GET /api/v1/stream has it as events", opt.BAD_SETTINGS)
        from telemetry.cli.live.watching import Look, watch_status

        look = Look(wanted, every, everything=everything, wide=wide, colour=_colour(no_color))
        asyncio.run(watch_status(settings.state_dir, look))
        return
    board, problem = _ask(settings)
    found = overview(board.items, board.now(), wanted)
    code = UNKNOWN if problem else found.code
    if json:
        print_json(plain(board, found, problem, code))
    elif problem:
        _show_left(settings, problem)
    else:
        _show(found, _shape(everything=everything, wide=wide), colour=_colour(no_color))
    raise typer.Exit(code)


def _states(text: str | None) -> tuple[str, ...]:
    found = tuple(word.strip().lower() for word in (text or "").split(",") if word.strip())
    if wrong := [word for word in found if word not in STATES]:
        opt.fail(f"--state is {wrong[0]!r}: it must be one of {', '.join(STATES)}", opt.BAD_SETTINGS)
    return found


def _colour(no_color: bool) -> bool:
    from telemetry.signals.log_sinks import wants_colour

    return not no_color and wants_colour(sys.stdout)


def _ask(settings: Settings) -> tuple[Board, str]:
    """What the monitor knows, and why nothing is known."""
    from telemetry.cli import asking

    board = Board()
    try:
        board.take("snapshot", asking.Daemon(settings.state_dir).get("/api/v1/state"))
    except asking.NoDaemonError as error:
        return board, str(error)
    return board, ""


def _shape(*, everything: bool, wide: bool) -> Shape:
    from telemetry.cli.live.lines import Shape

    size = shutil.get_terminal_size()
    return Shape(size.columns, size.lines - 1 if sys.stdout.isatty() and not everything else None, wide)


def _show(found: Overview, shape: Shape, *, colour: bool) -> None:
    from telemetry.cli.live.lines import blocks, lines
    from telemetry.cli.live.text import as_text

    print(as_text(blocks(lines(found, shape)), colour=colour, encoding=sys.stdout.encoding), end="")


def _show_left(settings: Settings, problem: str) -> None:
    """What the last monitor left in its store: the alerts that were open."""
    opt.say(f"{problem}: nobody watches (`orchestrator-telemetry up` does)")
    alerts = _left(settings)
    if not alerts:
        return
    print(f"{count(len(alerts), 'alert')} open when the last monitor ended:")
    for one in alerts:
        print(f"  {one['id']}  {one['level']:<8}  {one['cluster']}/{one['agent_name']}: {one['message']}")


def _left(settings: Settings) -> list[dict[str, Any]]:
    from telemetry import watching
    from telemetry.store import AlertStore, Database, StoreError
    from telemetry.web import views

    try:
        if not watching.store_path(settings).exists():
            return []
        kept = AlertStore(Database(watching.store_path(settings))).load()
    except (StoreError, OSError) as error:
        opt.say(f"what it left can't be read: {error}")
        return []
    found = [views.open_alert(one) for held in kept.alerts.values() for one in held.values()]
    return views.worst_first([one for one in found if one["phase"] == "firing"])


def plain(board: Board, found: Overview, problem: str, code: int) -> dict[str, Any]:
    """The overview for programs, in the API's own shapes."""
    of_kind = {
        kind: [dict(one) for key, one in sorted(board.items.items()) if key.startswith(kind + "/")]
        for kind in ("alert", "silence", "channel", "backend")
    }
    alerts = [one for one in of_kind["alert"] if one["cluster"] in found.names]
    return {
        "now": found.now,
        "exit_code": code,
        "running": not problem,
        "problem": problem,
        "clusters": [
            {
                **group.item,
                "sentence": group.sentence,
                "exit_code": group.code,
                "agents": [{**one, "idle_time": quiet_for(one, found.now) or 0.0} for one in group.agents],
            }
            for group in found.groups
        ],
        "alerts": sorted(alerts, key=lambda one: (LEVELS.index(one["level"]), one["since"])),
        "silences": of_kind["silence"],
        "channels": of_kind["channel"],
        "backends": of_kind["backend"],
        "damaged_queue_files": board.items.get("monitor", {}).get("damaged_queue_files", 0),
        "problems": list(found.problems),
    }
