"""Faults around a real collector and real backends: a valve before a backend, and a sender that never gives up."""

from __future__ import annotations

import contextlib
import http.client
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx

from tests.collector import otlp
from tests.collector.taking import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.loki import Loki

LOKI_PAGE = 4000
_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Valve:
    """An HTTP proxy before a real backend, which can be shut.

    Attributes:
        url: Its own address, to be used in place of the backend's.
        shut: The share of the requests that it answers with 503 instead of handing them on, 0.0 to 1.0.
        refused: How many it answered so.
    """

    def __init__(self, target: str, shut: float = 0.0) -> None:
        self.shut = shut
        self.refused = 0
        self._asked = 0
        self._lock = threading.Lock()
        self._upstream = urlsplit(target)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _hand_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if outer._refuses():
                    self._answer(503, [], b"")
                    return
                headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
                self._answer(*outer.ask(self.command, self.path, headers, body))

            do_GET = do_POST = do_PUT = do_HEAD = _hand_on  # noqa: N815 - the base class's names

            def _answer(self, status: int, headers: Sequence[tuple[str, str]], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in _HOP | {"date", "server"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, Sequence[tuple[str, str]], bytes]:
        """What the backend answers: status, headers, body."""
        connection = http.client.HTTPConnection(self._upstream.hostname or "", self._upstream.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheaders(), answer.read()

    def _refuses(self) -> bool:
        """Evenly: of a hundred requests at 0.7 the 2nd, 3rd, 5th, 6th, … are refused, seventy in all."""
        with self._lock:
            before = int(self._asked * self.shut)
            self._asked += 1
            refuses = int(self._asked * self.shut) > before
            self.refused += refuses
            return refuses

    @contextlib.contextmanager
    def open(self) -> Iterator[Self]:
        """Answers until the end of the block."""
        with serving(self._server):
            yield self


class Server(ThreadingHTTPServer):
    """Says nothing of clients that were killed in the middle of a request."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A collector that was killed leaves half a request behind; anything else is a mistake in a test."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def record_id(number: int) -> str:
    """The identity of one record."""
    return f"record-{number:07d}"


def batch(service: str, numbers: range, since: int) -> dict[str, Any]:
    """Log records of one request, each a microsecond after the one before it, `since` in Unix ns."""
    records = [
        {
            "timeUnixNano": str(since + number * 1000),
            "severityNumber": 9,
            "body": {"stringValue": f"line {number}"},
            "attributes": otlp.attributes(record_id=record_id(number)),
        }
        for number in numbers
    ]
    resource = {"attributes": otlp.attributes(service__name=service)}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"scope": {"name": "s"}, "logRecords": records}]}]}


class Sender:
    """Sends records in batches, and each batch until it is acknowledged, as an SDK with patience does.

    Attributes:
        acknowledged: How many records the collector said it has taken, from the first on.
        repeated: How many records were sent more than once, since no answer came or a refusal.
    """

    def __init__(self, url: Callable[[], str], service: str, *, size: int, rate: float) -> None:
        self.acknowledged = 0
        self.repeated = 0
        self.since = time.time_ns()
        self._url, self._service, self._size, self._pause = url, service, size, size / rate
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._send, daemon=True)

    @contextlib.contextmanager
    def sending(self) -> Iterator[Sender]:
        """Sends until `end`, at the latest until the end of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self.end()

    def end(self) -> int:
        """Sends no further batch; the number of acknowledged records."""
        self._ended.set()
        self._thread.join(60)
        return self.acknowledged

    def _send(self) -> None:
        with httpx.Client(trust_env=False, timeout=30) as client:
            due = time.monotonic()
            while not self._ended.is_set():
                numbers = range(self.acknowledged, self.acknowledged + self._size)
                content = batch(self._service, numbers, self.since)
                while not self._taken(client, content):
                    self.repeated += self._size
                    if self._ended.wait(0.02):
                        return
                self.acknowledged += self._size
                due = max(due + self._pause, time.monotonic() - 1.0)
                self._ended.wait(max(0.0, due - time.monotonic()))

    def _taken(self, client: httpx.Client, content: dict[str, Any]) -> bool:
        try:
            return client.post(f"{self._url()}/v1/logs", json=content).status_code == httpx.codes.OK
        except httpx.HTTPError:  # it was just killed, and isn't back yet
            return False


def in_loki(loki: Loki, service: str, since: int) -> list[str]:
    """The record ids that Loki has of a service, in order of time; one that it stored twice is there twice."""
    found: list[str] = []
    start = since
    while True:
        a_bit_before = start / 1e9 - 1e-5  # a float of seconds is a tenth of a microsecond wide
        page = loki.query(f'{{service_name="{service}"}}', start=a_bit_before, limit=LOKI_PAGE)
        page = [line for line in page if line.time >= start]
        found += [line.labels["record_id"] for line in page]
        if len(page) < LOKI_PAGE - 20:  # some of the page may lie before the start
            return found
        start = page[-1].time + 1


def in_elasticsearch(elasticsearch: Elasticsearch, index: str) -> int:
    """How many documents it has: one for each record id, so a record that is stored twice shows as one too many."""
    return elasticsearch.count(index)
