"""A backend that is down when something is sent gets it when it is back."""

from __future__ import annotations

import contextlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from tests.backends.server import free_ports
from tests.collector import otlp
from tests.collector.harness import environment, running
from tests.collector.taking import serving
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
BACKENDS = "elasticsearch,loki,otlp,prometheus-otlp,prometheus-remote-write"
PATHS = {
    "/otlp/v1/logs",
    "/v1/logs",
    "/v1/metrics",
    "/v1/traces",
    "/api/v1/otlp/v1/metrics",
    "/api/v1/write",
    "/_bulk",
}


class Answering:
    """A server for every backend at once: 503 the first time a path is asked for, then 200."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.accepted: set[str] = set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.split("?")[0]
                path = "/_bulk" if path.endswith("/_bulk") else path
                known = path in outer.refused
                (outer.accepted if known else outer.refused).add(path)
                body = b'{"errors": false, "items": []}' if path == "/_bulk" else b""
                self.send_response(200 if known else 503)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Content-Type", "application/json" if body else "application/x-protobuf")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.handler = Handler

    @contextlib.contextmanager
    def on(self, port: int) -> Iterator[None]:
        server = ThreadingHTTPServer(("127.0.0.1", port), self.handler)
        with serving(server):
            yield


def _names(lines: list[str], what: str) -> bool:
    assert any(what in line for line in lines), lines[-5:]
    return True


def test_what_was_sent_while_everything_was_down_arrives(collector_binary: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    env = environment(
        tmp_path,
        ELASTICSEARCH_URL=url,
        LOKI_URL=url,
        OTLP_BACKEND_URL=url,
        PROMETHEUS_OTLP_URL=f"{url}/api/v1/otlp",
        PROMETHEUS_REMOTE_WRITE_URL=f"{url}/api/v1/write",
        ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC="false",  # a disk that stalls isn't what is tested
    )
    servers = Answering()
    with running(collector_binary, BACKENDS, env) as collector:
        for signal, payload in (("metrics", otlp.metrics()), ("logs", otlp.logs()), ("traces", otlp.traces())):
            assert otlp.send(collector.url("HTTP"), signal, payload) == 200
        eventually(lambda: _names(collector.lines, "connection refused"))
        with servers.on(port):
            eventually(lambda: servers.accepted >= PATHS)
            assert collector.stop() == 0
    assert servers.refused >= PATHS
