"""Watches the stream of an application without a socket, or of a server, and reads its events as a browser does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.types import ASGIApp, Message

from tests.web.conftest import BASE

_LINE_ENDS = re.compile("\r\n|\r|\n")
"""What ends a line of an event stream, by the standard."""


@dataclass(frozen=True)
class Event:
    """One event."""

    kind: str
    data: Any
    id: str = ""


def events(text: str, name: str = "") -> Iterator[Event]:
    """The complete events of a stream; a `retry` alone is none. An id holds until there is another."""
    kind = ""
    data: list[str] = []
    for line in _LINE_ENDS.split(text)[:-1]:
        if not line:
            if data:
                yield Event(kind or "message", json.loads("\n".join(data)), name)
            kind, data = "", []
            continue
        key, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if key == "event":
            kind = value
        elif key == "data":
            data.append(value)
        elif key == "id":
            name = value
        else:
            assert key in ("retry", ""), f"no line of an event: {line!r}"


def replayed(said: list[Event]) -> dict[str, Any]:
    """What a client holds after these events."""
    held: dict[str, Any] = {}
    for one in said:
        if one.kind == "snapshot":
            held = dict(one.data["items"])
        elif one.kind == "change":
            for key in one.data["gone"]:
                del held[key]  # nothing goes that was not there
            held.update(one.data["set"])
    return held


@dataclass
class Watching:
    """One request for the stream: `async with Watching(app) as seen`."""

    app: ASGIApp
    path: str = "/api/v1/stream"
    query: str = ""
    last: str = ""
    method: str = "GET"
    scope: dict[str, Any] = field(default_factory=dict)
    text: bytes = b""
    said: list[Event] = field(default_factory=list)
    status: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)
    ended: bool = False
    sends: int = 0

    def __post_init__(self) -> None:
        self.takes = asyncio.Event()
        self.takes.set()
        self._gone, self._more = asyncio.Event(), asyncio.Event()
        self._asked, self._rest = False, b""

    async def _receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        await self.takes.wait()
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        self.sends += 1
        self.text += bytes(message.get("body", b""))
        whole, end, self._rest = (self._rest + bytes(message.get("body", b""))).rpartition(b"\n\n")
        self.said += events((whole + end).decode(), self.said[-1].id if self.said else "")
        self._more.set()
        if not message.get("more_body", False):
            self.ended = True
            self._gone.set()

    async def __aenter__(self) -> Self:
        headers = [(b"host", BASE.removeprefix("http://").encode())]
        if self.last:
            headers.append((b"last-event-id", self.last.encode("latin-1")))
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": self.method,
            "scheme": "http",
            "path": self.path,
            "raw_path": self.path.encode(),
            "query_string": self.query.encode(),
            "root_path": "",
            "headers": headers,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8000),
            **self.scope,
        }
        self.task = asyncio.create_task(self._ask(scope))
        return self

    async def _ask(self, scope: dict[str, Any]) -> None:
        await self.app(scope, self._receive, self._send)

    async def __aexit__(self, *_: object) -> None:
        self.leave()
        self.takes.set()
        with suppress(asyncio.CancelledError):
            await asyncio.wait_for(self.task, 5)

    def leave(self) -> None:
        """The connection is gone."""
        self._gone.set()

    def kinds(self) -> list[str]:
        """Their kinds."""
        return [one.kind for one in self.said]

    async def until(self, count: int) -> list[Event]:
        """The events, when there are so many or the stream has ended."""
        async with asyncio.timeout(10):
            while len(self.said) < count and not self.ended:
                self._more.clear()
                await self._more.wait()
        return self.said
