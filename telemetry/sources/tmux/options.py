"""The settings of a tmux source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, BeforeValidator

from telemetry.fields import A_SECOND, STRICT, About, Name, Seconds, words
from telemetry.sources.tmux.commands import KNOWN_PROGRAMS

if TYPE_CHECKING:
    from telemetry.sources.agents_file import ConfiguredAgent


class TmuxSettings(BaseModel):
    """Where a tmux server and its session are. Both empty: the user's own server, all its sessions."""

    model_config = STRICT
    socket: Annotated[str, About("a name as for `tmux -L`, or the path of a socket", "ORCHESTRATOR_TMUX_SOCKET")] = ""
    session: Annotated[str, About("the name of a tmux session", "ORCHESTRATOR_TMUX_SESSION")] = ""
    programs: Annotated[
        tuple[Name, ...],
        BeforeValidator(words),
        About("names of commands, joined by commas", "ORCHESTRATOR_TMUX_PROGRAMS"),
    ] = ()
    """Commands that are agents wherever they run, besides those that are known."""
    quiet_after: Annotated[Seconds, About(A_SECOND, "ORCHESTRATOR_TMUX_QUIET_AFTER")] = 10.0
    """Seconds without new output after which an agent counts as idle, but never less than two and a half checks."""
    events: Annotated[bool, About("true or false", "ORCHESTRATOR_TMUX_EVENTS")] = True
    """Attach clients in control mode to each session that holds agents, which tell at once what happens there."""


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
        events: Whether output, closed panes and the like are heard as they happen, by control-mode clients attached to
            the sessions that hold agents; else they are seen at the next poll.

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
    events: bool = True

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
