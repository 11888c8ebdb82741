"""A real HTTP server in the test's own loop that answers as it was told, and remembers what it was asked."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from dataclasses import dataclass
from typing import Self

HANG = b"hang"
"""No answer, until `release` is set; then 200."""
RESET = b"reset"
"""The connection is torn down."""


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def answer(status: int = 200, body: str = "ok", **headers: str) -> bytes:
    """An answer as it goes over the wire; `_` in a header's name stands for `-`."""
    content = body.encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


class Receiver:
    """Answers one request after the other by its script; the last answer is given again and again."""

    def __init__(self, *script: bytes, tls: ssl.SSLContext | None = None) -> None:
        self._script = list(script) or [answer()]
        self._tls = tls
        self.requests: list[Request] = []
        self.asked = asyncio.Event()
        self.release = asyncio.Event()
        self.port = 0

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.release.set()
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client gave up
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, _ = head.split(" ")
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.requests.append(Request(method, target, headers, body))
        self.asked.set()
        said = self._script.pop(0) if len(self._script) > 1 else self._script[0]
        if said == RESET:
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            return
        if said == HANG:
            await self.release.wait()
            said = answer()
        writer.write(said)
        await writer.drain()
