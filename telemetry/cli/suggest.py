"""What the shell offers behind a flag or as an argument: names the running monitor knows. None runs: nothing.

It is asked with every press of the tab key: no settings are loaded, and an answer that takes longer than a moment is
none. Names come from agents, and the shell puts them where a person presses enter: only plain ones are offered.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import typer

Offered = list[tuple[str, str]]
"""Words, each with what it means."""

_PLAIN = re.compile(r"[\w.@%+=,/-]+")


def words(*known: str) -> Callable[[str], Offered]:
    """Some of these, joined by commas."""

    def offer(incomplete: str) -> Offered:
        before, comma, _ = incomplete.rpartition(",")
        taken = before.split(",")
        return [(before + comma + word, "") for word in known if word not in taken]

    return _only_fitting(offer)


def agents(ctx: typer.Context, incomplete: str) -> Offered:
    """Names of agents, with their states."""
    found = _ask(ctx, "/api/v1/agents").get("clusters", [])
    return _fitting(((one["name"], one["state"]) for cluster in found for one in cluster["agents"]), incomplete)


def clusters(ctx: typer.Context, incomplete: str) -> Offered:
    """Names of clusters."""
    found = _ask(ctx, "/api/v1/agents").get("clusters", [])
    return _fitting(((one["name"], f"{len(one['agents'])} agents") for one in found), incomplete)


def open_alerts(ctx: typer.Context, incomplete: str) -> Offered:
    """Ids of open alerts, with what they say."""
    found = _ask(ctx, "/api/v1/alerts/open").get("alerts", [])
    return _fitting(((one["id"], f"{one['level']} {one['agent_name']}") for one in found), incomplete)


def silences(ctx: typer.Context, incomplete: str) -> Offered:
    """Ids of silences, with their reasons."""
    found = _ask(ctx, "/api/v1/silences").get("silences", [])
    return _fitting(((one["id"], one["reason"]) for one in found), incomplete)


def _only_fitting(offer: Callable[[str], Offered]) -> Callable[[str], Offered]:
    def fitting(incomplete: str) -> Offered:
        return _fitting(offer(incomplete), incomplete)

    return fitting


def _fitting(found: Iterable[tuple[str, str]], incomplete: str) -> Offered:
    plain = {
        word: re.sub(r"[^\w .,/-]", "", what)[:60]
        for word, what in found
        if word.startswith(incomplete) and _PLAIN.fullmatch(word) and word[:1] not in "-="
    }
    return sorted(plain.items())


def _ask(ctx: typer.Context, path: str) -> dict[str, Any]:
    from telemetry.cli import nearby  # needed when the tab key is pressed, and by no command

    folder = nearby.state_dir(_given(ctx, "state_dir"), _given(ctx, "config"), os.environ, Path.cwd())
    return nearby.ask(folder, path)


def _given(ctx: Any, name: str) -> str | None:
    """What an option was given, by the command or by the group before it."""
    while ctx is not None:
        if value := ctx.params.get(name):
            return str(value)
        ctx = ctx.parent
    return None
