"""The settings of a tmux source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry.sources.tmux_commands import KNOWN_PROGRAMS

if TYPE_CHECKING:
    from telemetry.sources.agents_file import ConfiguredAgent


@dataclass(frozen=True, slots=True)
class TmuxOptions:
    """Where to look, and for whom.

    Attributes:
        socket_name: As in `tmux -L`; with neither this nor the path, tmux's own default.
        socket_path: As in `tmux -S`; not together with the name.
        session: The session's exact name, or None: all sessions of that server, of which only panes that carry
            `@agent_name` or run a known agent program are looked at.
        cluster: The cluster's name, or None: the session's; of all sessions, that of the server's socket, or «tmux».
        agents: The configured agents. Those found by their `pane_index` need a `session`.
        programs: Names of the commands that are agents wherever they run.
        quiet_after: Seconds without output after which an agent counts as idle.
        timeout: Seconds after which a tmux that gives no answer is given up.

    Raises:
        ValueError: Two of these contradict each other.
    """

    socket_name: str | None = None
    socket_path: str | None = None
    session: str | None = None
    cluster: str | None = None
    agents: tuple[ConfiguredAgent, ...] = ()
    programs: tuple[str, ...] = KNOWN_PROGRAMS
    quiet_after: float = 10.0
    timeout: float = 3.0

    def __post_init__(self) -> None:
        if self.socket_name and self.socket_path:
            raise ValueError(f"tmux has one socket: either the name {self.socket_name!r} or {self.socket_path!r}")
        names = [agent.name for agent in self.agents]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two configured agents are called {twice!r}: each needs a name of its own")
        indexed = next((agent for agent in self.agents if agent.pane_index is not None), None)
        if indexed is not None and self.session is None:
            raise ValueError(f"agent {indexed.name!r} has a pane_index, which needs session_name to mean a pane")
