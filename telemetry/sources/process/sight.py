"""What was found of one agent's process: the word that each way of finding it hands to the source."""

from __future__ import annotations

import os
from typing import NamedTuple

from telemetry.exits import describe_exit, zombie_status
from telemetry.sources.process.census import Census, Entry

_MOST_HEARD = 1000


class Sight(NamedTuple):
    """One agent, as it was found in one check.

    Attributes:
        entry: Its process, or None where none is known.
        running: Whether it lives; mostly that there is a process.
        reason: Why it doesn't, or why nobody can tell.
        status: How it ended: its exit status, or minus the signal that killed it.
        known: False where nobody can tell.
        replaces: The identity of a process which was taken for the agent before, and only had started it.
        missed: Restarts between the last check and this one, beside that which brought this process.
        pid: Of a process that is there and can't be looked at.
    """

    name: str
    entry: Entry | None = None
    running: bool = False
    reason: str = ""
    status: int | None = None
    known: bool = True
    replaces: str = ""
    missed: int = 0
    pid: int | None = None


class End(NamedTuple):
    """How an agent's process ended: whether anything is known of that, and its status, where that is."""

    pid: str
    seen: bool
    status: int | None

    def words(self, of: str = "") -> str:
        """«process 12 is gone»; `of` says more of the process."""
        subject = f"process {self.pid}{of and f', {of}'}"
        if self.seen:
            return f"{subject}: {describe_exit(self.status)}"
        return f"{subject}{of and ','} is gone"


class Ends:
    """How processes ended, remembered after their parents have taken note and the system has forgotten."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[str, int | None]] = {}
        self._heard: dict[str, int | None] = {}

    def hear(self, pid: int, status: int | None) -> None:
        """Takes the word of somebody who watched it. May be called in another thread."""
        self._heard[str(pid)] = status
        if len(self._heard) > _MOST_HEARD:
            self._heard.pop(next(iter(self._heard)), None)

    def tell(self, name: str, identity: str, census: Census) -> End:
        """How that process of an agent ended."""
        pid = identity.partition("@")[0]
        entry = census.by_identity(identity)
        if entry is not None and entry.dead:
            self._seen[name] = identity, zombie_status(entry.pid)
        elif pid in self._heard and self._seen.get(name, ("",))[0] != identity:
            self._seen[name] = identity, self._heard.pop(pid)
        before, status = self._seen.get(name, ("", None))
        return End(pid, seen=before == identity, status=status if before == identity else None)

    def forget(self, name: str) -> None:
        self._seen.pop(name, None)


def is_hidden(pid: int) -> bool:
    """Whether there is a process of that number which /proc doesn't show us (mounted with `hidepid`)."""
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):  # nobody, and no number that anybody could have
        return False
    return False  # it began after the census, or ended
