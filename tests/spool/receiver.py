"""An OTLP receiver over HTTP that answers as it is told, and keeps what it took."""

from __future__ import annotations

import contextlib
import gzip
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.backends.server import free_ports


@dataclass(frozen=True)
class Reply:
    """An answer to a request."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Receiver:
    """Listens between `start` and `stop`, always at the same port.

    Attributes:
        judge: Records' bodies → the answer; one that isn't 200 takes nothing.
        bodies: Of every log record that was taken, in order.
        ids: Their record ids.
        spans: The names of every span that was taken.
        encodings: Of every request: what `Content-Encoding` said.
    """

    def __init__(self, judge: Callable[[list[str]], Reply] = lambda bodies: Reply()) -> None:
        (self.port,) = free_ports(1)
        self.judge = judge
        self.bodies: list[str] = []
        self.ids: list[str] = []
        self.spans: list[str] = []
        self.encodings: set[str] = set()
        self.asked = 0
        self._lock = threading.Lock()
        self._server: ThreadingHTTPServer | None = None
        self._connections: list[socket.socket] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                outer._connections.append(self.connection)

            def do_POST(self) -> None:
                encoding = self.headers.get("content-encoding", "")
                data = self.rfile.read(int(self.headers["content-length"]))
                reply = outer.take(self.path, gzip.decompress(data) if encoding == "gzip" else data, encoding)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            for connection in self._connections:  # as when a process ends
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._connections.clear()
            self._server = None

    def take(self, path: str, data: bytes, encoding: str) -> Reply:
        with self._lock:
            self.asked += 1
            self.encodings.add(encoding)
            if path == "/v1/traces":
                return self._take_spans(data)
            records = [
                record
                for resource in ExportLogsServiceRequest.FromString(data).resource_logs
                for scope in resource.scope_logs
                for record in scope.log_records
            ]
            reply = self.judge([record.body.string_value for record in records])
            if reply.status == 200:
                self.bodies += [record.body.string_value for record in records]
                self.ids += [_attribute(record, "record_id") for record in records]
            return reply

    def _take_spans(self, data: bytes) -> Reply:
        names = [
            span.name
            for resource in ExportTraceServiceRequest.FromString(data).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        reply = self.judge(names)
        if reply.status == 200:
            self.spans += names
        return reply


def _attribute(record: Any, name: str) -> str:
    return next((str(a.value.string_value) for a in record.attributes if a.key == name), "")


@contextmanager
def receiving(judge: Callable[[list[str]], Reply] = lambda bodies: Reply()) -> Iterator[Receiver]:
    receiver = Receiver(judge).start()
    try:
        yield receiver
    finally:
        receiver.stop()
