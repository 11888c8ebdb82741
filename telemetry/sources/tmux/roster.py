"""Which agents are expected, and which pane is whose.

An agent's identity is its name; a pane's is its id (%N) together with the server and the session it belongs to. The
pane's index is neither: when a pane goes, tmux renumbers the rest.

Who is expected:

- The configured agents, always. A pane that carries the name as `@agent_name` is theirs; else the pane with their
  `pane_index` (tmux's own, so counted from `pane-base-index`) in the session's first window, unless that pane carries
  another name. The index is looked up once for each session: when all configured panes are there, or else when the
  session is half a minute old; until then the panes are still being opened, which renumbers them.
- A pane that carries `@agent_name`, and a pane that runs a known agent program, which lends its name. Once seen, they
  stay expected while their session's instance lives (all of the server's, where no session is configured), though
  the pane be gone. A pane that is given another name, or loses its name, is another agent from then on.
- Where two panes are called the same, the second agent is «name#2», and so on; it keeps that name as long as its pane
  lives. A new pane first takes the place of an agent of that name whose pane is gone: then it was started again.
- A name of nothing but blanks is no name.
"""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING

from telemetry.store import RememberedAgent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from telemetry.sources.agents_file import ConfiguredAgent
    from telemetry.sources.tmux.answer import Pane

FILE, OPTION, PROGRAM = "file", "option", "program"
_SETTLED_AFTER = 30.0  # seconds; by then whoever creates a session has opened its panes


