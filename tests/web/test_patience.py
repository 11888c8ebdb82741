"""Clients that are slow on purpose, at the real server: they are cut off, others are served, and streams go on."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from telemetry.listening import listen
from telemetry.patience import Patience
from telemetry.serving import WebServer
from telemetry.settings import Dashboard

pytestmark = pytest.mark.slow

HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
QUICK = 0.15
LONG = 60.0


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the body, then answers; `/stream` answers until the other side leaves."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    if scope["path"] == "/big":
        for _ in range(200):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
    while scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"beat\n", "more_body": True})
        await asyncio.sleep(0.01)
        if _left.is_set():
            break
    await send({"type": "http.response.body", "body": b"done", "more_body": False})


_left = asyncio.Event()


class Served:
    """The server while it runs, and connections to it."""

    def __init__(self, server: WebServer, port: int) -> None:
        self.server, self._port = server, port

    async def connect(self, sent: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(sent)
        await writer.drain()
        return reader, writer

    async def ask(self) -> bytes:
        reader, writer = await self.connect(HEAD.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        answer = await reader.read()
        writer.close()
        return answer

    async def settles(self, connections: int) -> None:
        async with asyncio.timeout(10):
            while self.server.connections != connections:  # noqa: ASYNC110 - the server tells nobody of it
                await asyncio.sleep(0.01)


def _with(patience: Patience, program: Callable[[Served], Awaitable[None]], app: Any = _app) -> None:
    async def running() -> None:
        listener = listen(Dashboard(port=0))
        server = WebServer(app, listener, patience=patience)
        server.start()
        try:
            async with asyncio.timeout(20):
                await program(Served(server, listener.getsockname()[1]))
        finally:
            await server.stop(1.5)

    asyncio.run(running())


async def _trickle(writer: asyncio.StreamWriter, text: bytes) -> None:
    """A byte at a time, for as long as somebody takes it."""
    try:
        for _ in range(1000):
            writer.write(text)
            await writer.drain()
            await asyncio.sleep(0.02)
    except OSError:
        return


@pytest.mark.parametrize(
    ("sent", "then", "told"),
    [
        (b"", b"", b""),
        (b"GET / HT", b"", b"408"),
        (b"GET / HTTP/1.1\r\n", b"x: y\r\n", b"408"),
        (b"\r\n", b"\r\n", b""),
    ],
)
def test_a_head_that_does_not_come_is_not_waited_for(sent: bytes, then: bytes, told: bytes) -> None:
    async def program(served: Served) -> None:
        reader, writer = await served.connect(sent)
        trickling = asyncio.create_task(_trickle(writer, then)) if then else None
        try:
            answer = await reader.read()
        except ConnectionResetError:
            answer = told
        assert told in answer
        assert b"200" not in answer
        if trickling is not None:
            await trickling
        await served.settles(0)

    _with(Patience(head=QUICK, idle=LONG), program)


@pytest.mark.parametrize("kind", [b"content-length: 1000", b"transfer-encoding: chunked"])
def test_a_body_that_trickles_is_not_waited_for(kind: bytes) -> None:
    async def program(served: Served) -> None:
        reader, writer = await served.connect(b"POST / HTTP/1.1\r\nhost: localhost\r\n" + kind + b"\r\n\r\n")
        trickling = asyncio.create_task(_trickle(writer, b"1\r\nx\r\n"))
        answer = await reader.readline()
        assert b"408" in answer
        await trickling
        await served.settles(0)

    _with(Patience(head=LONG, body=QUICK), program)


def test_the_second_request_of_a_connection_has_no_more_time_than_the_first() -> None:
    async def program(served: Served) -> None:
        reader, writer = await served.connect(HEAD)
        assert b"200" in await reader.readuntil(b"\r\n")
        await reader.readuntil(b"done")
        writer.write(b"GET / HT")
        assert b"408" in await reader.read()

    _with(Patience(head=QUICK, idle=LONG), program)


def test_a_connection_that_nobody_uses_any_more_is_closed() -> None:
    async def program(served: Served) -> None:
        reader, _ = await served.connect(HEAD)
        await reader.readuntil(b"done")
        await reader.read()
        await served.settles(0)

    _with(Patience(head=LONG, idle=1), program)


def test_a_stream_goes_on_past_every_patience() -> None:
    async def program(served: Served) -> None:
        reader, writer = await served.connect(HEAD.replace(b"/ ", b"/stream "))
        for _ in range(60):  # five times as long as anything is waited for
            await reader.readuntil(b"beat\n")
        assert served.server.connections == 1
        _left.set()
        await reader.readuntil(b"done")
        writer.close()
        await served.settles(0)

    _left.clear()
    _with(Patience(head=QUICK, body=QUICK, reading=QUICK, idle=1), program)


def test_whoever_does_not_read_is_cut() -> None:
    async def program(served: Served) -> None:
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)
        await asyncio.get_running_loop().sock_connect(deaf, ("127.0.0.1", served._port))
        await asyncio.get_running_loop().sock_sendall(deaf, HEAD.replace(b"/ ", b"/big "))
        await served.settles(1)
        await served.settles(0)
        deaf.close()

    _with(Patience(reading=QUICK), program)


def test_many_who_wait_make_room_for_one_who_asks() -> None:
    async def program(served: Served) -> None:
        idle = [await served.connect() for _ in range(20)]
        assert b"done" in await served.ask()
        await idle[0][0].read()  # the one that had waited longest
        await served.settles(19)
        assert b"done" in await served.ask()

    _with(Patience(head=LONG, most=20), program)


def test_where_all_are_being_answered_the_next_is_told_to_come_again() -> None:
    async def program(served: Served) -> None:
        streams = [await served.connect(HEAD.replace(b"/ ", b"/stream ")) for _ in range(3)]
        for reader, _ in streams:
            await reader.readuntil(b"beat\n")
        answer = await served.ask()
        assert b"503" in answer
        assert b"retry-after" in answer
        _left.set()
        for reader, writer in streams:
            await reader.readuntil(b"done")
            writer.close()
        await served.settles(0)
        assert b"done" in await served.ask()

    _left.clear()
    _with(Patience(most=3), program)


def test_headers_without_end_are_refused() -> None:
    async def program(served: Served) -> None:
        reader, writer = await served.connect(b"GET / HTTP/1.1\r\nhost: localhost\r\nx: " + b"a" * 70_000)
        assert b"400" in await reader.readline()
        writer.close()
        await served.settles(0)

    _with(Patience(), program)


def test_what_comes_by_the_socket_is_marked_and_what_comes_otherwise_is_not(tmp_path: Any) -> None:
    seen: list[bool] = []

    async def telling(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope.get("telemetry.by_socket", False))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async def program() -> None:
        path = str(tmp_path / "s")
        by_file = socket.socket(socket.AF_UNIX)
        by_file.bind(path)
        by_address = listen(Dashboard(port=0))
        for listener in (by_file, by_address):
            server = WebServer(telling, listener)
            server.start()
            await asyncio.sleep(0)
            if listener is by_file:
                reader, writer = await _unix(path)
            else:
                reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(HEAD.replace(b"\r\n\r\n", b"\r\ntelemetry.by_socket: 1\r\nconnection: close\r\n\r\n"))
            await reader.read()
            writer.close()
            await server.stop(1.0)
        assert seen == [True, False]

    asyncio.run(program())


async def _unix(path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(5):
        while True:
            try:
                return await asyncio.open_unix_connection(path)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)
