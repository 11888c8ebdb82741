"""The socket in the state folder: by it, commands ask the daemon. Who may enter the folder may ask."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "daemon.sock"
URL_VARIABLE = "ORCHESTRATOR_URL"
"""Where a monitor is that isn't reached by the socket."""
TOKEN_VARIABLE = "ORCHESTRATOR_TOKEN"  # noqa: S105 - a name
"""What is shown to it, where it asks for a token."""
_BACKLOG = 64
_BY_NUMBER = Path("/proc/self/fd")


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """A path of the socket that is short enough for the kernel (108 bytes), however deep the folder lies."""
    if not _BY_NUMBER.is_dir():  # no Linux: the folder must do
        yield str(folder / NAME)
        return
    held = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_BY_NUMBER / str(held) / NAME)
    finally:
        os.close(held)


@contextmanager
def control_socket(folder: Path) -> Iterator[socket.socket]:
    """Listens, for this user alone; only whoever holds the folder's lock may. Gone at the end.

    Raises:
        OSError: The folder can't hold a socket.
    """
    path = folder / NAME
    with suppress(FileNotFoundError):
        path.unlink()  # of a daemon that was killed
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            with short_path(folder) as short:
                listener.bind(short)
        finally:
            os.umask(before)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()
        with suppress(OSError):
            path.unlink()
