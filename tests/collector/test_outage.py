"""A backend that is down when something is sent gets it when it is back, and so does one whose answers were wrong."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

import pytest

from telemetry.collector.counters import parse
from tests.backends.server import free_ports
from tests.collector import otlp
from tests.collector.harness import environment, get, running
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


class Answer(NamedTuple):
    """What a server says; after `seconds` in which it says nothing, or until nobody listens any more."""

    status: int
    kind: str = "application/x-protobuf"
    body: bytes = b""
    seconds: float = 0


class Answering:
    """A server for every backend at once, which takes what it is sent after some other answers on each path."""

    def __init__(self, *first: Answer) -> None:
        self.refused: defaultdict[str, list[Answer]] = defaultdict(list)
        self.accepted: set[str] = set()
        self.ended = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                path = self.path.split("?")[0]
                path = "/_bulk" if path.endswith("/_bulk") else path
                before = outer.refused[path]
                if len(before) < len(first):
                    before.append(first[len(before)])
                    return self._say(before[-1])
                outer.accepted.add(path)
                if path == "/_bulk":
                    return self._say(Answer(200, "application/json", b'{"errors": false, "items": []}'))
                return self._say(Answer(200))

            do_GET = do_POST  # noqa: N815 - the name that http.server looks for

            def _say(self, answer: Answer) -> None:
                outer.ended.wait(answer.seconds)
                self.send_response(answer.status)
                self.send_header("X-Elastic-Product", "Elasticsearch")
                self.send_header("Location", "/login")
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body)))
                with contextlib.suppress(ConnectionError):  # it has waited long enough
                    self.end_headers()
                    self.wfile.write(answer.body)

            def log_message(self, *_: object) -> None:
                pass

        self.handler = Handler

    @contextlib.contextmanager
    def on(self, port: int) -> Iterator[None]:
        server = ThreadingHTTPServer(("127.0.0.1", port), self.handler)
        with serving(server):
            yield
            self.ended.set()


def _names(lines: list[str], what: str) -> bool:
    assert any(what in line for line in lines), lines[-5:]
    return True


def _environment(folder: Path, port: int, **extra: str) -> dict[str, str]:
    url = f"http://127.0.0.1:{port}"
    return environment(
        folder,
        ELASTICSEARCH_URL=url,
        LOKI_URL=url,
        OTLP_BACKEND_URL=url,
        PROMETHEUS_OTLP_URL=f"{url}/api/v1/otlp",
        PROMETHEUS_REMOTE_WRITE_URL=f"{url}/api/v1/write",
        ORCHESTRATOR_COLLECTOR_QUEUE_FSYNC="false",  # a disk that stalls isn't what is tested
        **extra,
    )


def _send(url: str) -> None:
    for signal, payload in (("metrics", otlp.metrics()), ("logs", otlp.logs()), ("traces", otlp.traces())):
        assert otlp.send(url, signal, payload) == 200


def test_what_was_sent_while_everything_was_down_arrives(collector_binary: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    servers = Answering(Answer(503))
    with running(collector_binary, BACKENDS, _environment(tmp_path, port)) as collector:
        _send(collector.url("HTTP"))
        eventually(lambda: _names(collector.lines, "connection refused"))
        with servers.on(port):
            eventually(lambda: servers.accepted >= PATHS)
            assert collector.stop() == 0
    assert servers.refused.keys() >= PATHS


PAGE = b"<!doctype html><title>Sign in</title>"
TO_PUT_RIGHT = {
    "a key that ran out": (Answer(401), Answer(403)),
    "a wrong path, or a proxy's": (Answer(404), Answer(407)),
    "a login page": (Answer(302), Answer(200, "text/html", PAGE)),
    "nothing, on an open connection": (Answer(200, seconds=60),),
}


@pytest.mark.parametrize("answers", TO_PUT_RIGHT.values(), ids=TO_PUT_RIGHT.keys())
def test_what_somebody_must_put_right_is_waited_for(
    collector_binary: Path, tmp_path: Path, answers: tuple[Answer, ...]
) -> None:
    (port,) = free_ports(1)
    servers = Answering(*answers)
    env = _environment(tmp_path, port, ORCHESTRATOR_COLLECTOR_ANSWER_SECONDS="1")
    with servers.on(port), running(collector_binary, BACKENDS, env) as collector:
        _send(collector.url("HTTP"))
        eventually(lambda: servers.accepted >= PATHS)
        page = parse(get(f"{collector.url('TELEMETRY')}/metrics"))
        assert collector.stop() == 0
    hindered = {name: counts.hindered for name, counts in page.exporters.items() if counts.hindered}
    assert set(hindered) == {
        "elasticsearch",
        "otlp_http/backend",
        "otlp_http/loki",
        "otlp_http/prometheus",
        "prometheus_remote_write",
    }
    assert min(hindered.values()) >= len(answers)
    assert sum(sum(counts.failed.values()) for counts in page.exporters.values()) == 0
    assert any("A backend takes nothing. What waits is kept and sent again." in line for line in collector.lines)
