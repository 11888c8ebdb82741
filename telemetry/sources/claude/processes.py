"""Whether the process behind a session or a team member lives, and whether it does anything."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path

import psutil

from telemetry.sources.claude.sessions import Session
from telemetry.sources.processes import ProcessInfo, ProcessTable, started_at

_AGENT_ID = "--agent-id"
_STARTED_LATER = 5.0
"""Seconds by which a process may seem younger than the session it wrote down: clocks are read at different moments."""
_DOMAIN = re.compile(r"[^:]*:([^:]*):pid:\[(\d+)\]\Z")
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


class Processes:
    """Looks processes up.

    Args:
        table: The system's.
        all_pids: Every process there is.
    """

    def __init__(self, table: ProcessTable, all_pids: Callable[[], Iterable[int]] | None = None) -> None:
        self._table = table
        self._all_pids = all_pids or _all_pids

    def fate(self, session: Session) -> str:
        """Why a session's process doesn't run, in words; "" while it does."""
        return self.fate_of(session.pid, session.proc_start, session.started_at)

    def fate_of(self, pid: int, proc_start: str, at: float) -> str:
        """The same of any process.

        Args:
            pid: Its number, which may be somebody else's by now.
            proc_start: When it was started in the system's own unit, or "".
            at: When it ran for certain (Unix s), or 0.0.
        """
        info = self._table.get(pid)
        if info is None:
            return f"process {pid} is gone"
        if info.dead:
            return f"process {pid} has ended and waits for its parent to notice (a zombie)"
        return "" if _same(info, proc_start, at) else f"process {pid} is gone, its number is another one's by now"

    def identity(self, pid: int) -> str:
        """Tells this process from every other one; "" where it doesn't live."""
        info = self._table.get(pid)
        return "" if info is None or info.dead else info.identity

    def members(self) -> dict[str, tuple[int, str]]:
        """The teammates that run as processes of their own: by agent id, pid and identity of the newest of each."""
        found: dict[str, tuple[int, str]] = {}
        for pid in self._all_pids():
            arguments = self._table.arguments(pid)
            agent_id = _value_of(_AGENT_ID, arguments) if len(arguments) > 2 else ""  # noqa: PLR2004 - program, flag, value
            if agent_id and not _is_launcher(arguments) and (identity := self.identity(pid)):
                found[agent_id] = (pid, identity)
        return found


def cpu_seconds(pid: int) -> float | None:
    """Processor time a process has used, its children's not counted; None where that can't be told."""
    if sys.platform != "linux":
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            return float(times.user + times.system)
        return None
    try:
        descriptor = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        values = os.read(descriptor, 4096).rpartition(b")")[2].split(None, 13)
        return (int(values[11]) + int(values[12])) / _TICKS
    except (OSError, IndexError, ValueError):
        return None
    finally:
        os.close(descriptor)


def is_elsewhere(domain: str) -> bool:
    """Whether a session's process belongs to another machine or pid namespace: its number means nothing here."""
    theirs, (machine, namespace) = _DOMAIN.match(domain), _here()
    if theirs is None or not namespace:
        return False
    return theirs[2] != namespace or bool(machine and theirs[1] not in {"", machine, socket.gethostname()})


def _same(info: ProcessInfo, proc_start: str, at: float) -> bool:
    if proc_start.isdigit() and sys.platform == "linux":
        return str(info.started) == proc_start
    began = started_at(info.pid)
    return not at or not began or began <= at + _STARTED_LATER


def _value_of(flag: str, arguments: Sequence[str]) -> str:
    for number, argument in enumerate(arguments):
        if argument == flag and number + 1 < len(arguments):
            return arguments[number + 1]
        if argument.startswith(f"{flag}="):
            return argument.partition("=")[2]
    return ""


def _is_launcher(arguments: Sequence[str]) -> bool:
    """A shell or tmux that carries the whole command as one of its own arguments isn't the agent."""
    return arguments[0].rpartition("/")[2].lstrip("-") in {"tmux", "sh", "bash", "zsh", "fish", "sudo", "env"}


def _all_pids() -> list[int]:
    if sys.platform == "linux":
        return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - hundreds, often
    return psutil.pids()


@cache
def _here() -> tuple[str, str]:
    """This machine's id and this process's pid namespace, each "" where the system has none."""
    machine = namespace = ""
    with suppress(OSError, UnicodeDecodeError):
        machine = Path("/etc/machine-id").read_text("ascii").strip()
    with suppress(OSError):
        namespace = os.readlink("/proc/self/ns/pid").partition("[")[2].rstrip("]")  # noqa: PTH115 - no path but a word
    return machine, namespace
