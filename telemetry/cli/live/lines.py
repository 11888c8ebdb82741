"""An overview as lines for a terminal of a given width: a sentence for each cluster, its agents, the open alerts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from telemetry.cli.live.board import Item
from telemetry.cli.live.overview import BROKEN, UNKNOWN, Group, Overview, quiet_for
from telemetry.cli.live.text import Line, Piece, cut, one_line, pad, width, wrap
from telemetry.cli.live.text import fit as fit_line
from telemetry.cli.screen import duration
from telemetry.cli.styles import LEVEL_STYLES, SHAPES, STYLES
from telemetry.model import PIPELINE

NARROWEST = 40
_GAP = "  "
_TIME = 6
_RESTARTS, _RST, _ROOMY = "RESTARTS", "RST", 100
"""The heading, the short one, and from how many columns on the long one is used."""
_LEAST_WHY = 16
_LONGEST_NAME = 40
_FEWEST_ROWS = 3
"""Agents that are shown however low the terminal is."""
_BESIDE_ROWS = 5
"""Lines of a cluster that are no agents: its sentence, the columns' names, how many more there are, a blank one."""
_ALERT_LINES = 2
_LONGEST_NOTE = 30
_ALERTS = 8
"""Alerts that are shown where not all are asked for."""


class Shape(NamedTuple):
    """What the lines are made for.

    Attributes:
        columns: The terminal's width.
        rows: Its height: agents and alerts that don't fit are counted, the worst stay. None: all of them.
        wide: Nothing is cut.
    """

    columns: int = 80
    rows: int | None = None
    wide: bool = False


def lines(found: Overview, shape: Shape, connection: str = "") -> list[list[Piece]]:
    """The screen; `connection` says what is wrong with it, or nothing."""
    shape = shape._replace(columns=10_000 if shape.wide else max(NARROWEST, shape.columns))
    head: list[Line] = [[(f"! {connection}", "bold red")]] if connection else []
    foot = _foot(found, connection)
    alerts = _alerts(found, shape.columns, None if shape.rows is None else _ALERTS)
    spent = len(head) + len(foot) + len(alerts) + _BESIDE_ROWS * len(found.groups)
    room = None if shape.rows is None else max(_FEWEST_ROWS, shape.rows - spent)
    body: list[Line] = []
    for group, share in zip(found.groups, _shares(found.groups, room), strict=True):
        body += [*_group(group, found, shape, share), []]
    made = [*head, *body, *alerts, *foot]
    return [list(line) if shape.wide else fit_line(line, shape.columns) for line in made]


