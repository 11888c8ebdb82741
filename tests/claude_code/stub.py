"""A stub of the Messages API on the loopback, for any number of programs at once; `script` says what it answers."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from tests.claude_code.script import Answer, answer

TICK = 0.05
PING = 1.0
"""Seconds: how often a held answer looks whether it was released, and how often it shows that it lives."""


class Stub:
    """The API's stand-in, from `with` to its end. It also stands where a proxy would, and lets nothing out."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        """The bodies received on /v1/messages, the oldest first."""
        self.outside: list[str] = []
        """What a program wanted from anywhere else, and was refused: `METHOD target`."""
        self._released: dict[str, threading.Event] = {}
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(TICK,), name="stub", daemon=True)

    @property
    def url(self) -> str:
        """Its address, for ANTHROPIC_BASE_URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def release(self, name: str) -> None:
        """Let every answer to `hold NAME` end, those to come too."""
        self._event(name).set()

    def close(self) -> None:
        """End what is still being answered, and the server."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def holds(self, name: str) -> bool:
        """Whether `hold NAME` is to go on."""
        return not self._event(name).is_set()

    def rest(self, seconds: float) -> bool:
        """Let that much time pass; false, and at once, where the stub is being closed."""
        return not self._closing.wait(seconds)

    def _event(self, name: str) -> threading.Event:
        return self._released.setdefault(name, threading.Event())


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A program that was killed in the middle of an answer is no error; what else went wrong is shown."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.startswith("/v1/messages"):
            self._refuse()
        elif "count_tokens" in self.path:
            self._json(200, {"input_tokens": 10})
        else:
            request = json.loads(body)
            self.server.stub.requests.append(request)
            given = answer(request)
            if given.status != 200:
                kind = {"type": "invalid_request_error", "message": "made up"}
                self._json(given.status, {"type": "error", "error": kind})
            elif request.get("stream"):
                self._stream(str(request["model"]), given)
            else:
                self._json(200, _message(str(request["model"]), [_block(given)], _reason(given)))

    def do_GET(self) -> None:
        self._refuse()

    def do_HEAD(self) -> None:
        self._refuse()

    def do_CONNECT(self) -> None:
        self._refuse()

    def _refuse(self) -> None:
        self.server.stub.outside.append(f"{self.command} {self.path}")
        self._json(403, {"type": "error", "error": {"type": "permission_error", "message": "not from here"}})

    def _json(self, status: int, value: Mapping[str, Any]) -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self, model: str, given: Answer) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        block = _block(given)
        self._event("message_start", message=_message(model, [], None))
        if given.tool:
            self._event("content_block_start", index=0, content_block={**block, "input": {}})
            piece = {"type": "input_json_delta", "partial_json": json.dumps(given.input)}
        else:
            self._event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            self._linger(given)
            piece = {"type": "text_delta", "text": given.text}
        self._event("content_block_delta", index=0, delta=piece)
        self._event("content_block_stop", index=0)
        self._event(
            "message_delta", delta={"stop_reason": _reason(given), "stop_sequence": None}, usage={"output_tokens": 5}
        )
        self._event("message_stop")

    def _linger(self, given: Answer) -> None:
        """Let an answer last, showing now and then that it lives: that also notices a program that is gone."""
        stub, now = self.server.stub, time.monotonic()
        end, shown = now + given.seconds, now
        while (given.held and stub.holds(given.held)) or now < end:
            if not stub.rest(TICK if given.held else min(TICK, end - now)):
                return
            now = time.monotonic()
            if now - shown >= PING:
                self._event("ping")
                shown = now

    def _event(self, kind: str, **fields: Any) -> None:
        self.wfile.write(f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode())
        self.wfile.flush()


def _block(given: Answer) -> dict[str, Any]:
    if given.tool:
        return {"type": "tool_use", "id": f"toolu_{time.monotonic_ns():020d}", "name": given.tool, "input": given.input}
    return {"type": "text", "text": given.text}


def _reason(given: Answer) -> str:
    return "tool_use" if given.tool else "end_turn"


def _message(model: str, content: list[dict[str, Any]], reason: str | None) -> dict[str, Any]:
    return {
        "id": f"msg_{time.monotonic_ns():020d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
        },
    }
