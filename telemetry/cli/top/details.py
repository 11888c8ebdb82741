"""What is known of one agent, as text: the judgement, each source's word, the last lines of its screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.text import Text

from telemetry.cli.live.text import one_line, pad, width
from telemetry.cli.screen import duration
from telemetry.cli.styles import LEVEL_STYLES, STYLES

_HEADS = ("SOURCE", "AGE", "SAYS", "WHY", "BELIEVED FOR")


def explained(told: Mapping[str, Any]) -> Text:
    """An explanation as /api/v1/agents/explain gives it."""
    text = Text()
    state = str(told["state"])
    text.append(f"{one_line(told['name'])} in {one_line(told['cluster'])}: ", style="bold")
    text.append(state, style=STYLES.get(state, ""))
    text.append(f" for {duration(told['now'] - told['since'])}: {one_line(told['reason'])}\n")
    for what, value in _known(told):
        text.append(f"  {what:<10} ", style="dim")
        text.append(f"{one_line(value)}\n")
    text.append("\n")
    _append_words(text, told["words"])
    if told["disagreement"]:
        text.append(f"they disagree: {one_line(told['disagreement'])}\n", style="bold yellow")
    text.append(f"deaths are seen {one_line(told['deaths_are_seen'])}\n", style="dim")
    for one in told["alerts"]:
        text.append(f"  {one['level']}", style=LEVEL_STYLES.get(one["level"], ""))
        text.append(f": {one_line(one['rule'])}: {one_line(one['message'])}\n")
    return text


def screen_lines(told: Mapping[str, Any]) -> Text:
    """The last lines of a screen."""
    if not told["source"]:
        return Text("\nno source sees its screen\n", style="dim")
    text = Text(f"\nlast lines, as {one_line(told['source'])} sees them\n", style="bold")
    if not told["lines"]:
        text.append("the screen is empty\n", style="dim")
    for line in told["lines"]:
        text.append(f"│ {one_line(line) if chr(9) in line else _kept(line)}\n", style="not bold")
    return text


def _kept(line: str) -> str:
    """A line of a screen with its blanks, where nothing else is to be taken out of it."""
    return line if line.isprintable() else one_line(line)


def _known(told: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
    now, memory, cpu = told["now"], told["memory_bytes"], told["cpu_seconds"]
    known = (
        ("role", told["role"]),
        ("process", told["pid"] or ""),
        ("pane", told["pane_id"]),
        ("session", told["session_id"]),
        ("folder", told["folder"]),
        ("active", f"{duration(now - told['last_activity'])} ago" if told["last_activity"] else ""),
        ("restarts", told["restart_count"] or ""),
        ("task", told["task"]),
        ("CPU", "" if cpu is None else f"{cpu:.1f} s"),
        ("memory", "" if memory is None else f"{memory / 2**20:.0f} MiB"),
    )
    return [(what, str(value)) for what, value in known if value != ""]


def _append_words(text: Text, words: Iterable[Mapping[str, Any]]) -> None:
    rows = [
        (
            one_line(one["source"]),
            duration(one["age"]),
            one_line(one["says"]),
            one_line(one["reason"]) or "–",
            " and ".join(one["believed_for"]) or "–",
        )
        for one in words
    ]
    widths = [max(width(row[number]) for row in [_HEADS, *rows]) for number in range(len(_HEADS))]
    for row in [_HEADS, *rows]:
        line = "  ".join(pad(cell, size) for cell, size in zip(row, widths, strict=True)).rstrip()
        text.append(line + "\n", style="dim" if row is _HEADS else "")
