"""Which process in a pane is the agent, and whether it still runs.

- A pane whose own process is no shell: that process.
- A shell with a script (`bash start.sh`, `bash -c '…'`), or a launcher (`npx`, `sudo`): the known agent program among
  the processes below it, else the script itself. Once a known program was seen under a script, the script alone is not
  the agent any more.
- An interactive shell: what it runs in the foreground, by the same rules; the same agent as before while that process
  lives, also in the background. With nothing but the shell itself, the agent is stopped.

So what an agent starts for a moment (`git`, `sleep`, a test run) is never taken for the agent, and never a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from telemetry.clean import clean_name
from telemetry.sources.processes import Glance, ProcessInfo, ProcessTable, descendants
from telemetry.sources.tmux.commands import LAUNCHER, RUNS_OTHERS, SHELLS, SUFFIX, base_name, has_script, operands

if TYPE_CHECKING:
    from collections.abc import Sequence

    from telemetry.sources.tmux.answer import Pane

_COMM_LENGTH = 15  # the kernel cuts a process's name there


@dataclass(frozen=True, slots=True)
class AgentProcess:
    """The agent runs.

    Attributes:
        pid: None where its processes aren't ours to look up: here the number is nobody's, or a stranger's.
        identity: Tells this process from every other; changes when the agent is started again.
        program: The known program it is, or "".
        wrapper: Identity of the script above it, or "".
        continues: It is the same run as the process before, seen under another identity: no restart.
    """

    pid: int | None
    identity: str
    program: str = ""
    wrapper: str = ""
    continues: bool = False


@dataclass(frozen=True, slots=True)
class NoAgent:
    """It doesn't; `reason` says what is there instead."""

    reason: str


@dataclass(frozen=True, slots=True)
class Before:
    """What the agent of this pane was when it was last seen, "" where it wasn't."""

    identity: str = ""
    program: str = ""
    wrapper: str = ""

    @property
    def pid(self) -> int:
        """0 where it wasn't seen."""
        pid, _, _ = self.identity.partition("@")
        return int(pid) if pid.isdigit() else 0


_NEVER_SEEN = Before()


