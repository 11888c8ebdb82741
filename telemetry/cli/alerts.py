"""`orchestrator-telemetry alerts …`: what is open and what was, and what people say about it."""

from __future__ import annotations

import time
from glob import escape
from typing import TYPE_CHECKING, Annotated, Any

import typer

from telemetry.cli import asking, suggest
from telemetry.cli import options as opt
from telemetry.cli.screen import draw, duration, print_json

if TYPE_CHECKING:
    from telemetry.model import AlertLevel
    from telemetry.settings import Settings

HELP = """What is open and what was; acknowledge, silence. Without a further word: what is open now.

\b
Examples:
  orchestrator-telemetry alerts
  orchestrator-telemetry alerts history --agent builder --limit 20
  orchestrator-telemetry alerts ack 3f2a9c01de --note "restarting it"
  orchestrator-telemetry alerts silence --agent 'worker*' --for 2h --reason "new prompt"
  orchestrator-telemetry alerts unsilence 91c2ab07
  orchestrator-telemetry alerts --json | jq '.alerts[] | select(.suppressed == null)'

An acknowledged alert is not repeated, and is told again only at a higher level; a silenced one is not told at all. Both
are told to the monitor that runs with the state folder; without one, `alerts` and `alerts history` show what it left.

Exit codes: 0 done, 1 it could not be done (no monitor runs, no such alert), 2 a setting or a flag is wrong.
"""

app = typer.Typer(name="alerts", help=HELP, add_completion=False, rich_markup_mode=None)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of a table.")]
Cluster = Annotated[
    str | None,
    typer.Option("--cluster", metavar="NAME", help="Of this cluster.", autocompletion=suggest.clusters),
]
Agent = Annotated[
    str | None, typer.Option("--agent", metavar="NAME", help="Of this agent.", autocompletion=suggest.agents)
]
Rule = Annotated[str | None, typer.Option("--rule", metavar="ID", help="Of this rule, such as agent_stopped.")]
By = Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who you are; your user name by default.")]

STYLES = {"warning": "yellow", "error": "bold red", "critical": "bold white on red", "info": "green"}


@app.callback(invoke_without_command=True)
def alerts(
    context: typer.Context,
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    json: AsJson = False,
) -> None:
    """Options of all of them."""
    context.obj = (config, state_dir)
    if context.invoked_subcommand is None:
        _print_open(_settings(context, None, None), None, json)


def _settings(context: typer.Context, config: str | None, state_dir: str | None) -> Settings:
    """By the options of the command, else by those that stand before it."""
    before = context.obj
    return opt.settings(config or before[0], opt.flags(state_dir=state_dir or before[1])).settings


@app.command("open")
def open_alerts(
    context: typer.Context,
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    cluster: Cluster = None,
    json: AsJson = False,
) -> None:
    """What is open now, the worst first, and why it is not told where it isn't."""
    _print_open(_settings(context, config, state_dir), cluster, json)


def _print_open(settings: Settings, cluster: str | None, as_json: bool) -> None:
    try:
        found = asking.Daemon(settings.state_dir).get("/api/alerts/open", cluster=cluster)
    except asking.NoDaemonError as error:
        found = _left_open(settings, error, cluster)
    if as_json:
        print_json(found)
        return
    if not found["alerts"]:
        print("no alert is open")
        return
    now = found["now"]
    rows = [
        (
            held["id"],
            held["level"],
            held["cluster"],
            held["agent_name"],
            duration(now - (held["fired_at"] or held["since"])),
            held["message"],
            _standing(held),
        )
        for held in found["alerts"]
    ]
    draw(("ID", "LEVEL", "CLUSTER", "AGENT", "FOR", "WHAT", "STANDING"), rows, STYLES)


def _left_open(settings: Settings, error: asking.NoDaemonError, cluster: str | None) -> dict[str, Any]:
    from telemetry.web import views

    kept = asking.kept(settings, error)
    alerts = [
        views.open_alert(alert)
        for name, held in kept.alerts.items()
        if cluster in (None, name)
        for alert in held.values()
    ]
    return {"now": time.time(), "alerts": views.worst_first(alerts)}


