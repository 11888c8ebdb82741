"""HTTP servers that fail as receivers do, in threads, with a memory of what they took."""

from __future__ import annotations

import json
import random
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Fault = Callable[[BaseHTTPRequestHandler], None]


def status(code: int, body: str = "", **headers: str) -> Fault:
    """An answer that is none of success, or a success with the wrong words."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(code)
        for name, value in headers.items():
            request.send_header(name.replace("_", "-"), value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body.encode())

    return answer


def hang(request: BaseHTTPRequestHandler) -> None:
    """No answer, until the other side has given up."""
    request.connection.settimeout(20)
    try:
        while request.connection.recv(4096):
            pass
    except OSError:
        pass


def reset(request: BaseHTTPRequestHandler) -> None:
    """The connection is torn down."""
    request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.connection.close()


@dataclass
class Faulty:
    """One receiver: fails by its dice, `most` times, and takes everything else.

    Attributes:
        took: Set when it has decided to take something, before it says so.
        taken: (Unix s, id of the message or "", body) of what it answered with success, in order.
        asked: When it was asked (Unix s).
    """

    fault: Fault
    odds: float
    most: int
    dice: random.Random
    took: threading.Event
    taken: list[tuple[float, str, Any]] = field(default_factory=list)
    asked: list[float] = field(default_factory=list)
    failed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    @classmethod
    def willing(cls) -> Self:
        """One that takes everything, until a test says otherwise."""
        return cls(status(500), 0.0, 0, random.Random(0), threading.Event())  # noqa: S311 - it never fails

    def take(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one request."""
        at = time.time()
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        with self.lock:
            self.asked.append(at)
            fails = self.failed < self.most and self.dice.random() < self.odds
            self.failed += fails
            if not fails:
                self.taken.append((at, request.headers.get("X-Orchestrator-Delivery", ""), body))
        if not fails:
            self.took.set()
        if fails:
            self.fault(request)
        else:
            status(200, "ok")(request)


@contextmanager
def serving(receiver: Faulty) -> Iterator[Faulty]:
    """The receiver behind a port of its own; `url` says where."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            with suppress(OSError, ValueError):  # the sender was killed, maybe in the middle of its request
                receiver.take(self)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