class AgentFinder:
    """Looks into panes.

    Args:
        programs: The known agent programs, by the names of their commands.
        table: Where processes are looked up.
    """

    def __init__(self, programs: Sequence[str], table: ProcessTable) -> None:
        self._programs = {program[:_COMM_LENGTH]: program for program in programs} | {p: p for p in programs}
        self._processes = table
        self._table = Glance(table)
        self._visible: tuple[int, bool] = (0, False)

    def look_anew(self) -> None:
        """Begins a check: within one, each process is looked up once."""
        self._table = Glance(self._processes)

    def find(self, pane: Pane, before: Before = _NEVER_SEEN) -> AgentProcess | NoAgent:
        """The pane's agent, now; `before` is what it was when it was last seen."""
        if pane.dead:
            return NoAgent(f"{_end(pane)} in pane {pane.pane_id}")
        if not self._sees(pane.server_pid):
            return self._by_tmux(pane)
        kept = self._still_there(pane, before)
        if kept is not None:
            return kept
        root = self._table.get(pane.pid)
        if root is None or root.dead:
            how = "is gone from" if root is None else "died, unnoticed by tmux, in"
            return NoAgent(f"process {pane.pid} {how} pane {pane.pane_id}")
        if self._is_interactive_shell(root):
            return self._in_shell(root, pane, before)
        return self._led_by(root, pane, before)

    def _in_shell(self, shell: ProcessInfo, pane: Pane, before: Before) -> AgentProcess | NoAgent:
        lead = self._foreground(shell)
        if lead is None or self._is_interactive_shell(lead):
            # Started with `&`, or in an inner shell: only a known program is surely the agent.
            return self._known_below(shell) or _only(lead or shell, pane, before)
        return self._led_by(lead, pane, before)

    def _led_by(self, lead: ProcessInfo, pane: Pane, before: Before) -> AgentProcess | NoAgent:
        program = self._program(lead)
        if program or not self._is_wrapper(lead):
            return AgentProcess(lead.pid, lead.identity, program)
        found = self._known_below(lead)
        if found is not None:
            return replace(found, wrapper=lead.identity, continues=before.identity == lead.identity)
        if before.wrapper == lead.identity:
            return NoAgent(f"only a {lead.name} script is left in pane {pane.pane_id}: {before.program} is gone")
        return AgentProcess(lead.pid, lead.identity)

    def _sees(self, server_pid: int) -> bool:
        """Whether the processes of that server are ours to look up, which they aren't from inside a container."""
        if self._visible[0] != server_pid:
            server = self._table.get(server_pid)
            self._visible = (server_pid, server is not None and "tmux" in server.name)
        return self._visible[1]

    def _by_tmux(self, pane: Pane) -> AgentProcess | NoAgent:
        if pane.command in SHELLS and not pane.has_command:
            return NoAgent(f"only {pane.command} is left in pane {pane.pane_id}")
        return AgentProcess(None, f"{pane.pid}@{pane.server_pid}", self._programs.get(pane.command, ""))

    def _still_there(self, pane: Pane, before: Before) -> AgentProcess | None:
        """The same agent as before, where that can't have become another: mostly, and then it costs one look."""
        pid = before.pid
        info = self._table.get(pid) if pid else None
        if info is None or info.dead or info.identity != before.identity:
            return None
        # tmux makes each pane's process the leader of a session; 0 is unknown.
        if info.session != pane.pid and (info.session or pid != pane.pid):
            return None
        if info.name in SHELLS or (not before.program and self._is_wrapper(info)):
            return None  # it may have started its agent since, or a script have become an interactive shell
        return AgentProcess(pid, info.identity, before.program, before.wrapper)

    def _foreground(self, shell: ProcessInfo) -> ProcessInfo | None:
        if shell.foreground == shell.group and shell.group:
            return None
        leader = self._table.get(shell.foreground) if shell.foreground > 0 else None
        if leader is not None and not leader.dead:
            return leader
        # The first of a pipeline may be gone already; and without process groups every child counts.
        for pid in self._table.children(shell):
            child = self._table.get(pid)
            if child is not None and not child.dead and child.group in (0, shell.foreground):
                return child
        return None

    def _known_below(self, top: ProcessInfo) -> AgentProcess | None:
        for info in descendants(self._table, top):
            program = self._program(info)
            if program:
                return AgentProcess(info.pid, info.identity, program)
        return None

    def _program(self, info: ProcessInfo) -> str:
        known = self._programs.get(info.name)
        if known:
            return known
        if not RUNS_OTHERS.match(info.name) and info.name not in SHELLS:
            return ""
        arguments = self._table.arguments(info.pid)
        for argument in arguments[:1] + operands(arguments):
            known = self._programs.get(SUFFIX.sub("", base_name(argument)))
            if known:
                return known
        return ""

    def _is_wrapper(self, info: ProcessInfo) -> bool:
        """Whether it is there only to start something: a shell with a script, `npx`, `sudo`, …"""
        if info.name in SHELLS or LAUNCHER.match(info.name):
            return True
        # A script that is run by its own name has that as its name.
        arguments = self._table.arguments(info.pid)
        return bool(arguments) and base_name(arguments[0]).lstrip("-") in SHELLS

    def _is_interactive_shell(self, info: ProcessInfo) -> bool:
        if info.name not in SHELLS:
            return False
        arguments = self._table.arguments(info.pid)
        return bool(arguments) and not has_script(arguments[1:])


def _only(shell: ProcessInfo, pane: Pane, before: Before) -> NoAgent:
    left = "is left" if before.identity else "runs"
    return NoAgent(f"only {clean_name(shell.name)} {left} in pane {pane.pane_id}")


def _end(pane: Pane) -> str:
    if pane.dead_signal:
        return f"it was killed by signal {pane.dead_signal}"
    return "it ended" if pane.dead_status is None else f"it ended with status {pane.dead_status}"