def _standing(held: dict[str, Any]) -> str:
    """What is special about an open alert, in a few words."""
    words = []
    if held["phase"] == "pending":
        words.append("pending: not long enough to be told")
    elif held["phase"] == "dismissed":
        words.append("resolved by a person, its cause goes on")
    if (known := held["acknowledged"]) and known["holds"]:
        words.append(f"acknowledged by {known['by']}" + (f": {known['note']}" if known["note"] else ""))
    if held["suppressed"]:
        words.append(f"not told: {held['suppressed']['detail']}")
    if held["flapping"]:
        words.append("flapping")
    return "; ".join(words)


@app.command()
def history(
    context: typer.Context,
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    level: Annotated[str | None, typer.Option("--level", metavar="LEVEL", help="Of this level.")] = None,
    cluster: Cluster = None,
    agent: Agent = None,
    rule: Rule = None,
    text: Annotated[str, typer.Option("--text", metavar="WORDS", help="With this in its message.")] = "",
    since: Annotated[
        str | None, typer.Option("--since", metavar="TIME", help="Over since then: 2h, 7d. Default: as far as is kept.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 50,
    changes: Annotated[bool, typer.Option("--changes", help="Changes of state as well.")] = False,
    json: AsJson = False,
) -> None:
    """What is over, the newest first."""
    settings = _settings(context, config, state_dir)
    wanted = {
        "level": _level(level),
        "cluster": cluster,
        "agent": agent,
        "rule": rule,
        "text": text,
        "since": None if since is None else time.time() - asking.seconds(since, "--since"),
        "limit": limit,
        "changes": changes,
    }
    try:
        found = asking.Daemon(settings.state_dir).get("/api/alerts/history", **wanted)
    except asking.NoDaemonError as error:
        found = _left_over(settings, error, wanted)
    if json:
        print_json(found)
        return
    if not found["alerts"]:
        print("nothing of that kind is kept")
        return
    rows = [
        (
            time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(held["timestamp"])),
            duration(held["resolved_at"] - held["timestamp"]),
            held["level"],
            held["cluster"],
            held["agent_name"],
            held["message"],
        )
        for held in found["alerts"]
    ]
    draw(("BEGAN", "LASTED", "LEVEL", "CLUSTER", "AGENT", "WHAT"), rows, STYLES)
    if (more := found["total"] - len(rows)) > 0:
        print(f"and {more} older")


def _left_over(settings: Settings, error: asking.NoDaemonError, wanted: dict[str, Any]) -> dict[str, Any]:
    from telemetry.store import HistoryQuery, StoreError
    from telemetry.web import views

    try:
        page = asking.left(settings, error).history(HistoryQuery(**wanted))
    except StoreError as fault:
        opt.fail(str(fault))
    return {"alerts": [views.alert(held) for held in page.alerts], "total": page.total}


def _level(text: str | None) -> AlertLevel | None:
    from telemetry.model import AlertLevel

    if text is None:
        return None
    try:
        return AlertLevel(text.strip().lower())
    except ValueError:
        allowed = ", ".join(level.value for level in AlertLevel)
        opt.fail(f"--level is {text!r}: it must be one of {allowed}", opt.BAD_SETTINGS)


@app.command()
def ack(
    context: typer.Context,
    alert: Annotated[
        str,
        typer.Argument(metavar="ID", help="The alert's id, as `alerts` shows it.", autocompletion=suggest.open_alerts),
    ],
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    note: Annotated[str, typer.Option("--note", metavar="WORDS", help="For those who read it.")] = "",
    by: By = None,
    json: AsJson = False,
) -> None:
    """You take care of an alert: it is not repeated at this level or below."""
    with asking.needed(_settings(context, config, state_dir)) as daemon:
        held = daemon.post("/api/alerts/ack", alert=alert, by=by or asking.me(), note=note)
    if json:
        print_json(held)
    else:
        print(f"{held['agent_name']}: {held['message']}: acknowledged by {held['acknowledged']['by']}")


@app.command()
def silence(
    context: typer.Context,
    alert: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An alert's id: its agent and rule.", autocompletion=suggest.open_alerts),
    ] = None,
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    cluster: Annotated[
        str | None,
        typer.Option("--cluster", metavar="PATTERN", help="Clusters, with * and ?.", autocompletion=suggest.clusters),
    ] = None,
    agent: Annotated[
        str | None,
        typer.Option("--agent", metavar="PATTERN", help="Agents, with * and ?.", autocompletion=suggest.agents),
    ] = None,
    rule: Annotated[str | None, typer.Option("--rule", metavar="PATTERN", help="Rules, with * and ?.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every alert of every cluster.")] = False,
    lasting: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30m, 2h, 1d.")],
    reason: Annotated[str, typer.Option("--reason", metavar="WORDS", help="Why, for those who wonder.")],
    by: By = None,
    json: AsJson = False,
) -> None:
    """Nobody is told of what matches, for a time. It goes on being watched, and its end is told if its begin was."""
    chosen = {"cluster": cluster, "agent": agent, "rule": rule}
    if everything == (alert is not None or any(chosen.values())):
        opt.fail("say what: an alert's id, or any of --cluster, --agent, --rule; or --all", opt.BAD_SETTINGS)
    with asking.needed(_settings(context, config, state_dir)) as daemon:
        if alert is not None:
            chosen = _place_of(daemon, alert)
        held = daemon.post(
            "/api/silences", by=by or asking.me(), reason=reason, seconds=asking.seconds(lasting, "--for"), **chosen
        )
    if json:
        print_json(held)
    else:
        print(f"{held['id']}: {_matched(held)} silenced until {_clock(held['ends_at'])}")


