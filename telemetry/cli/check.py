"""`orchestrator-telemetry check`: look once, say how it is."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from telemetry.cli import options as opt
from telemetry.cli import suggest
from telemetry.cli.screen import draw, duration, print_json
from telemetry.cli.styles import STYLES

if TYPE_CHECKING:
    from telemetry.model import Alert, ClusterSnapshot
    from telemetry.monitor import ClusterMonitor
    from telemetry.settings import Settings
    from telemetry.watching import Watch

app = typer.Typer(add_completion=False, rich_markup_mode=None)


class Found(NamedTuple):
    """What one look at a cluster brought; the explanation is empty where none was asked for."""

    snapshot: ClusterSnapshot | None
    alerts: list[Alert]
    explanation: dict[str, Any]


WELL, ATTENTION, BROKEN, UNKNOWN = range(4)


@app.command()
def check(
    *,
    config: opt.ConfigFile = None,
    profile: opt.Profile = None,
    cluster_file: opt.ClusterFile = None,
    tmux_session: opt.TmuxSession = None,
    tmux_socket: opt.TmuxSocket = None,
    source: opt.Sources = None,
    state_dir: opt.StateDir = None,
    explain: Annotated[
        str | None,
        typer.Option(
            "--explain",
            metavar="AGENT",
            help="One agent: what each source says, and why it is judged so.",
            autocompletion=suggest.agents,
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")] = False,
) -> None:
    """Look at every agent once, now, and print what is seen. Writes nothing and needs no running monitor. What agents
    report of themselves goes to a running monitor: such agents are in its dashboard, and in --explain.

    \b
    Examples:
      orchestrator-telemetry check
      orchestrator-telemetry check --json | jq '.clusters[].agents[] | select(.state != "busy")'
      orchestrator-telemetry check >/dev/null || notify-send "an agent needs you"
      orchestrator-telemetry check --explain grand_boss      # asks the running monitor, if there is one

    \b
    Exit codes (as Nagios and its heirs read them):
      0  all is well
      1  somebody should look: an agent waits for a person, is idle for too long, or restarted often
      2  an agent is stopped or unresponsive, or the whole cluster is down (or: a setting is wrong)
      3  nobody can tell: the source gives no answer, or there is nothing to watch
    """
    given = opt.flags(
        profile=profile,
        cluster_file=cluster_file,
        tmux_session=tmux_session,
        tmux_socket=tmux_socket,
        source=source,
        state_dir=state_dir,
    )
    loaded = opt.settings(config, given)
    if explain is not None and _explained_by_daemon(loaded.settings, explain, json=json):
        return
    from telemetry import watching
    from telemetry.settings import SettingsError

    try:
        watches = watching.watches(loaded.settings)
    except SettingsError as error:
        opt.fail(str(error), opt.BAD_SETTINGS)
    found = asyncio.run(_look(loaded.settings, watches, explain or ""))
    if explain is not None:
        _explain(explain, [one.explanation for one in found if one.explanation], json=json)
        return
    now, code = time.time(), max(map(exit_code, found))
    if json:
        print_json(_plain(found, code, now))
    else:
        for watch, one in zip(watches, found, strict=True):
            _print_cluster(watch, one, now)
    raise typer.Exit(code)


def _explained_by_daemon(settings: Settings, agent: str, *, json: bool) -> bool:
    """Has the running monitor explain an agent, which knows more than a look from outside; False where none runs."""
    from telemetry.cli.asking import Daemon, NoDaemonError

    try:
        answer = Daemon(settings.state_dir).get("/api/agents/explain", agent=agent)
    except NoDaemonError:
        return False
    _explain(agent, answer["explanations"], json=json)
    return True


def _explain(agent: str, found: list[dict[str, Any]], *, json: bool) -> None:
    from telemetry.cli import explaining

    if not found:
        opt.fail(f"no agent is named {agent!r}: `check` lists them")
    if json:
        print_json({"explanations": found})
    else:
        for one in found:
            explaining.show(one)


async def _look(settings: Settings, watches: Sequence[Watch], explain: str) -> list[Found]:
    """Every cluster once, side by side."""
    from telemetry import watching
    from telemetry.runtime import Signals

    # Alerts go into the answer; without a handler the standard library would print them as well.
    logging.getLogger("telemetry").addHandler(logging.NullHandler())
    store = watching.remembered(settings)
    # A look from outside: what is found is told here and nowhere else, whatever OTEL_* variables are set.
    monitors = [
        watching.monitor_of(watching.source_of(watch, store, settings), settings, Signals.silent())
        for watch in map(_from_outside, watches)
    ]

    async def one(monitor: ClusterMonitor) -> Found:
        with contextlib.suppress(RuntimeError):  # the source gave no answer: the snapshot says why
            await monitor.check_now()
        alerts = monitor.get_alerts(resolved=False)
        explanation = _explanation(monitor, explain) if explain else {}
        await monitor.close()
        return Found(monitor.snapshot, alerts, explanation)

    return list(await asyncio.gather(*(one(monitor) for monitor in monitors)))


def _from_outside(watch: Watch) -> Watch:
    """What agents report of themselves goes to a running monitor: a look from outside doesn't hear it."""
    heard = tuple(kind for kind in watch.kinds if kind != "push")
    return replace(watch, kinds=heard or watch.kinds)


