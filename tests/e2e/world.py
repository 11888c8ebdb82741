"""Everything that runs in an end-to-end test, and how it is asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.backends.datadog import DatadogRecorder
from tests.backends.elasticsearch import Elasticsearch
from tests.backends.jaeger import Jaeger
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus, Sample, Target
from tests.backends.server import free_ports, start_all
from tests.collector.harness import Running, environment, running
from tests.waiting import eventually

JOB = "orchestrator-cc"
BACKENDS = "prometheus,loki,elasticsearch,datadog,otlp,prometheus-remote-write,prometheus-otlp"


@dataclass
class Monitor:
    """Our program, watching: a real process, started as a user would."""

    process: subprocess.Popen[bytes]
    port: int
    output: Path

    @property
    def url(self) -> str:
        """Of dashboard and API."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> httpx.Response:
        """Asks its API."""
        return httpx.get(self.url + path, timeout=10, trust_env=False)

    def until_ready(self) -> None:
        """Waits until the first check is done."""

        def ready() -> bool:
            assert self.process.poll() is None, self.output.read_text()
            return self.get("/readyz").status_code == 200

        eventually(ready, what=f"the monitor's /readyz ({self.output})")

    def stop(self) -> int:
        """SIGTERM, and the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=15)


@contextmanager
def monitor(folder: Path, *, port: int, **environ: str) -> Iterator[Monitor]:
    """`python -m telemetry dashboard` with one check a second; killed at the end if the test didn't stop it."""
    output = folder / f"monitor-{port}.log"
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        "ORCHESTRATOR_STATE_DIR": str(folder / "state"),
        "ORCHESTRATOR_CHECK_INTERVAL": "1",
        "ORCHESTRATOR_DASHBOARD_PORT": str(port),
        **environ,
    }
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [sys.executable, "-m", "telemetry", "dashboard"],
            env=variables,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Monitor(process, port, output)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(timeout=15)


@dataclass
class World:
    """The backends and the collector; `prometheus` holds one server for each way in which metrics get there."""

    prometheus: Mapping[str, Prometheus]
    loki: Loki
    elasticsearch: Elasticsearch
    jaeger: Jaeger
    datadog: DatadogRecorder
    collector: Running
    monitor_port: int

    @property
    def otlp(self) -> dict[str, str]:
        """What a user sets to send to the collector."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.collector.url("HTTP"), "OTEL_METRIC_EXPORT_INTERVAL": "1000"}

    def everywhere(self, promql: str, holds: Callable[[list[Sample]], bool], timeout: float = 20) -> None:
        """The same question to every Prometheus, until each answer is as it should be."""
        for way, server in self.prometheus.items():
            eventually(lambda s=server: holds(s.query(promql)), timeout, what=f"{promql} by {way}")  # type: ignore[misc]


@contextmanager
def world(folder: Path, binary: Path, *, within: float = 180.0) -> Iterator[World]:
    """Starts every backend side by side, then the collector that feeds them, which is killed after `within` seconds."""
    own_page, of_collector = (Prometheus(_made(folder / name)) for name in ("scraped", "collector"))
    remote_write, by_otlp = (Prometheus(_made(folder / name)) for name in ("remote-write", "otlp"))
    loki, elasticsearch = Loki(_made(folder / "loki")), Elasticsearch(_made(folder / "elasticsearch"))
    jaeger, datadog = Jaeger(_made(folder / "jaeger")), DatadogRecorder(_made(folder / "datadog"))
    servers = (own_page, of_collector, remote_write, by_otlp, loki, elasticsearch, jaeger, datadog)
    (port,) = free_ports(1)
    with ExitStack() as stack:
        for server in servers:
            stack.callback(server.stop)
        start_all(servers)
        variables = environment(
            folder,
            LOKI_URL=loki.url,
            ELASTICSEARCH_URL=elasticsearch.url,
            DD_OTLP_URL=datadog.url,
            DD_METRICS_URL=datadog.url,
            DD_TRACES_URL=datadog.url,
            OTLP_BACKEND_URL=jaeger.otlp_endpoint,
            OTLP_BACKEND_METRICS="nop",
            OTLP_BACKEND_LOGS="nop",
            PROMETHEUS_REMOTE_WRITE_URL=remote_write.remote_write_url,
            PROMETHEUS_OTLP_URL=by_otlp.otlp_endpoint,
        )
        collector = stack.enter_context(running(binary, BACKENDS, variables, within=within))
        own_page.scrape(Target(JOB, f"127.0.0.1:{port}"))
        page = collector.url("PROMETHEUS").removeprefix("http://")
        of_collector.scrape(Target("collector", page, honor_labels=True))
        ways = {
            "scraping the monitor": own_page,
            "scraping the collector": of_collector,
            "remote write": remote_write,
            "OTLP": by_otlp,
        }
        yield World(ways, loki, elasticsearch, jaeger, datadog, collector, port)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
