"""Where an agent's tmux pane is, and how one gets there."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from telemetry.cli.live.board import Item

_PATIENCE = 2.0
"""Seconds for one answer of tmux."""


class Place(NamedTuple):
    """A pane on a server.

    Attributes:
        socket: The server's socket.
        pane: tmux's %N.
        inside: Whether this terminal is a client of that server, which can be led there.
    """

    socket: str
    pane: str
    inside: bool

    @property
    def command(self) -> str:
        """What one types to get there from a shell."""
        tmux = f"tmux -S {shlex.quote(self.socket)}"
        return f"{tmux} select-window -t {self.pane} \\; select-pane -t {self.pane} \\; attach -t {self.pane}"


def find(agent: Item, environ: Mapping[str, str], sockets: Iterable[str] = ()) -> Place | None:
    """The pane that holds the agent; None where it is in none that can be found. Blocks for some answers of tmux.

    Args:
        agent: Its item.
        environ: Which server this terminal belongs to, and where sockets are.
        sockets: Paths of further servers.
    """
    pane = str(agent.get("pane_id") or "")
    if not (pane[:1] == "%" and pane[1:].isdecimal()):
        return None
    ours = environ.get("TMUX", "").partition(",")[0]
    for socket in _candidates(ours, environ, sockets):
        if _holds(socket, pane, agent):
            return Place(socket, pane, socket == ours)
    return None


def go(place: Place) -> str:
    """Leads this terminal there; why that failed, or ""."""
    done = _tmux(place.socket, "switch-client", "-t", place.pane)
    return "" if done is not None else "tmux didn't go there"


def _candidates(ours: str, environ: Mapping[str, str], more: Iterable[str]) -> Iterator[str]:
    """Sockets of tmux servers, each once, this terminal's own first."""
    seen: set[str] = set()
    folder = Path(environ.get("TMUX_TMPDIR") or "/tmp") / f"tmux-{os.getuid()}"  # noqa: S108 - tmux's own place
    try:
        there = sorted(str(path) for path in folder.iterdir() if path.is_socket())
    except OSError:
        there = []
    for socket in (ours, *more, *there):
        if socket and socket not in seen:
            seen.add(socket)
            yield socket


def _holds(socket: str, pane: str, agent: Item) -> bool:
    """Whether that server's pane is this agent's: a pane's number alone stands on every server."""
    said = _tmux(socket, "display-message", "-p", "-t", pane, "#{pane_id} #{pane_pid} #{@agent_name}")
    if said is None:
        return False
    id_, _, rest = said.rstrip("\n").partition(" ")
    pid, _, name = rest.partition(" ")
    if id_ != pane:
        return False
    if agent.get("pid") and pid.isdecimal():
        return int(pid) in _lineage(int(agent["pid"]))
    return bool(name) and name == agent["name"]


def _lineage(pid: int) -> list[int]:
    """A process and those it descends from."""
    import psutil

    try:
        return [pid, *(one.pid for one in psutil.Process(pid).parents())]
    except psutil.Error:
        return [pid]


def _tmux(socket: str, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["tmux", "-S", socket, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
