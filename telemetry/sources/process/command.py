"""Agents found by their command line.

- A match is any living process whose command line the pattern is found in; never this monitor, its children, or the
  shells and launchers that started it (their lines may well hold the same words).
- Of a match and the process that started it, which matches as well, one is the agent: the child where the parent is a
  shell or a launcher (`sh -c "python x.py"`, `npx x`), otherwise the parent, whose fork or helper the child is.
- The first match bears the agent's name, further ones name#2, name#3, … in the order in which they were started. Who
  has a name keeps it while that process lives, whatever it calls itself later; a name whose process is gone stays
  expected, and the next new match takes it.
- What runs for a moment only (`grep x.py`, `pgrep -f x.py`) is no agent: beside one that is there, or below a shell, a
  match counts from its third second on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from telemetry.clean import clean_name
from telemetry.sources.process.sight import Ends, Sight
from telemetry.sources.tmux.commands import LAUNCHER, SHELLS

if TYPE_CHECKING:
    from telemetry.sources.process.census import Census, Entry

MOST_MATCHES = 100
"""So many processes of one pattern are watched."""

_LINE_LIMIT = 4096
"""So much of a command line is looked at: it is foreign text, and a pattern may take its time."""

_SETTLED_AFTER = 2.0
_MORE_LAUNCHERS = frozenset(("watch", "doas", "su", "setsid", "systemd-run", "entr", "stdbuf", "unbuffer", "xargs"))


@dataclass(slots=True)
class _Slot:
    """One name. `identity` is of the process that has it, or had it last; "" before there was one."""

    identity: str = ""
    launcher: str = ""
    """The identity of the shell or launcher above that process, or ""."""


class CommandWatch:
    """One configured agent, and who bears its names.

    Args:
        name: The configured name.
        pattern: Looked for in command lines.
        others: Names that other agents have.
    """

    def __init__(self, name: str, pattern: str, others: Collection[str]) -> None:
        self._name = name
        self._pattern = re.compile(pattern)
        self._slots: dict[str, _Slot] = {name: _Slot()}
        self._names = [name] + [
            further for number in range(2, MOST_MATCHES + 1) if (further := f"{name}#{number}") not in others
        ]

    def recall(self, identity_of: Callable[[str], str]) -> None:
        """Takes over who bore which name when that was written down, where it isn't known better by now."""
        for name in self._names:
            identity = identity_of(name)
            if identity and not (slot := self._slots.setdefault(name, _Slot())).identity:
                slot.identity = identity

    def forget(self, name: str) -> bool:
        """A further match is no longer expected. False: it isn't one of these."""
        return name != self._name and self._slots.pop(name, None) is not None

    def find(self, lines: CommandLines, taken: set[int], now: float, ends: Ends, problems: list[str]) -> list[Sight]:
        """All agents of this pattern, the first one first.

        Args:
            lines: The command lines of all processes.
            taken: Processes that are somebody else's; those found here are added.
            now: Unix time of the check.
            ends: What is known of ended ones.
            problems: Gets a line when there are too many.
        """
        census = lines.census
        matches = _Matches(self._pattern, lines, taken)
        found: dict[str, Sight] = {}
        agents = sorted(matches.agents(now), key=lambda pair: (pair[0].began, pair[0].pid))
        launchers = {entry.identity for entry in matches.launchers}
        for name, slot in self._slots.items():
            entry = census.by_identity(slot.identity)
            if entry is not None and not entry.dead and entry.pid not in taken and slot.identity not in launchers:
                found[name] = Sight(name, entry, running=True)
                taken.add(entry.pid)
        left_alone = {slot.launcher for slot in self._slots.values()}
        for agent, launcher in agents:
            if agent.pid in taken or agent.identity in left_alone:
                continue
            if self._name in found and now - agent.began < _SETTLED_AFTER:
                continue
            name, replaces = self._name_for(launcher, found)
            if not name:
                problems.append(f"agent {self._name}: more than {MOST_MATCHES} processes match; so many are watched")
                break
            self._slots[name] = _Slot(agent.identity, launcher.identity if launcher else "")
            found[name] = Sight(name, agent, running=True, replaces=replaces)
            taken.add(agent.pid)
        taken.update(entry.pid for entry in matches.launchers)
        return [found.get(name) or self._gone(name, slot, census, ends) for name, slot in self._in_order()]

    def _name_for(self, launcher: Entry | None, found: Collection[str]) -> tuple[str, str]:
        """A name that is free, or "", and the identity of the launcher that had it until now, or ""."""
        if launcher is not None:
            for name, slot in self._slots.items():
                if slot.identity == launcher.identity:
                    return name, launcher.identity  # what was taken for the agent has only started it
        return next((name for name in self._names if name not in found), ""), ""

    def _gone(self, name: str, slot: _Slot, census: Census, ends: Ends) -> Sight:
        if not slot.identity:
            return Sight(name, reason="no process has a command line that matches")
        entry = census.by_identity(slot.identity)
        if entry is not None and not entry.dead:
            return Sight(name, reason=f"process {entry.pid} is another agent, or has only started others")
        end = ends.tell(name, slot.identity, census)
        reason = end.words()
        above = census.by_identity(slot.launcher)
        if above is not None and not above.dead:
            reason += f"; only the {clean_name(above.name)} that started it is left"
        return Sight(name, reason=reason, status=end.status)

    def _in_order(self) -> Iterator[tuple[str, _Slot]]:
        return ((name, self._slots[name]) for name in self._names if name in self._slots)


