"""Starting the built collector in a test: with addresses on 127.0.0.1 only, and an environment of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import httpx

from telemetry.collector import command
from tests.backends.server import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

T = TypeVar("T")
READY = "Everything is ready."
BACKENDS = (
    "datadog",
    "debug",
    "elasticsearch",
    "file",
    "kafka",
    "loki",
    "otlp",
    "otlp-grpc",
    "prometheus",
    "prometheus-otlp",
    "prometheus-remote-write",
)


def environment(folder: Path, **extra: str) -> dict[str, str]:
    """Everything that any backend needs, each at a port of this machine where nothing listens."""
    listeners = ("GRPC", "HTTP", "HEALTH", "PROMETHEUS", "TELEMETRY")
    unused, *free = free_ports(1 + len(listeners))
    nobody = f"127.0.0.1:{unused}"
    ports = {f"ORCHESTRATOR_COLLECTOR_{name}_PORT": str(port) for name, port in zip(listeners, free, strict=True)}
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "ORCHESTRATOR_COLLECTOR_FILE_DIR": str(folder / "files"),
        "ORCHESTRATOR_COLLECTOR_QUEUE_DIR": str(folder / "queue"),
        "DD_API_KEY": "00000000000000000000000000000000",
        "DD_LOGS_URL": f"http://{nobody}",
        "DD_OTLP_URL": f"http://{nobody}",
        "DD_METRICS_URL": f"http://{nobody}",
        "DD_TRACES_URL": f"http://{nobody}",
        "ELASTICSEARCH_URL": f"http://{nobody}",
        "KAFKA_BROKERS": nobody,
        "LOKI_URL": f"http://{nobody}",
        "OTLP_BACKEND_URL": f"http://{nobody}",
        "OTLP_GRPC_BACKEND_URL": f"http://{nobody}",
        "PROMETHEUS_OTLP_URL": f"http://{nobody}/api/v1/otlp",
        "PROMETHEUS_REMOTE_WRITE_URL": f"http://{nobody}/api/v1/write",
        **ports,
        **extra,
    }


class Running:
    """A collector that is up, its addresses and what it says."""

    def __init__(self, process: subprocess.Popen[str], env: Mapping[str, str]) -> None:
        self.process = process
        self.env = env
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._drain, daemon=True)

    def url(self, listener: str) -> str:
        return f"http://127.0.0.1:{self.env[f'ORCHESTRATOR_COLLECTOR_{listener}_PORT']}"

    def until_ready(self) -> None:
        for line in self.process.stderr or ():
            self.lines.append(line)
            if READY in line:
                self._reader.start()
                return
        raise AssertionError("the collector ended before it was ready:\n" + "".join(self.lines))

    def _drain(self) -> None:
        self.lines.extend(self.process.stderr or ())

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.terminate()
        code = self.process.wait(timeout=20)
        self._reader.join(timeout=5)
        return code


@contextlib.contextmanager
def running(
    binary: Path, backends: str, env: Mapping[str, str], before: Sequence[str] = (), *, within: float = 180.0
) -> Iterator[Running]:
    """A collector with these backends, ready; killed at the end if the test didn't stop it.

    `before` are the words of a command that runs the one after it. It is killed after `within` seconds, so that a test
    which hangs ends.
    """
    with subprocess.Popen(
        [*before, *command(binary, backends=backends)],
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    ) as process:
        watchdog = threading.Timer(within, process.kill)
        watchdog.start()
        try:
            collector = Running(process, env)
            collector.until_ready()
            yield collector
        finally:
            watchdog.cancel()
            process.kill()


def on_a_small_disk(folder: Path, size: str) -> list[str]:
    """The words before a command for which this folder is a disk of its own, such as "16m", until it ends."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    script = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'
    return ["unshare", "--mount", *user, "sh", "-c", script, "sh", size, str(folder)]


def peak_memory(pid: int) -> int:
    """The most that a process had resident so far (bytes), pages of files that it maps among it."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1024


def get(url: str) -> str:
    """The body of a page that answers 200; any other status raises."""
    response = httpx.get(url, timeout=10, trust_env=False)
    assert response.status_code == 200
    return response.text


def listens(port: str | int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(2)
        return probe.connect_ex(("127.0.0.1", int(port))) == 0
