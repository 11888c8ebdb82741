"""The real server on a real socket, inside a loop of ours."""

from __future__ import annotations

import asyncio
import http.client
import signal
import threading

import pytest

from telemetry.listening import listen, url
from telemetry.serving import WebServer
from telemetry.settings import Dashboard
from tests.web.conftest import World


def _get(port: int, path: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    finally:
        connection.close()


def test_it_serves_on_the_loop_keeps_the_signals_as_they_are_and_ends(world: World) -> None:
    async def program() -> None:
        before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
        listener = listen(Dashboard(port=0))
        port = listener.getsockname()[1]
        assert url(listener) == f"http://127.0.0.1:{port}"
        server = WebServer(world.app(), listener)
        server.start()
        status, body, headers = await asyncio.to_thread(_get, port, "/metrics")
        assert (status, body) == (200, world.page(world.clock.now()))
        assert "server" not in headers
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        assert (await asyncio.to_thread(_get, port, "/", Host="evil.example"))[0] == 403
        await server.stop(1.0)
        with_listener_gone = await asyncio.to_thread(_refused, port)
        assert with_listener_gone

    asyncio.run(program())


def _refused(port: int) -> bool:
    try:
        _get(port, "/healthz")
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.slow
def test_a_request_that_never_ends_holds_up_the_end_for_the_grace_only(world: World) -> None:
    async def hanging(scope: object, receive: object, send: object) -> None:
        await asyncio.sleep(60)

    async def program() -> None:
        listener = listen(Dashboard(port=0))
        server = WebServer(hanging, listener)
        server.start()
        _, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        loop = asyncio.get_running_loop()
        began = loop.time()
        await server.stop(1.5)
        assert loop.time() - began < 30
        writer.close()

    asyncio.run(program())


def test_a_slow_page_does_not_hold_up_the_loop(world: World) -> None:
    """A scrape is rendered in a thread: others are answered meanwhile."""
    rendering, may_end = threading.Event(), threading.Event()

    def slowly(now: float) -> bytes:
        rendering.set()
        assert may_end.wait(10)
        return f"up {now}\n".encode()

    async def program() -> None:
        slow = World(world.clock, world.picture, world.monitors)
        slow.page = slowly  # type: ignore[method-assign]
        listener = listen(Dashboard(port=0))
        server = WebServer(slow.app(), listener)
        server.start()
        port = listener.getsockname()[1]
        asking = asyncio.create_task(asyncio.to_thread(_get, port, "/metrics"))
        assert await asyncio.to_thread(rendering.wait, 10)
        assert (await asyncio.to_thread(_get, port, "/healthz"))[0] == 200
        assert not asking.done()
        may_end.set()
        assert (await asking)[0] == 200
        await server.stop(1.0)

    asyncio.run(program())