def _place_of(daemon: asking.Daemon, alert: str) -> dict[str, str | None]:
    held = next((held for held in daemon.get("/api/alerts/open")["alerts"] if held["id"] == alert), None)
    if held is None:
        opt.fail(f"no open alert has the id {alert!r}")
    # a name is meant, whatever stands in it: no pattern
    return {name: escape(held[name]) or None for name in ("cluster", "agent", "rule")}


@app.command()
def silences(
    context: typer.Context, *, config: opt.ConfigFile = None, state_dir: opt.StateDir = None, json: AsJson = False
) -> None:
    """What is silenced, until when, by whom and why."""
    settings = _settings(context, config, state_dir)
    try:
        found = asking.Daemon(settings.state_dir).get("/api/silences")
    except asking.NoDaemonError as error:
        from telemetry.web import views

        now = time.time()
        left = sorted(asking.kept(settings, error).silences, key=lambda held: held.ends_at)
        found = {"now": now, "silences": [views.silence(held, now) for held in left if held.ends_at > now]}
    if json:
        print_json(found)
        return
    if not found["silences"]:
        print("nothing is silenced")
        return
    rows = [
        (held["id"], _matched(held), _clock(held["starts_at"]), _clock(held["ends_at"]), held["author"], held["reason"])
        for held in found["silences"]
    ]
    draw(("ID", "WHAT", "FROM", "UNTIL", "BY", "WHY"), rows)


@app.command()
def unsilence(
    context: typer.Context,
    silence: Annotated[
        str,
        typer.Argument(
            metavar="ID", help="The silence's id, as `alerts silences` shows it.", autocompletion=suggest.silences
        ),
    ],
    *,
    config: opt.ConfigFile = None,
    state_dir: opt.StateDir = None,
    json: AsJson = False,
) -> None:
    """Ends a silence: what is still open is told with the next check."""
    from urllib.parse import quote

    with asking.needed(_settings(context, config, state_dir)) as daemon:
        done = daemon.delete(f"/api/silences/{quote(silence, safe='')}")
    if json:
        print_json(done)
    else:
        print(f"{silence}: ended")


def _matched(held: dict[str, Any]) -> str:
    words = [f"{name} {held[name]}" for name in ("cluster", "agent", "rule") if held[name] not in ("*", "")]
    return ", ".join(words) or "everything"


def _clock(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at))
