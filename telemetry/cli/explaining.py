"""How `check --explain` shows why an agent is judged as it is."""

from __future__ import annotations

from typing import Any

from telemetry.cli.screen import draw, duration
from telemetry.cli.styles import STYLES


def show(told: dict[str, Any]) -> None:
    """One agent: the judgement with its reason, every source's word and its age, where they disagree, its alerts."""
    since = duration(told["now"] - told["since"])
    print(f"{told['name']} in {told['cluster']}: {told['state']} for {since}: {told['reason']}")
    for what, value in _known(told):
        print(f"  {what:<10} {value}")
    rows = [
        (
            word["source"],
            duration(word["age"]),
            word["says"],
            word["reason"] or "–",
            " and ".join(word["believed_for"]) or "–",
        )
        for word in told["words"]
    ]
    print()
    draw(("SOURCE", "AGE", "SAYS", "WHY", "BELIEVED FOR"), rows, STYLES)
    if told["disagreement"]:
        print(f"they disagree: {told['disagreement']}")
    print(f"deaths are seen {told['deaths_are_seen']}")
    for alert in told["alerts"]:
        print(f"  {alert['level']}: {alert['rule']}: {alert['message']}")


def _known(told: dict[str, Any]) -> list[tuple[str, str]]:
    """What is known besides, with its name."""
    now = told["now"]
    active = f"{duration(now - told['last_activity'])} ago" if told["last_activity"] else ""
    work = {True: "yes", False: "none assigned: it may be idle", None: ""}[told["has_work"]]
    memory = f"{told['memory_bytes'] / 2**20:.0f} MiB" if told["memory_bytes"] is not None else ""
    cpu = f"{told['cpu_seconds']:.1f} s" if told["cpu_seconds"] is not None else ""
    known = [
        ("role", told["role"]),
        ("process", str(told["pid"] or "")),
        ("pane", told["pane_id"]),
        ("session", told["session_id"]),
        ("folder", told["folder"]),
        ("active", active),
        ("restarts", str(told["restart_count"] or "")),
        ("task", told["task"]),
        ("work", work),
        ("CPU", cpu),
        ("memory", memory),
    ]
    return [(what, value) for what, value in known if value]
