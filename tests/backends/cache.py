"""The folder outside the tree where built servers are kept, and the lock that lets several runs share it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def cache_dir() -> Path:
    """The project's cache folder: ORCHESTRATOR_CACHE_DIR, else the user's cache folder by the XDG rules."""
    if own := os.environ.get("ORCHESTRATOR_CACHE_DIR"):
        return Path(own).expanduser().absolute()
    users = os.environ.get("XDG_CACHE_HOME")
    return (Path(users) if users else Path("~/.cache").expanduser()) / "orchestrator-telemetry"


def backends_dir() -> Path:
    """Where the built servers are: one folder for each, `<name>-<version>`, complete whenever it is there."""
    return cache_dir() / "backends"


@contextmanager
def locked(name: str, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock on one part, across processes; `waiting` is called once where another process has it."""
    folder = backends_dir()
    folder.mkdir(parents=True, exist_ok=True)
    # the file stays: removing it would let a third run lock a new one beside the second
    with (folder / f".{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
