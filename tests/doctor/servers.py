"""Small servers that go wrong in one way each, and the stack in which nothing is wrong."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.backends.datadog import DatadogRecorder
from tests.backends.elasticsearch import Elasticsearch
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus, Target
from tests.backends.server import start_all
from tests.collector.harness import Running, environment, running


class Keeping(Prometheus):
    """A Prometheus that keeps for so long what it gets."""

    def __init__(self, data: Path, retention: str) -> None:
        super().__init__(data)
        self._retention = retention

    def command(self, built: Path) -> list[str]:
        """See `Server.command`."""
        return [*super().command(built), f"--storage.tsdb.retention.time={self._retention}"]


@dataclass
class Stack:
    """Real backends, and the real collector that feeds them."""

    prometheus: Prometheus
    loki: Loki
    elasticsearch: Elasticsearch
    datadog: DatadogRecorder
    collector: Running
    variables: dict[str, str]


BACKENDS = "prometheus,prometheus-remote-write,loki,elasticsearch,datadog,file"


@contextmanager
def stack(folder: Path, binary: Path) -> Iterator[Stack]:
    """All of it, side by side."""
    prometheus = Keeping(folder / "prometheus", "7d")
    loki, elasticsearch = Loki(folder / "loki"), Elasticsearch(folder / "elasticsearch")
    datadog = DatadogRecorder(folder / "datadog", only_key=DatadogRecorder.api_key)
    servers = (prometheus, loki, elasticsearch, datadog)
    with ExitStack() as held:
        for server in servers:
            held.callback(server.stop)
        start_all(servers)
        addresses = {
            "BACKENDS": BACKENDS,
            "LOKI_URL": loki.url,
            "ELASTICSEARCH_URL": elasticsearch.url,
            "PROMETHEUS_REMOTE_WRITE_URL": prometheus.remote_write_url,
            "DD_API_KEY": DatadogRecorder.api_key,
            "DD_METRICS_URL": datadog.url,
            "DD_OTLP_URL": datadog.url,
            "DD_TRACES_URL": datadog.url,
        }
        env = environment(folder, **addresses)
        collector = held.enter_context(running(binary, BACKENDS, env))
        page = collector.url("PROMETHEUS").removeprefix("http://")
        prometheus.scrape(Target("collector", page, honor_labels=True))
        ports = {name: value for name, value in env.items() if name.startswith("ORCHESTRATOR_COLLECTOR_")}
        variables = {
            **addresses,
            **ports,
            "PROMETHEUS_URL": prometheus.url,
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url("HTTP"),
        }
        yield Stack(prometheus, loki, elasticsearch, datadog, collector, variables)


@contextmanager
def answering(status: int, body: bytes = b"{}", *, clock: float | None = 0.0) -> Iterator[str]:
    """A server that answers everything so, its clock being so many seconds ahead (None: it says no time)."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response_only(status)
            if clock is not None:
                self.send_header("Date", formatdate(time.time() + clock, usegmt=True))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_POST = do_HEAD = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
