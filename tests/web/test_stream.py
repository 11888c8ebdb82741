"""The event stream as a client sees it: over the application, over a real server, and of a real cluster."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from telemetry.listening import listen
from telemetry.model import State
from telemetry.patience import Patience
from telemetry.serving import WebServer
from telemetry.settings import Dashboard
from telemetry.web.access import Access
from telemetry.web.feed import PIECE
from telemetry.web.hub import Hub, Pace
from telemetry.web.identity import Identity, Role
from telemetry.web.items import Shown
from tests.daemons import Daemon, Tmux, daemon
from tests.waiting import eventually
from tests.web.conftest import World, agent
from tests.web.watching import Event, Watching, events, replayed

HOSTILE = "</script>\r\n\r\nevent: hello\ndata: {\u2028\u2029\x85"


class Mia(Access):
    """Lets everybody in as somebody who may read."""

    def known(self, scope: Mapping[str, Any], *, metrics: bool = False) -> Identity:
        return Identity("mia", Role.READ, proved=True)


def hub_of(world: World, most: int = 500, **pace: float) -> Hub:
    return Hub(Shown(world.picture, lambda: world.monitors), world.clock, most, Pace(**pace))


def test_hello_the_state_and_then_each_change(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        app = world.app(hub=hub, links=lambda: [{"name": "Grafana", "url": "http://g/{trace_id}"}])
        async with Watching(app) as seen:
            hello, snapshot = await seen.until(2)
            assert seen.status == 200
            assert seen.headers[b"content-type"] == b"text/event-stream; charset=utf-8"
            assert seen.headers[b"cache-control"] == b"no-store"
            assert seen.headers[b"x-accel-buffering"] == b"no"
            assert seen.headers[b"x-content-type-options"] == b"nosniff"
            assert b"content-length" not in seen.headers
            assert seen.text.startswith(b"retry: ")
            assert hello == Event(
                "hello",
                {
                    "role": "operate",
                    "who": "",
                    "now": world.clock.now(),
                    "links": [{"name": "Grafana", "url": "http://g/{trace_id}"}],
                },
            )
            assert snapshot.data["now"] == world.clock.now()
            assert snapshot.data["items"] == hub.feed(None).items
            assert "agent/main/a" in snapshot.data["items"]
            for number in range(3, 8):
                world.see("main", *(agent(f"n{n}", State.BUSY, world.clock.now()) for n in range(number)))
                hub.look()
                said = await seen.until(number)
                assert said[-1].kind == "change"
                assert replayed(said) == hub.feed(None).items
            ids = [one.id for one in said[1:]]
            assert len(set(ids)) == len(ids)

    asyncio.run(program())


def test_hello_says_what_the_person_may_do(world: World) -> None:
    async def program() -> None:
        async with Watching(world.app(access=Mia(world.clock))) as seen:
            hello = (await seen.until(1))[0]
            assert (hello.data["role"], hello.data["who"]) == ("read", "mia")

    asyncio.run(program())


def test_the_path_without_a_version_is_the_same(world: World) -> None:
    async def program() -> None:
        async with Watching(world.app(), path="/api/stream") as seen:
            assert [one.kind for one in await seen.until(2)] == ["hello", "snapshot"]

    asyncio.run(program())


def test_whoever_comes_back_is_told_what_was_missed(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        app = world.app(hub=hub)
        async with Watching(app) as seen:
            first = await seen.until(2)
        for state in (State.IDLE, State.WAITING):
            world.see("main", agent("a", state, world.clock.now()))
            hub.look()
        async with Watching(app, last=first[-1].id) as back:
            said = await back.until(3)
            assert [one.kind for one in said] == ["hello", "change", "change"]
            assert replayed([*first, *said]) == hub.feed(None).items
            assert said[1].data["gone"] == ["agent/main/b"]
        async with Watching(app, last=said[-1].id) as up_to_date:
            await up_to_date.until(1)
            world.monitors[0].running = False
            hub.look()
            assert [one.kind for one in await up_to_date.until(2)] == ["hello", "change"]
        for wrong in ("", "x", "ffffffffffff-1", "\xff\xfe", "-", "9" * 4000, first[-1].id + "0"):
            async with Watching(app, last=wrong) as new:
                assert [one.kind for one in await new.until(2)] == ["hello", "snapshot"], wrong

    asyncio.run(program())


def test_an_id_of_another_process_is_none(world: World) -> None:
    async def program() -> None:
        async with Watching(world.app(hub=hub_of(world))) as seen:
            name = (await seen.until(2))[-1].id
        async with Watching(world.app(hub=hub_of(world)), last=name) as seen:
            assert (await seen.until(2))[-1].kind == "snapshot"

    asyncio.run(program())


def test_one_cluster(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        app = world.app(hub=hub)
        async with Watching(app, query="cluster=night") as seen:
            assert list((await seen.until(2))[1].data["items"]) == ["cluster/night", "monitor"]
        async with Watching(app, query="cluster=nowhere") as seen:
            await seen.task
            assert (seen.status, seen.ended) == (404, True)

    asyncio.run(program())


def test_whoever_is_slow_is_told_the_state_anew_and_nobody_waits_for_it(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        app = world.app(hub=hub)
        async with Watching(app) as slow, Watching(app) as quick:
            await slow.until(2)
            await quick.until(2)
            slow.takes.clear()
            for turn in range(300):  # more than are held
                world.see("main", agent("a", State.BUSY, world.clock.now(), restart_count=turn))
                hub.look()
                await quick.until(3 + turn)
            taken = slow.sends
            slow.takes.set()
            said = await slow.until(4)
            assert quick.kinds() == ["hello", "snapshot", *["change"] * 300]
            assert [one.kind for one in said] == ["hello", "snapshot", "change", "snapshot"]
            assert replayed(said) == replayed(quick.said) == hub.feed(None).items
            assert taken == 4, "nothing was put aside for it: retry and hello, and the state in three parts"

    asyncio.run(program())


def test_beats(world: World) -> None:
    async def program() -> None:
        async with Watching(world.app(hub=hub_of(world, beats=0.01))) as seen:
            said = await seen.until(4)
            assert [one.kind for one in said[2:4]] == ["beat", "beat"]
            assert said[3].data == {"now": world.clock.now()}

    asyncio.run(program())


def test_no_more_viewers_than_so_many(world: World) -> None:
    async def program() -> None:
        app = world.app(hub=hub_of(world, most=2))
        async with Watching(app) as first, Watching(app) as second:
            await first.until(2)
            await second.until(2)
            async with Watching(app) as third:
                await third.task
                assert third.status == 503
                assert third.text == b'{"detail":"2 viewers are connected already"}'
            first.leave()
            await first.task
            async with Watching(app) as fourth:
                assert len(await fourth.until(2)) == 2

    asyncio.run(program())


def test_at_the_end_every_stream_is_complete_and_nobody_gets_another(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        app = world.app(hub=hub)
        async with Watching(app) as seen:
            await seen.until(2)
            hub.close()
            await asyncio.wait_for(seen.task, 10)
            assert seen.ended
            async with Watching(app) as late:
                await late.task
                assert (late.status, late.text) == (503, b'{"detail":"the server is stopping"}')

    asyncio.run(program())


def test_what_an_agent_wrote_ends_no_event(world: World) -> None:
    """Texts are cleaned where they enter; should one not be, the stream is still whole."""

    async def program() -> None:
        hub = hub_of(world)
        async with Watching(world.app(hub=hub)) as seen:
            await seen.until(2)
            world.see("main", agent(HOSTILE, State.BUSY, world.clock.now(), role=HOSTILE)._replace(reason=HOSTILE))
            hub.look()
            said = await seen.until(3)
            assert [one.kind for one in said] == ["hello", "snapshot", "change"]
            assert said[2].data["set"]["agent/main/" + HOSTILE]["reason"] == HOSTILE

    asyncio.run(program())


def test_only_get(world: World) -> None:
    assert world.ask("/api/v1/stream", "POST").status_code == 405
    assert world.ask("/api/v1/stream?colour=red").status_code == 422


def test_the_state_once(world: World) -> None:
    hub = hub_of(world)
    found = world.ask("/api/v1/state", hub=hub)
    assert found.headers["cache-control"] == "no-store"
    said = found.json()
    assert (said["now"], said["items"]) == (world.clock.now(), hub.feed(None).items)
    assert list(world.ask("/api/v1/state?cluster=night", hub=hub).json()["items"]) == ["cluster/night", "monitor"]
    assert world.ask("/api/v1/state?cluster=x", hub=hub).status_code == 404
    world.see("main")
    assert "agent/main/a" not in world.ask("/api/v1/state", hub=hub).json()["items"]

    async def program() -> None:
        async with Watching(world.app(hub=hub), last=said["id"]) as seen:
            assert (await seen.until(2))[1].data["gone"] == ["agent/main/a", "agent/main/b"]

    asyncio.run(program())


@pytest.mark.slow
def test_one_that_reads_nothing_costs_little_is_cut_and_forgotten(world: World) -> None:
    """Real sockets: what isn't taken stays in the sender's buffers, and that is little."""

    async def program() -> None:
        hub = hub_of(world, gathered=0.0, told=0.0)
        listener = listen(Dashboard(port=0))
        server = WebServer(world.app(hub=hub), listener, patience=Patience(reading=0.5))
        server.start()
        stuck = socket.socket()
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await asyncio.to_thread(stuck.connect, listener.getsockname()[:2])
        stuck.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await _until(lambda: hub._viewers)
        big = [agent(f"a{n}", State.BUSY, world.clock.now(), role="x" * 2000) for n in range(100)]
        waiting: list[int] = []
        for turn in range(20):
            world.see("main", *(held._replace(since=float(turn)) for held in big))
            hub.look()
            await asyncio.sleep(0)
            connections = server._server.server_state.connections
            waiting += [held.transport.get_write_buffer_size() for held in connections]
        assert 0 < max(waiting) < 3 * PIECE, "what isn't taken is not put aside"
        await _until(lambda: not hub._viewers)
        stuck.close()
        await server.stop(1.0)

    asyncio.run(program())


def test_a_connection_that_is_gone_is_forgotten(world: World) -> None:
    async def program() -> None:
        hub = hub_of(world)
        listener = listen(Dashboard(port=0))
        server = WebServer(world.app(hub=hub), listener)
        server.start()
        reader, writer = await asyncio.open_connection(*listener.getsockname()[:2])
        writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"event: snapshot")
        writer.transport.abort()
        await _until(lambda: not hub._viewers)
        await server.stop(1.0)

    asyncio.run(program())


async def _until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.005)


# --- the whole program ----------------------------------------------------------------------------------------------


class Reading:
    """A client in a thread of its own that notes when it read what."""

    def __init__(self, url: str) -> None:
        self.taken: list[str] = []
        self.error: Exception | None = None
        self.ended = False
        self._url = url
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            with httpx.stream("GET", self._url, timeout=20, trust_env=False) as answer:
                for text in answer.iter_text():
                    self.taken.append(text)
            self.ended = True
        except httpx.HTTPError as error:
            self.error = error

    @property
    def said(self) -> list[Event]:
        return list(events("".join(self.taken)))

    def items(self) -> dict[str, Any]:
        return replayed(self.said)


def _state(reading: Reading, name: str) -> str:
    found = [item for key, item in reading.items().items() if key.startswith("agent/") and item["name"] == name]
    return str(found[0]["state"]) if found else ""


@pytest.mark.slow
def test_a_death_in_a_real_cluster_is_told_long_before_the_next_check(tmp_path: Path) -> None:
    tmux = Tmux("<img src=x>", "b").keep_dead_panes()
    try:
        with daemon(tmp_path, "dashboard", "--port", "0", "--interval", "600", "--tmux-socket", tmux.socket) as running:
            reading = Reading(running.url + "/api/v1/stream")
            eventually(lambda: _state(reading, "<img src=x>") not in ("", "stopped"), what="the agent is seen")
            tmux.kill("<img src=x>")
            eventually(lambda: _state(reading, "<img src=x>") == "stopped", every=0.01, what="its death is told")
            eventually(lambda: any(key.startswith("alert/") for key in reading.items()), what="the alert")
            running.end()
            eventually(lambda: reading.ended, what="the stream is complete")
    finally:
        tmux.close()


@pytest.mark.slow
def test_the_program_ends_in_time_with_fifty_who_watch(tmp_path: Path) -> None:
    tmux = Tmux("a")
    try:
        with daemon(tmp_path, "dashboard", "--port", "0", "--tmux-socket", tmux.socket) as running:
            readers = [Reading(running.url + "/api/v1/stream") for _ in range(50)]
            eventually(lambda: all(_state(one, "a") for one in readers), what="everybody sees the agent")
            stuck = _never_reads(running)
            assert running.end() < 5.0
            assert running.process.returncode == 0
            eventually(lambda: all(one.ended for one in readers), what="every stream is complete")
            stuck.close()
    finally:
        tmux.close()


def _never_reads(running: Daemon) -> socket.socket:
    held = socket.create_connection(("127.0.0.1", int(running.url.rpartition(":")[2])))
    held.sendall(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return held