class Roster:
    """Keeps who is expected, and finds their panes.

    Args:
        configured: The agents of the orchestrator's own YAML; their order is the order of all answers.
        one_session: Whether one session is watched, or all of a server.
        program_in: Tells the known agent program that runs in a pane, or "".
    """

    def __init__(
        self, configured: Sequence[ConfiguredAgent], *, one_session: bool, program_in: Callable[[Pane], str]
    ) -> None:
        self._index = {agent.name: agent.pane_index for agent in configured}
        self._roles = {agent.name: agent.role for agent in configured}
        self._one_session = one_session
        self._program_in = program_in
        self._provisional: set[str] = set()
        self.members = {
            agent.name: RememberedAgent(name=agent.name, called=agent.name, origin=FILE, role=agent.role)
            for agent in configured
        }
        """By name, and replaced whenever something about one changes."""

    def recall(self, remembered: Iterable[RememberedAgent]) -> set[str]:
        """Adds what an earlier run knew; returns the names of those that have left the configuration since."""
        left: set[str] = set()
        for agent in remembered:
            known = self.members.get(agent.name)
            configured = agent.name in self._index
            if agent.origin == FILE and not configured:
                left.add(agent.name)
            elif known is None:
                self.members[agent.name] = agent
            elif not known.pane_id:
                origin, role = (FILE, known.role or agent.role) if configured else (agent.origin, agent.role)
                self.members[agent.name] = replace(agent, origin=origin, role=role, called=known.called)
        return left

    def forget(self, name: str) -> bool:
        """An agent that isn't configured is no longer expected; returns whether there was one."""
        if name in self._index:
            return False
        return self.members.pop(name, None) is not None

    def assign(self, panes: Sequence[Pane], now: float) -> dict[str, Pane]:
        """Takes note of the panes there are, and returns each agent's pane, for those that have one."""
        if panes:
            self._leave_earlier_instances(panes)
        free = {pane.pane_id: pane for pane in panes}
        held: dict[str, Pane] = {}
        self._keep_own(free, held)
        self._bind_by_name(free, held)
        self._bind_by_index(panes, free, held, now)
        self._discover(free, held)
        for name, pane in held.items():
            self._note_place(name, pane)
        return held

    def explain_absence(self, name: str, panes: Sequence[Pane]) -> str:
        """Why the agent has no pane in a session that is there, in words."""
        member = self.members[name]
        if member.pane_id:
            return f"pane {member.pane_id} is gone"
        index = self._index.get(name)
        if index is None:
            return f"no pane carries @agent_name {member.called}"
        first = _first_window(panes)
        pane = first.get(index)
        if pane is None:
            there = f"they are {min(first)} to {max(first)}" if first else "there is none"
            return f"the session's first window has no pane with index {index}: {there}"
        holder = pane.label or next((m.name for m in self.members.values() if m.pane_id == pane.pane_id), "another")
        return f"the pane with index {index} is {holder}'s"

    def _leave_earlier_instances(self, panes: Sequence[Pane]) -> None:
        servers = {pane.server_pid for pane in panes}
        sessions = {(pane.session_id, pane.session_created) for pane in panes}
        session_names = {pane.session_name for pane in panes}
        for member in list(self.members.values()):
            if not member.pane_id:
                continue
            gone = (member.session_id, member.session_created) not in sessions
            replaced = gone and (self._one_session or member.session_name in session_names)
            if member.server_pid not in servers or replaced:
                if member.name in self._index:
                    self.members[member.name] = replace(member, pane_id="", server_pid=0, program="", wrapper="")
                else:
                    del self.members[member.name]

    def _keep_own(self, free: dict[str, Pane], held: dict[str, Pane]) -> None:
        for member in list(self.members.values()):
            if member.name in self._provisional:
                self.members[member.name] = replace(member, pane_id="")
                continue
            pane = free.get(member.pane_id)
            if pane is None:
                continue
            if self._is_still(member, pane):
                held[member.name] = free.pop(pane.pane_id)
            else:
                del self.members[member.name]
        self._provisional.clear()

    def _is_still(self, member: RememberedAgent, pane: Pane) -> bool:
        if member.origin == PROGRAM:
            same = pane.command == member.called or self._program_in(pane) in ("", member.called)
            return same and not pane.label
        return member.origin == FILE or pane.label == member.called

    def _bind_by_name(self, free: dict[str, Pane], held: dict[str, Pane]) -> None:
        for member in self.members.values():
            if member.name not in held and member.origin != PROGRAM:
                pane = next((pane for pane in free.values() if pane.label == member.called), None)
                if pane is not None:
                    held[member.name] = free.pop(pane.pane_id)

    def _bind_by_index(self, panes: Sequence[Pane], free: dict[str, Pane], held: dict[str, Pane], now: float) -> None:
        first = _first_window(panes)
        bound: set[str] = set()
        for name, index in self._index.items():
            pane = first.get(index) if index is not None else None
            if pane and name not in held and not self.members[name].pane_id and not pane.label and pane.pane_id in free:
                held[name] = free.pop(pane.pane_id)
                bound.add(name)
        settled = any(now - pane.session_created >= _SETTLED_AFTER for pane in panes)
        complete = all(name in held or index is None for name, index in self._index.items())
        if not settled and not complete:
            self._provisional = bound

    def _discover(self, free: dict[str, Pane], held: dict[str, Pane]) -> None:
        for pane in free.values():
            called = pane.label or self._program_in(pane)
            if not called:
                continue
            origin = OPTION if pane.label else PROGRAM
            name = self._vacant(called, held) if origin == PROGRAM else None
            if name is None:
                name = self._unused(called)
                self.members[name] = RememberedAgent(name=name, called=called, origin=origin)
            held[name] = pane

    def _vacant(self, called: str, held: dict[str, Pane]) -> str | None:
        for member in self.members.values():
            if member.origin == PROGRAM and member.called == called and member.name not in held:
                return member.name
        return None

    def _unused(self, called: str) -> str:
        name, number = called, 1
        while name in self.members:
            number += 1
            name = f"{called}#{number}"
        return name

    def _note_place(self, name: str, pane: Pane) -> None:
        member = self.members[name]
        role = self._roles.get(name) or pane.role
        place = (pane.pane_id, pane.server_pid, pane.session_id, pane.session_name, pane.session_created)
        if (member.role, *_place(member)) != (role, *place):
            pane_id, server_pid, session_id, session_name, created = place
            self.members[name] = replace(
                member,
                role=role,
                pane_id=pane_id,
                server_pid=server_pid,
                session_id=session_id,
                session_name=session_name,
                session_created=created,
            )


_place = attrgetter("pane_id", "server_pid", "session_id", "session_name", "session_created")


def _first_window(panes: Sequence[Pane]) -> dict[int, Pane]:
    window = min((pane.window_index for pane in panes), default=0)
    return {pane.index: pane for pane in panes if pane.window_index == window}
