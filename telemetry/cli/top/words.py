"""What `top` says: the lines on top, the keys, the help; and how a typed time is read."""

from __future__ import annotations

from rich.text import Text

from telemetry.cli.live.board import Board
from telemetry.cli.live.overview import BROKEN, WELL, Overview
from telemetry.cli.live.text import cut, one_line
from telemetry.cli.screen import duration

KEYS = "a ack  s silence  / filter  o order  j jump  d details  l log  ? help  q quit"

HELP = """a          acknowledge the agent's worst alert, with a note: it is not repeated
s          silence the agent for a time: nobody is told; in the list of alerts,
           that alert alone
Tab        to the list of alerts, and back
/          filter by a part of name, role, state or task; Enter keeps it,
           Esc shows all again
o          another order: trouble, name, idle, restarts, cpu, memory
r          the order turned round
j, Enter   to the agent's pane, where this terminal is in its tmux;
           else the command that goes there
d          details: what each source says, and the last lines of the screen
l          the agent's lines in the monitor's log, as they come
q          quit

FOR is the time in this state, QUIET the time since it last did anything,
RST how often it was started again.
● busy  ○ idle  ◆ waits for a person  ▲ unresponsive  ■ stopped  ? unknown"""

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST = 366 * 86_400
_MOST_SENTENCES = 3


def head(found: Overview, board: Board, text: str, order: str, columns: int, *, backwards: bool) -> Text:
    """The lines on top: the connection where it is lost, a sentence a cluster, how the table is sorted and filtered."""
    lines: list[tuple[str, str]] = []
    if board.connection:
        lines.append((f"! {board.connection}", "bold red"))
    elif not board.is_known:
        lines.append(("asking the monitor …", "dim"))
    groups = sorted(found.groups, key=lambda one: -one.code)
    for group in groups[:_MOST_SENTENCES]:
        style = "bold red" if group.code >= BROKEN else "bold green" if group.code == WELL else "bold yellow"
        lines.append((f"{one_line(group.name)}: {one_line(group.sentence)}", style))
    lines += [(f"! {one_line(problem)}", "bold yellow") for problem in found.problems[:1]]
    words = [f"order: {order}{' (turned round)' if backwards else ''}"]
    words += [f"filter: {one_line(text)}"] if text else []
    words += [f"last check {duration(found.now - found.checked_at)} ago"] if found.checked_at else []
    words += [f"{len(groups) - _MOST_SENTENCES} more clusters"] if len(groups) > _MOST_SENTENCES else []
    lines = [*lines[:3], (" · ".join(words), "dim")]
    return Text("\n").join(Text(cut(line, columns), style=style) for line, style in lines)


def is_time(text: str) -> str:
    """What is wrong with a typed time, or ""."""
    return "" if seconds(text) else "it must be a time such as 30m, 2h or 1d"


def seconds(text: str) -> float:
    """`90s`, `30m`, `2h`, `1d` in seconds; 0.0 where it isn't that."""
    shown = text.strip().lower()
    number = shown.rstrip("abcdefghijklmnopqrstuvwxyz")
    unit = _UNITS.get(shown.removeprefix(number).strip())
    try:
        found = float(number) * unit if unit else 0.0
    except ValueError:
        return 0.0
    return found if 0 < found <= _LONGEST else 0.0
