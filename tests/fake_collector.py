"""A stand-in for the built collector: the same command line, ports and end, and nothing behind.

Where BACKENDS holds «wrong» its configuration is wrong; a POST to /crash ends it.
"""

from __future__ import annotations

import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Takes everything."""

    def do_GET(self) -> None:
        self._ok()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/crash":
            os._exit(7)
        self._ok()

    def _ok(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def serve(variable: str) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ[variable])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def main() -> None:
    if "wrong" in " ".join(sys.argv) + os.environ.get("BACKENDS", ""):
        print("otelcol-orchestrator: no backend is named 'wrong'", file=sys.stderr)
        sys.exit(1)
    if "validate" in sys.argv:
        return
    serve("ORCHESTRATOR_COLLECTOR_HTTP_PORT")
    serve("ORCHESTRATOR_COLLECTOR_HEALTH_PORT")
    print("Everything is ready. Begin running and processing data.", file=sys.stderr, flush=True)
    sys.stdin.read()  # until the parent is gone


if __name__ == "__main__":
    main()
