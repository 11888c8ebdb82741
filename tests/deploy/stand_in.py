"""A server of nobody's: stands in for Elasticsearch, Kibana, Grafana, Datadog where only requests are looked at."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class StandIn:
    """Takes every request, but for those whose path begins with `refused`: (method, path, headers, body)."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, dict[str, str], bytes]] = []
        self.refused = "-"
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def take(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                refused = self.path.startswith(stand_in.refused)
                stand_in.taken.append((self.command, self.path, dict(self.headers.items()), body))
                answer = b'{"error": "it is not as it should be"}' if refused else b"{}"
                self.send_response(400 if refused else 200)
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_PUT = do_POST = take  # noqa: N815 - the names that http.server looks for

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}"


@contextmanager
def standing_in() -> Iterator[StandIn]:
    """One that listens."""
    standing = StandIn()
    threading.Thread(target=standing.server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield standing
    finally:
        standing.server.shutdown()
        standing.server.server_close()