class CommandLines:
    """The command lines of all processes that may be agents, each read once a check.

    Args:
        census: All processes.
        arguments: Reads the command line of one.
        monitor: This process, which is no agent, nor are those that it or that started it.
    """

    def __init__(self, census: Census, arguments: Callable[[int], list[str]], monitor: int | None = None) -> None:
        self.census = census
        monitor = os.getpid() if monitor is None else monitor
        ours = set(_with_starters(census, monitor))
        self._lines: dict[int, tuple[list[str], str]] = {}
        for pid, entry in census.entries.items():
            if not entry.dead and pid not in ours and entry.parent != monitor and (words := arguments(pid)):
                self._lines[pid] = words, " ".join(words)[:_LINE_LIMIT]

    def matching(self, pattern: re.Pattern[str]) -> list[Entry]:
        return [self.census.entries[pid] for pid, (_, line) in self._lines.items() if pattern.search(line)]

    def words(self, pid: int) -> list[str]:
        return self._lines[pid][0]


class _Matches:
    """What one pattern matches, as families: a match under a match belongs to it."""

    def __init__(self, pattern: re.Pattern[str], lines: CommandLines, taken: Collection[int]) -> None:
        self._lines = lines
        self._below: dict[int, list[Entry]] = {}
        self._tops: list[Entry] = []
        self.launchers: list[Entry] = []
        """Matches that are there only to start others of them; known when `agents` has been gone through."""
        matching = {entry.pid: entry for entry in lines.matching(pattern) if entry.pid not in taken}
        for entry in matching.values():
            if entry.parent in matching:
                self._below.setdefault(entry.parent, []).append(entry)
            else:
                self._tops.append(entry)

    def agents(self, now: float) -> Iterator[tuple[Entry, Entry | None]]:
        """Every agent, with the launcher above it, if there is one."""
        open_: list[tuple[Entry, Entry | None]] = [(top, None) for top in self._tops]
        while open_:
            entry, above = open_.pop()
            started = [child for child in self._below.get(entry.pid, ()) if self._has_started(entry, child, now)]
            if started:
                self.launchers.append(entry)
                open_ += ((child, entry) for child in started)
            else:
                yield entry, above

    def _has_started(self, entry: Entry, child: Entry, now: float) -> bool:
        """Whether `entry` is there only to start `child`."""
        if entry.name not in SHELLS:
            return _is_launcher(entry)
        words = self._lines.words(entry.pid)
        if words == self._lines.words(child.pid):
            return False  # a fork of the shell: `( … )` in its script
        # What a script calls for a moment may hold the script's own name.
        return "-c" in words[:3] or now - child.began >= _SETTLED_AFTER


def _is_launcher(entry: Entry) -> bool:
    return entry.name in SHELLS or entry.name in _MORE_LAUNCHERS or bool(LAUNCHER.match(entry.name))


def _with_starters(census: Census, pid: int) -> Iterator[int]:
    """A process and the shells and launchers above it, up to the first that is something else."""
    yield pid
    entry = census.entries.get(pid)
    while entry is not None and (entry := census.entries.get(entry.parent)) is not None and _is_launcher(entry):
        yield entry.pid
