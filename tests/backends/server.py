"""What every server here has in common: started on free loopback ports, waited for, stopped, and never left behind."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

import httpx

from tests.backends import build
from tests.backends.commands import dying_with_us, tail
from tests.backends.listening import listeners
from tests.waiting import NotInTimeError, eventually

HOST = "127.0.0.1"
PORT_TAKEN = re.compile(r"address already in use|BindException|Failed to bind", re.IGNORECASE)
ATTEMPTS = 3


class ServerError(RuntimeError):
    """A server did not come up, or ended by itself; the message ends with the last lines of its log."""


_lately_given: deque[int] = deque(maxlen=1000)
_giving = threading.Lock()


def free_ports(count: int) -> list[int]:
    """That many different ports on which nothing listens, outside the range that outgoing connections use.

    None of them was given lately: whoever got it, in another thread for example, may be about to listen there.
    """
    with _giving, ExitStack() as held:
        ports: list[int] = []
        while len(ports) < count:
            port = random.randrange(10_000, 32_000)  # noqa: S311 - a port, not a secret
            if port in _lately_given:
                continue
            try:
                held.enter_context(socket.create_server((HOST, port)))
            except OSError:
                continue
            ports.append(port)
            _lately_given.append(port)
        return ports


class Server(ABC):
    """One real server in a process of its own, its files in `data`. Use it in a `with`, or call `start` and `stop`.

    `stop` followed by `start` is a restart: same ports, same data. It dies with the thread that started it.
    """

    part: ClassVar[str]
    """Its name in the table of parts."""
    port_names: ClassVar[tuple[str, ...]] = ("http",)
    start_seconds: ClassVar[float] = 90.0
    stop_seconds: ClassVar[float] = 20.0

    def __init__(self, data: Path) -> None:
        self.data = data.absolute()
        self.log = self.data / f"{self.part}.log"
        self.ports: dict[str, int] = {}
        self._settled = False  # was ready once: its ports are known to others
        self._process: subprocess.Popen[bytes] | None = None
        self._client: httpx.Client | None = None

    @abstractmethod
    def command(self, built: Path) -> list[str]:
        """Write what configuration it needs, for the ports it has now, and give its command line."""

    @abstractmethod
    def is_ready(self) -> bool:
        """Whether it says that it takes data and answers queries."""

    def prepare(self) -> None:  # noqa: B027 - most have nothing to prepare
        """What is to be done once it is ready, before anybody sends to it."""

    @property
    def url(self) -> str:
        """Where its HTTP API is."""
        return f"http://{HOST}:{self.ports['http']}"

    @property
    def pid(self) -> int:
        """The running server's process id."""
        assert self._process is not None, f"{self.part} was not started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start it and wait until it is ready. Raises `ServerError`."""
        start_all([self])

    def launch(self) -> None:
        """Start its process without waiting, so that several can come up side by side; `wait_ready` must follow."""
        assert not self.running, f"{self.part} runs already"
        built = build.folder(self.part)
        self.data.mkdir(parents=True, exist_ok=True)
        if not self.ports:
            self.ports = dict(zip(self.port_names, free_ports(len(self.port_names)), strict=True))
        command = self.command(built)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                dying_with_us(command),
                cwd=self.data,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> None:
        """Wait until a launched server is ready; where another process was faster to take its port, try others."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                eventually(self._ready_or_ended, self.start_seconds, what=f"{self.part} ready")
            except NotInTimeError as failure:
                self.stop()
                raise ServerError(f"{failure}\n{self._ending()}") from None
            if self.running:
                self._settled = True
                self.prepare()
                return
            if self._settled or attempt == ATTEMPTS or not PORT_TAKEN.search(tail(self.log, 200)):
                raise ServerError(f"{self.part} ended with {self._exit_code()} before it was ready\n{self._ending()}")
            self.ports = {}
            self.log.write_bytes(b"")
            self.launch()

    def stop(self) -> None:
        """Ask it to end (SIGTERM), and end it where it doesn't within `stop_seconds`. Its data stays."""
        if self._client is not None:  # first: some wait for their clients to go
            self._client.close()
            self._client = None
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """End it as a power cut would (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """One request to its HTTP API, whatever the answer's status."""
        if self._client is None:
            self._client = httpx.Client(timeout=30, trust_env=False)  # no proxy stands between us and the loopback
        return self._client.request(method, self.url + path, **arguments)

    def get_json(self, path: str, /, **parameters: Any) -> Any:
        """What its HTTP API answers to a GET; raises `ServerError`, with the answer's text, unless it is a success."""
        return self.send_json("GET", path, params=parameters)

    def send_json(self, method: str, path: str, **arguments: Any) -> Any:
        """What its HTTP API answers to any request, decoded; raises `ServerError` as `get_json` does."""
        answer = self.request(method, path, **arguments)
        if not answer.is_success:
            raise ServerError(f"{self.part}: {method} {path} was answered {answer.status_code}: {answer.text[:2000]}")
        return answer.json() if answer.content else None

    def log_text(self) -> str:
        """Everything it wrote to its output since it was first started."""
        return self.log.read_text(errors="replace")

    def _ready_or_ended(self) -> bool:
        return not self.running or (self._listens() and self.is_ready())

    def _listens(self) -> bool:
        """Whether it is our process, and no stranger, that would answer on its ports."""
        return sys.platform != "linux" or {port for _, port in listeners(self.pid)} >= set(self.ports.values())

    def _exit_code(self) -> int | None:
        return self._process.poll() if self._process else None

    def _ending(self) -> str:
        return f"the end of {self.log}:\n{tail(self.log, 40)}"

    def _environment(self) -> dict[str, str]:
        """Nothing of the user's but the PATH: an OTEL_ or DD_ variable would reach into the server."""
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.data), "LANG": "C.UTF-8", "TZ": "UTC"}


def start_all(servers: Iterable[Server]) -> None:
    """Start several side by side: all are launched before the first is waited for."""
    started = list(servers)
    try:
        for server in started:
            server.launch()
        for server in started:
            server.wait_ready()
    except BaseException:
        for server in started:
            server.stop()
        raise
