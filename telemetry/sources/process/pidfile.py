"""Agents found by a pid file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from telemetry.clean import clean_name
from telemetry.sources.process.sight import Ends, Sight, is_hidden

if TYPE_CHECKING:
    from telemetry.sources.process.census import Census

_READ_LIMIT = 64
_SIZE_LIMIT = 4096
_MOST = 2**22  # the kernel gives out no higher pid
_LATER = 1.0
"""Seconds by which a process may seem to have begun after its pid file was written: file times are coarse."""


class PidFile(NamedTuple):
    """What a pid file says, and when it was written (Unix s)."""

    pid: int
    written: float


class PidFileError(Exception):
    """It says nothing that can be used; the message says why.

    Attributes:
        unknown: It may well name a process, and can't be read.
        wrong: It is there and isn't a pid file: somebody should look.
    """

    def __init__(self, message: str, *, unknown: bool = False, wrong: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown
        self.wrong = wrong or unknown


class PidFileAgent(NamedTuple):
    """An agent found by its pid file.

    Attributes:
        before: The identity of the process it was last, or "".
    """

    name: str
    path: Path
    before: str


def read_pid_file(path: Path) -> PidFile:
    """Reads the number in the first line. Nothing but a small regular file is read, and nothing is waited for.

    Raises:
        PidFileError: It isn't there, can't be read, or holds something else.
    """
    shown = clean_name(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise PidFileError(f"no pid file {shown}") from None
    except (OSError, ValueError) as error:
        raise _unreadable(shown, error) from None
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _SIZE_LIMIT:
            raise PidFileError(f"pid file {shown} is no small regular file", wrong=True)
        content = os.read(descriptor, _READ_LIMIT)
    except OSError as error:
        raise _unreadable(shown, error) from None
    finally:
        os.close(descriptor)
    if not content:
        raise PidFileError(f"pid file {shown} is empty")
    line = content.splitlines()[0].strip()
    if not line.isdigit() or not 0 < int(line) <= _MOST:
        raise PidFileError(f"pid file {shown} holds no process id in its first line", wrong=True)
    return PidFile(int(line), about.st_mtime)


def _unreadable(shown: str, error: OSError | ValueError) -> PidFileError:
    why = getattr(error, "strerror", None) or "it is no path"
    return PidFileError(f"pid file {shown} can't be read: {why}", unknown=True)


def try_pid_file(path: Path) -> PidFile | PidFileError:
    """`read_pid_file`, with the error as an answer: to be judged by a census taken later."""
    try:
        return read_pid_file(path)
    except PidFileError as error:
        return error


def see_pid_file(agent: PidFileAgent, said: PidFile | PidFileError, census: Census, ends: Ends) -> Sight:
    """The agent whose pid stands in a file.

    Args:
        agent: Which.
        said: What the file said, read before the census was taken: a process that began since isn't in it.
        census: All processes.
        ends: What is known of ended ones.
    """
    if isinstance(said, PidFileError):
        return _without_pid(agent, said, census, ends)
    entry = census.entries.get(said.pid)
    if entry is None and is_hidden(said.pid):
        return Sight(agent.name, running=True, pid=said.pid)
    shown = clean_name(agent.path)
    if entry is not None and entry.identity != agent.before and entry.began > said.written + _LATER:
        return Sight(
            agent.name, reason=f"process {said.pid} began after pid file {shown} was written: it is another one"
        )
    if entry is not None and not entry.dead:
        return Sight(agent.name, entry, running=True)
    known = agent.before if agent.before.startswith(f"{said.pid}@") else f"{said.pid}@"
    end = ends.tell(agent.name, entry.identity if entry else known, census)
    return Sight(agent.name, reason=end.words(f"named in pid file {shown}"), status=end.status)


def _without_pid(agent: PidFileAgent, error: PidFileError, census: Census, ends: Ends) -> Sight:
    last = census.by_identity(agent.before)
    if last is not None and not last.dead:
        # Between being emptied and being written, or removed by somebody: the process is the agent all the same.
        return Sight(agent.name, last, running=True)
    status = ends.tell(agent.name, agent.before, census).status if agent.before else None
    return Sight(agent.name, reason=str(error), status=status, known=not error.unknown)
