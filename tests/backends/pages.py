"""A page of metrics for Prometheus to scrape."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.backends.server import HOST

PAGE = '# HELP up_agents Agents.\n# TYPE up_agents gauge\nup_agents{agent_name="a",job="own"} 3\n'


class _Handler(http.server.BaseHTTPRequestHandler):
    text = PAGE

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(self.text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        pass


@contextmanager
def page_of_metrics(text: str = PAGE) -> Iterator[str]:
    """Serve the page on any path; gives its host:port."""
    handler = type("_Page", (_Handler,), {"text": text})
    with http.server.ThreadingHTTPServer((HOST, 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"{HOST}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
