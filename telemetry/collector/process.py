"""The collector as a child process: it dies with its parent, however the parent dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections import deque
from typing import TYPE_CHECKING

from telemetry.collector.building import binary_path
from telemetry.collector.errors import CollectorError
from telemetry.collector.launch import child_environment, command, explain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_LINE_LIMIT = 1 << 20  # bytes of one stderr line; a longer one is cut into several
_READY = "Everything is ready."
_POLL = 0.05  # seconds between two looks at whether it is ready


class Collector:
    """One run of the collector.

    Its standard input is a pipe that this process holds and never writes to: the kernel closes it when this process
    ends, kill -9 included, and the collector then stops by itself within 2 s. (A signal on the parent's death, as by
    PR_SET_PDEATHSIG, is tied to the thread that forked, and comes when that thread ends.)

    `on_line` gets every line of its standard error, without the line end, on the event loop. `environ` is the
    environment it is configured from (default: this process's). Not to be used from several threads.
    """

    def __init__(
        self,
        backends: str | None = None,
        *,
        configs: Sequence[str | Path] = (),
        environ: Mapping[str, str] | None = None,
        binary: Path | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> None:
        self._backends = backends
        self._configs = tuple(configs)
        self._environ = environ
        self._binary = binary
        self._on_line = on_line
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._last: deque[str] = deque(maxlen=20)
        self._announced = False

    @property
    def pid(self) -> int | None:
        """The process id while it runs, otherwise None."""
        return self._process.pid if self._process is not None and self.running else None

    @property
    def running(self) -> bool:
        """Whether it was started and hasn't ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def returncode(self) -> int | None:
        """The exit status after it ended (negative: the signal that ended it), otherwise None."""
        return None if self._process is None else self._process.returncode

    async def start(self) -> None:
        """Start it; `ready()` waits until it works. Raises CollectorError where it isn't built or can't be run."""
        if self.running:
            raise CollectorError("the collector is running already")
        binary = self._binary or binary_path()
        if binary is None:
            raise CollectorError("the collector isn't built yet: run `orchestrator-telemetry collector build`")
        environment = child_environment(self._environ) | {"ORCHESTRATOR_COLLECTOR_EXIT_WITH_STDIN": "1"}
        self._last.clear()
        self._announced = False
        try:
            self._process = await asyncio.create_subprocess_exec(
                *command(binary, backends=self._backends, configs=self._configs),
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT,
                start_new_session=True,  # Ctrl-C in a terminal is for the parent, which stops us in its own order
            )
        except OSError as error:
            raise CollectorError(f"{binary} can't be run: {error}") from error
        self._reader = asyncio.create_task(self._read(self._process), name="collector-stderr")

    async def ready(self, timeout: float = 30.0) -> None:  # noqa: ASYNC109  its end has a meaning of its own
        """Return when every part of it runs, by its own word (by its health check where its log level hides that).

        Raises CollectorError with its own words where it ends before that, and after `timeout` seconds.
        """
        host, port, quiet = self._health_address()
        deadline = time.monotonic() + timeout
        while self.running:
            if self._announced or (quiet and await _healthy(host, port)):
                return
            if time.monotonic() > deadline:
                raise CollectorError(f"the collector wasn't ready within {timeout:g} s")
            await asyncio.sleep(_POLL)
        await self.wait()
        words = explain(list(self._last)) or f"status {self.returncode}"
        raise CollectorError(f"the collector ended at its start: {words}")

    async def wait(self) -> int | None:
        """Wait until it has ended and its last line was handed on; return the exit status, None if never started."""
        if self._process is None:
            return None
        code = await self._process.wait()
        if self._reader is not None:
            await self._reader
        return code

    async def stop(self, timeout: float = 5.0) -> int | None:  # noqa: ASYNC109  after it we kill
        """Ask it to flush and stop; kill it after `timeout` seconds. Returns its exit status. Harmless when ended."""
        if self._process is None:
            return None
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), timeout)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    self._process.kill()
        code = await self.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        return code

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        stream = process.stderr
        if stream is None:
            return
        while True:
            try:
                raw = await stream.readuntil(b"\n")
            except asyncio.IncompleteReadError as end:
                if end.partial:
                    self._hand_on(end.partial)
                return
            except asyncio.LimitOverrunError as long:
                raw = await stream.read(long.consumed)
            self._hand_on(raw)

    def _hand_on(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip("\r\n")
        self._last.append(line)
        self._announced = self._announced or _READY in line
        if self._on_line is not None:
            with contextlib.suppress(Exception):  # whoever listens must not stop the reading, or the pipe fills up
                self._on_line(line)

    def _health_address(self) -> tuple[str, int, bool]:
        environ = os.environ if self._environ is None else self._environ
        host = environ.get("ORCHESTRATOR_COLLECTOR_HOST", "").strip("[]")
        port = environ.get("ORCHESTRATOR_COLLECTOR_HEALTH_PORT", "")
        quiet = environ.get("ORCHESTRATOR_COLLECTOR_LOG_LEVEL", "info").lower() not in {"", "info", "debug"}
        return host or "127.0.0.1", int(port) if port.isdecimal() else 13133, quiet


async def _healthy(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(2.0):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.startswith(b"HTTP/1.1 200")