def _explanation(monitor: ClusterMonitor, agent: str) -> dict[str, Any]:
    from telemetry.web import views

    agents = monitor.snapshot.agents if monitor.snapshot is not None else ()
    held = next((found for found in agents if found.name == agent), None)
    if held is None:
        return {}
    alerts = [alert for alert in monitor.get_alerts(resolved=False) if alert.agent_name == agent]
    return views.explanation(monitor, held, monitor.words(agent), alerts, time.time())


def exit_code(found: Found) -> int:
    """How it is with one cluster, as this command tells the shell."""
    from telemetry.model import State

    snapshot, alerts, _ = found
    if snapshot is None or snapshot.source_error or not snapshot.agents:
        return UNKNOWN
    states = {agent.state for agent in snapshot.agents}
    if not snapshot.session_exists or states & {State.STOPPED, State.UNRESPONSIVE}:
        return BROKEN
    if State.UNKNOWN in states:
        return UNKNOWN
    return ATTENTION if alerts or State.WAITING in states else WELL


def _plain(found: Sequence[Found], code: int, now: float) -> dict[str, Any]:
    from telemetry.web import views

    clusters = []
    for snapshot, alerts, _ in found:
        if snapshot is None:
            continue
        clusters.append(
            {
                "name": snapshot.cluster,
                "source": snapshot.source,
                "source_error": snapshot.source_error,
                "session_name": snapshot.session_name,
                "session_exists": snapshot.session_exists,
                "agents": [views.agent(agent, now) for agent in snapshot.agents],
                "alerts": [views.alert(alert) for alert in alerts],
            }
        )
    return {"now": now, "exit_code": code, "clusters": clusters}


def _print_cluster(watch: Watch, found: Found, now: float) -> None:
    snapshot, alerts, _ = found
    if snapshot is None:
        return
    if snapshot.source_error:
        print(f"{snapshot.cluster}: can't be seen: {snapshot.source_error}")
        return
    if not snapshot.agents and watch.options.session and not snapshot.session_exists:
        print(f"{snapshot.cluster}: tmux has no session {snapshot.session_name}")
        return
    if not snapshot.agents:
        print(
            f"{snapshot.cluster}: no agents: name their panes (tmux set-option -p @agent_name NAME), or --cluster-file"
        )
        return
    gone = "" if snapshot.session_exists else f" – the session {snapshot.session_name} is gone"
    busy = sum(agent.state.value == "busy" for agent in snapshot.agents)
    print(f"{snapshot.cluster}: {busy} of {len(snapshot.agents)} agents working{gone}")
    rows = [
        (
            agent.name,
            agent.state.value,
            duration(agent.idle_time(now)) if agent.up else "–",
            str(agent.sample.restart_count),
            agent.reason,
        )
        for agent in snapshot.agents
    ]
    draw(("AGENT", "STATE", "IDLE", "RESTARTS", "WHY"), rows, STYLES)
    for alert in alerts:
        if alert.suppressed:
            continue  # it repeats what another one says
        print(f"  {alert.level.value}: {alert.agent_name}: {alert.message}")
