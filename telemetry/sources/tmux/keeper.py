"""Child processes that are held by their pipes, and a shell that ends them when this program can't."""

from __future__ import annotations

import asyncio
import os
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_KEEPER = 'while read -r pids; do held=$pids; done; [ -z "$held" ] || kill -KILL $held 2>/dev/null'


class Child:
    """A process of ours, with pipes to its standard input and from its standard output."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None  # noqa: S101 - `start_child` opens both
        assert process.stdout is not None  # noqa: S101 - likewise
        self._process = process
        self.pid = process.pid
        self.out = process.stdout.fileno()
        self._into = process.stdin.fileno()
        os.set_blocking(self._into, False)

    def send(self, line: str) -> bool:
        """Hands over a line without waiting. False: the process is gone, or hasn't read the earlier ones."""
        raw = line.encode("ascii") + b"\n"
        if self._process.stdin is None or self._process.stdin.closed:
            return False
        try:
            return os.write(self._into, raw) == len(raw)
        except OSError:
            return False

    def hang_up(self) -> None:
        """Closes its standard input, which tells it to end."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    async def end(self) -> None:
        """Ends it by force, and waits for that."""
        await asyncio.shield(asyncio.to_thread(self._end))

    def _end(self) -> None:
        self._process.kill()
        with self._process:  # closes the pipes and waits
            pass


def start_child(command: Sequence[str]) -> Child:
    """Starts a process in a process group of its own: Ctrl-C in this program's terminal doesn't reach it.

    It takes a millisecond, and is done in the loop, so that nobody can give it up half done.

    Raises:
        OSError: It can't be started.
    """
    return _start(command)


def _start(command: Sequence[str]) -> Child:
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    return Child(subprocess.Popen(list(command), stdin=pipe, stdout=pipe, stderr=nowhere, process_group=0))


class Keeper:
    """A shell that does nothing until this program is gone, and then ends the processes it was told of."""

    def __init__(self) -> None:
        self._shell: Child | None = None
        self._held: set[int] = set()
        self._lock = asyncio.Lock()

    async def hold(self, pid: int) -> None:
        """This process is to end with us.

        Raises:
            OSError: There is no shell.
        """
        async with self._lock:
            self._held.add(pid)
            if not self._tell():
                await self._stop()
                self._shell = start_child(["sh", "-c", _KEEPER])
                self._tell()

    async def let_go(self, pid: int) -> None:
        """This process has ended: its number may soon be another's."""
        async with self._lock:
            self._held.discard(pid)
            self._tell()

    async def close(self) -> None:
        """Ends the shell alone; what it held must have ended before."""
        async with self._lock:
            await self._stop()

    def _tell(self) -> bool:
        return self._shell is not None and self._shell.send(" ".join(map(str, sorted(self._held))))

    async def _stop(self) -> None:
        shell, self._shell = self._shell, None
        if shell is not None:
            await shell.end()
