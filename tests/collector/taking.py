"""A backend of the tests' own for what no real one does on request: refuse now, take later, and count every copy."""

from __future__ import annotations

import contextlib
import gzip
import re
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord


@contextlib.contextmanager
def serving(server: ThreadingHTTPServer) -> Iterator[None]:
    """Has a server answer, in a thread, until the end of the block."""
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


class Taken(NamedTuple):
    """One record as it came, its service's name, and its scope's."""

    service: str
    scope: str
    record: LogRecord


class Taking:
    """A backend for OTLP logs whose answer can be changed; it keeps what it took.

    Attributes:
        answering: The status of its answers.
    """

    def __init__(self, answering: int = 200) -> None:
        self.answering = answering
        self._bodies: list[bytes] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status = outer.answering
                if status == HTTPStatus.OK:
                    outer._bodies.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextlib.contextmanager
    def serving(self) -> Iterator[Taking]:
        """Answers until the end of the block."""
        with serving(self._server):
            yield self

    def has(self, count: int) -> bool:
        """Whether so many records came, copies counted."""
        return len(self.arrived()) >= count

    def arrived(self) -> list[int]:
        """The N of every record `record-N;` that was taken, sorted; a copy is there twice."""
        found = [int(number) for body in list(self._bodies) for number in re.findall(rb"record-(\d+);", body)]
        return sorted(found)

    def records(self) -> list[Taken]:
        """Every record that was taken, copies too, in the order of their coming."""
        found = []
        for body in list(self._bodies):
            for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
                names = {item.key: item.value.string_value for item in resource.resource.attributes}
                for scope in resource.scope_logs:
                    found += [Taken(names.get("service.name", ""), scope.scope.name, one) for one in scope.log_records]
        return found
