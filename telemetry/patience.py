"""How long a client is waited for: whoever sends nothing, or a byte now and then, is cut off and makes room for others.

An answer under way, such as a stream of events, is no waiting: it may last for ever, as long as its reader reads.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

_FAREWELL = 1.0
"""Seconds for which a last answer may take to leave before the connection is cut."""


def _last_answer(status: str, detail: str, more: str = "") -> bytes:
    body = f'{{"detail":"{detail}"}}'
    head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{more}"
    return f"HTTP/1.1 {status}\r\n{head}\r\n{body}".encode()


_NO_HTTP = _last_answer("400 Bad Request", "this is no HTTP request, or its head is too long")
_TOO_SLOW = _last_answer("408 Request Timeout", "the request took too long to come in")
_FULL = _last_answer("503 Service Unavailable", "too many connections: try again", "retry-after: 10\r\n")


@dataclass
class Patience:
    """What one server puts up with. Times in seconds.

    Attributes:
        head: For the first line and the headers of a request, from the connection's or the request's first byte.
        body: For a whole body.
        reading: For a client that doesn't take what is sent to it.
        idle: Between two requests.
        most: Connections at once. Beyond them, the one that has waited longest for a request is cut; where all are
            being answered, the new one gets 503.
    """

    head: float = 10.0
    body: float = 10.0
    reading: float = 30.0
    idle: float = 5.0
    most: int = 1000
    waiting: dict[Patient, None] = field(default_factory=dict)
    """Connections without a request under way, the one that has waited longest first."""


class Patient(H11Protocol):
    """uvicorn's connection, with timers that it hasn't."""

    def __init__(
        self, config: Config, server_state: ServerState, app_state: dict[str, Any], patience: Patience | None = None
    ) -> None:
        super().__init__(config, server_state, app_state)
        self._patience = patience or Patience()
        self._timer: asyncio.TimerHandle | None = None
        self._waits_for = ""
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self._patience.most and not self._make_room():
            transport.write(_FULL)
            self._leave()
            return
        self._look()

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for("")
        self._unset_keepalive_if_required()  # which uvicorn leaves where a connection was reset
        self._stop_stalled()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._look(came=True)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told in the form that every error has."""
        self.transport.write(_NO_HTTP)
        self._leave()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self._patience.reading, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_stalled()

    def _look(self, came: bool = False) -> None:
        """What is waited for now; the time for the same thing goes on, however many bytes of it come."""
        state = self.conn.their_state
        if self.transport.is_closing():
            self._wait_for("")
        elif state is h11.SEND_BODY:
            self._wait_for("body")
        elif state is h11.IDLE:
            between = self.timeout_keep_alive_task is not None or (self._waits_for == "next" and not came)
            self._wait_for("next" if between else "head")
        else:
            self._wait_for("")

    def _wait_for(self, what: str) -> None:
        if what == self._waits_for:
            return
        self._waits_for = what
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if what in ("head", "next"):
            self._patience.waiting.setdefault(self)
        else:
            self._patience.waiting.pop(self, None)
        if what in ("head", "body"):
            seconds = self._patience.head if what == "head" else self._patience.body
            self._timer = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        if self.transport.is_closing():
            return
        began = self.conn.our_state in (h11.SEND_BODY, h11.DONE, h11.MUST_CLOSE)
        if not began and (self._waits_for == "body" or self.conn.trailing_data[0]):
            self.transport.write(_TOO_SLOW)
        self._leave()

    def _make_room(self) -> bool:
        """Cuts who has waited longest for nothing; whether there was one."""
        longest = next((held for held in self._patience.waiting if held is not self), None)
        if longest is None:
            return False
        longest.transport.abort()
        longest._wait_for("")  # noqa: SLF001 - another one of ours
        return True

    def _leave(self) -> None:
        self._wait_for("")
        self.transport.close()
        self.loop.call_later(_FAREWELL, self.transport.abort)

    def _stop_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