def _shares(groups: Sequence[Group], room: int | None) -> list[int | None]:
    """How many rows each cluster may have, the one with the fewest agents first."""
    if room is None:
        return [None] * len(groups)
    shares: dict[str, int] = {}
    for number, group in enumerate(sorted(groups, key=lambda one: len(one.agents))):
        fair = max(_FEWEST_ROWS, room // (len(groups) - number))
        shares[group.name] = min(fair, len(group.agents))
        room = max(0, room - shares[group.name])
    return [shares[group.name] for group in groups]


def _group(group: Group, found: Overview, shape: Shape, share: int | None) -> list[Line]:
    style = "bold red" if group.code >= BROKEN else "bold yellow" if group.code else "bold green"
    mark = SHAPES["stopped"] if group.code == BROKEN else "?" if group.code == UNKNOWN else SHAPES["busy"]
    if group.code == 1:
        mark = SHAPES["waiting"]
    first, *more_words = wrap(f"{one_line(group.name)}: {one_line(group.sentence)}", shape.columns - 2)
    name = first[: len(one_line(group.name)) + 1]
    made: list[Line] = [[(f"{mark} ", style), (name, "bold"), (first.removeprefix(name), style)]]
    made += [[(f"  {words}", style)] for words in more_words]
    agents = group.agents
    if share is not None and len(agents) > share:
        agents = agents[: max(1, share - 1)]
    if agents:
        made += _table(agents, found.now, shape)
    if more := len(group.agents) - len(agents):
        made.append([(f"  and {more} more (--all shows every agent)", "dim")])
    if group.hidden:
        made.append([(f"  {group.hidden} that the filter leaves out", "dim")])
    return made


def _table(agents: Sequence[Item], now: float, shape: Shape) -> list[Line]:
    rows = [_cells(one, now) for one in agents]
    restarts = any(one["restart_count"] for one in agents)
    state_width = max(len(row.state) for row in rows)
    headers = _HEADERS._replace(restarts=_RESTARTS if shape.columns >= _ROOMY else _RST)
    fixed = 2 + state_width + 2 * _TIME + (len(headers.restarts) + len(_GAP) if restarts else 0) + 4 * len(_GAP)
    left = shape.columns - fixed
    longest = max(width("AGENT"), *(width(row.name) for row in rows))
    most = max(left // 2, left - min(_LEAST_WHY, max(width(row.why) for row in rows)))
    name_width = longest if shape.wide else max(5, min(longest, _LONGEST_NAME, most))
    made: list[Line] = []
    for row in [headers, *rows]:
        tail = [row.since, row.quiet, *([row.restarts] if restarts else [])]
        widths = [_TIME, _TIME, len(headers.restarts)]
        cells = [pad(text, columns, right=True) for text, columns in zip(tail, widths, strict=False)]
        head = "  " + pad(row.name, name_width) + _GAP
        plain = "dim" if row is headers else ""
        made.append(
            [
                (head, plain),
                (pad(row.state, state_width), STYLES.get(row.state[2:], plain)),
                ("".join(_GAP + cell for cell in [*cells, row.why]), plain),
            ]
        )
    return made


class _Row(NamedTuple):
    name: str
    state: str
    since: str
    quiet: str
    restarts: str
    why: str


_HEADERS = _Row("AGENT", "STATE", "FOR", "QUIET", _RST, "TASK / WHY")


def _cells(agent: Item, now: float) -> _Row:
    quiet, state = quiet_for(agent, now), str(agent["state"])
    return _Row(
        one_line(agent["name"]),
        f"{SHAPES.get(state, '?')} {state}",
        duration(now - agent["since"]),
        "–" if quiet is None else duration(quiet),
        str(agent["restart_count"]),
        why(agent),
    )


def why(agent: Item) -> str:
    """What matters of an agent: its task while all is well, else the reason."""
    at_work = agent["state"] in ("busy", "idle")
    words = (agent.get("task"), agent["reason"]) if at_work else (agent["reason"], agent.get("task"))
    return one_line(words[0] or words[1] or "")


def _alerts(found: Overview, columns: int, most: int | None) -> list[Line]:
    if not found.alerts and not found.quiet:
        return []
    shown = found.alerts if most is None else found.alerts[:most]
    made: list[Line] = [[(f"{len(found.alerts) or 'no'} open alert{'s' if len(found.alerts) != 1 else ''}", "bold")]]
    several = len(found.groups) > 1
    levels = max((len(one["level"]) for one in shown), default=0)
    for one in shown:
        made += alert_lines(one, found.now, columns, levels=levels, several=several)
    if more := len(found.alerts) - len(shown):
        made.append([(f"  and {more} more (`alerts` shows them)", "dim")])
    if found.quiet:
        made.append([(f"  {found.quiet} more of which nobody is told (`alerts` says why)", "dim")])
    if any(not is_taken(one) for one in shown):
        made.append([("  take one: `alerts ack ID --note WORDS`", "dim")])
    return [*made, []]


def alert_lines(alert: Item, now: float, columns: int, *, levels: int, several: bool) -> list[Line]:
    """An alert: id, level, for how long, whom it is about, what, and who takes care; at most two lines."""
    level, id_ = alert["level"], "  " + one_line(alert["id"]) + _GAP
    indent = width(id_) + levels + len(_GAP)
    said = wrap(alert_words(alert, now, several=several), columns - indent)
    if len(said) > _ALERT_LINES:
        said = [*said[: _ALERT_LINES - 1], cut(" ".join(said[_ALERT_LINES - 1 :]), columns - indent)]
    style = "dim" if is_taken(alert) else ""
    made: list[Line] = [[(id_, "dim"), (pad(level, levels) + _GAP, LEVEL_STYLES.get(level, "")), (said[0], style)]]
    return [*made, *([(" " * indent + words, style)] for words in said[1:])]


def alert_words(alert: Item, now: float, *, several: bool) -> str:
    """The same as words, with the cluster where there are several."""
    is_elsewhere = several or alert["cluster"] == PIPELINE  # a backend must not be taken for an agent
    place = f"{one_line(alert['cluster'])}/" if is_elsewhere and alert["agent"] else ""
    since = duration(now - (alert["fired_at"] or alert["since"]))
    words = f"{place}{one_line(alert['agent_name'])}: {one_line(alert['message'])}"
    if not is_taken(alert):
        return f"{since}  {words}"
    known = alert["acknowledged"]
    note = f": {one_line(known['note'])}" if known["note"] else ""
    return f"{since}  ✓ {cut(one_line(known['by']) + note, _LONGEST_NOTE)} · {words}"


def is_taken(alert: Item) -> bool:
    """Whether somebody takes care of it."""
    return bool(alert["acknowledged"] and alert["acknowledged"]["holds"])


def _foot(found: Overview, connection: str) -> list[Line]:
    made: list[Line] = [[(f"! {one_line(problem)}", "bold yellow")] for problem in found.problems]
    last = [f"last check {duration(found.now - found.checked_at)} ago"] if found.checked_at else []
    words = " · ".join([*last, *map(one_line, found.calm)])
    return [*made, [(words, "dim")]] if words and not connection else made


def signature(found: Overview) -> tuple[object, ...]:
    """What of an overview is a change worth a new block where no screen is drawn anew: not the passing of time."""
    agents = tuple(
        (group.name, one["name"], one["state"], one["restart_count"]) for group in found.groups for one in group.agents
    )
    alerts = tuple((one["id"], one["level"], is_taken(one)) for one in found.alerts)
    codes = tuple((group.name, group.code) for group in found.groups)
    return agents, alerts, codes, found.quiet, found.problems


def blocks(made: Iterable[Line]) -> list[Line]:
    """The same without the blank line at the end."""
    kept = list(made)
    while kept and not any(text for text, _ in kept[-1]):
        kept.pop()
    return kept
