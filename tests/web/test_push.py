"""Events and hooks over real HTTP: who may send them, what is refused in which words, and that nothing is decided."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from telemetry.listening import listen, url
from telemetry.model import AgentSample, State
from telemetry.serving import WebServer
from telemetry.settings import Dashboard
from telemetry.sources.base import Place
from telemetry.sources.push.source import PushOptions, PushSource
from telemetry.web.push import LONGEST_EVENT, LONGEST_HOOK, push_routes
from telemetry.web.versions import Versions
from tests.web.conftest import World

EVENTS = "/api/agents/worker/events"
HOOKS = "/api/hooks/claude"
STOP = {
    "session_id": "f50b2b6e-f685-44f6-b5cd-9a25d42d0da6",
    "transcript_path": "/home/u/.claude/projects/-work-project/f50b2b6e.jsonl",
    "cwd": "/home/ada/project",
    "prompt_id": "3f",
    "permission_mode": "default",
    "hook_event_name": "Stop",
    "stop_hook_active": False,
    "last_assistant_message": "done",
    "background_tasks": [],
    "session_crons": [],
}
QUESTION = {
    **STOP,
    "hook_event_name": "PermissionRequest",
    "tool_name": "Bash",
    "tool_input": {"command": "rm -rf /"},
    "permission_suggestions": [],
}
AS_CLAUDE_DOES = {
    "accept": "application/json, text/plain, */*",
    "content-type": "application/json",
    "user-agent": "axios/1.15.2",
    "accept-encoding": "gzip, compress, deflate, br",
}

HERE = ("127.0.0.1", 1)

Program = Callable[[httpx.AsyncClient, dict[str, PushSource]], Awaitable[None]]


def ask(world: World, program: Program, *clusters: str, client: tuple[str, int] = HERE, **options: Any) -> None:
    """Runs `program` with the application, without a socket."""

    async def run() -> None:
        takers = await taking(world, clusters or ("main",), options)
        transport = httpx.ASGITransport(world.app(takers=lambda: takers), client=client)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as sender:
            await program(sender, takers)
        for taker in takers.values():
            await taker.close()

    asyncio.run(run())


async def taking(world: World, clusters: Sequence[str], options: dict[str, Any]) -> dict[str, PushSource]:
    takers = {name: PushSource(Place(name, PushOptions(**options))) for name in clusters}
    for taker in takers.values():
        await taker.read(world.clock.now())
    return takers


def agents(world: World, taker: PushSource) -> list[AgentSample]:
    reading = taker.glance(world.clock.now())
    assert reading is not None
    return list(reading.agents)


def test_an_event_is_taken_and_answered_with_whom_it_was_about(world: World) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        answer = await client.post(EVENTS, json={"state": "busy", "task": "parser"})
        assert (answer.status_code, answer.json()) == (200, {"agent": "worker", "cluster": "main"})
        (agent,) = agents(world, takers["main"])
        assert (agent.name, agent.reported, agent.detail.task) == ("worker", State.BUSY, "parser")
        assert agent.last_activity == world.clock.now()
        for path in ("/api/agents/a%2Fb/events", "/api/agents/a/b/events"):
            assert (await client.post(path, content=b"{}")).json()["agent"] == "a/b"

    ask(world, program)


def test_a_hook_gets_no_answer_that_could_decide_anything(world: World) -> None:
    """Over a real connection, as Claude Code sends it: what it would read as a decision can't be there."""

    async def program() -> None:
        takers = await taking(world, ("main",), {})
        listener = listen(Dashboard(port=0))
        server = WebServer(world.app(takers=lambda: takers), listener)
        server.start()
        async with httpx.AsyncClient(base_url=url(listener), timeout=10) as client:
            for path, body in ((HOOKS, STOP), (HOOKS, QUESTION), (EVENTS, STOP), (EVENTS, QUESTION)):
                answer = await client.post(path, content=json.dumps(body), headers=AS_CLAUDE_DOES)
                assert (answer.status_code, answer.content) == (200 if path == HOOKS else 204, b"")
        assert [(agent.name, agent.reported) for agent in agents(world, takers["main"])] == [
            ("project", State.WAITING)
        ], "the session is known already, by whatever path it comes"
        await server.stop(1.0)
        await takers["main"].close()

    asyncio.run(program())


def test_half_a_character_in_what_a_tool_answered_is_no_reason_to_refuse_a_hook(world: World) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        body = json.dumps({**QUESTION, "tool_response": "\ud83d"})
        assert "\\ud83d" in body
        assert (await client.post(HOOKS, content=body, headers=AS_CLAUDE_DOES)).status_code == 200
        assert len(agents(world, takers["main"])) == 1

    ask(world, program)


@pytest.mark.parametrize(
    ("path", "content", "status", "said"),
    [
        (EVENTS, b"", 422, "the body is no JSON: it must be one JSON object"),
        (EVENTS, b'{"state": "busy"', 422, "the body is no JSON"),
        (EVENTS, b'{"ttl": NaN}', 422, "the body is no JSON"),
        (EVENTS, b"[" * 100_000, 422, "the body is no JSON"),
        (EVENTS, b'["busy"]', 422, "the body must be one JSON object"),
        (EVENTS, b'{"stat": "busy"}', 422, "'stat' is not known: known are state, reason, "),
        (EVENTS, b'{"state": "fly"}', 422, "state is 'fly': it must be one of busy, idle, "),
        ("/api/agents/%20/events", b"{}", 422, "the agent's name is empty"),
        (HOOKS, b'{"state": "busy"}', 422, "hook_event_name must be a text"),
        (HOOKS, b'{"hook_event_name": "Stop"}', 422, "session_id must be a text"),
        (EVENTS + "?cluster=nigth", b"{}", 404, "no cluster is named 'nigth'; events are taken for: main"),
        (EVENTS, b'{"cluster": 7}', 422, "cluster must be a text: one of main"),
    ],
)
def test_what_is_refused_is_one_line(world: World, path: str, content: bytes, status: int, said: str) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        answer = await client.post(path, content=content)
        assert answer.status_code == status
        assert answer.json()["detail"].startswith(said)
        assert agents(world, takers["main"]) == []

    ask(world, program)


def test_a_body_is_read_no_further_than_its_limit(world: World) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        async def without_end() -> Any:
            while True:
                yield b" " * 65_536

        refused = await client.post(HOOKS, content=without_end())
        assert (refused.status_code, refused.json()["detail"]) == (413, "the body is longer than 1024 KiB")
        big = {**STOP, "last_assistant_message": "x" * (LONGEST_HOOK - 2000)}
        assert (await client.post(HOOKS, json=big)).status_code == 200
        assert len(agents(world, takers["main"])) == 1
        refused = await client.post(EVENTS, json={"task": "x" * LONGEST_EVENT})
        assert (refused.status_code, refused.json()["detail"]) == (413, "the body is longer than 64 KiB")

    ask(world, program)


def test_where_several_clusters_take_events_one_must_be_named(world: World) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        unnamed = await client.post(EVENTS, json={"state": "busy"})
        assert unnamed.status_code == 422
        assert unnamed.json()["detail"].startswith("cluster is missing: several take events (main, night)")
        assert (await client.post(EVENTS + "?cluster=night", json={"state": "busy"})).json()["cluster"] == "night"
        assert (await client.post(EVENTS, json={"cluster": "main"})).json()["cluster"] == "main"
        assert (await client.post(HOOKS + "?cluster=night", json=STOP)).status_code == 200
        assert [agent.name for agent in agents(world, takers["night"])] == ["worker", "project"]
        assert [agent.name for agent in agents(world, takers["main"])] == ["worker"]

    ask(world, program, "main", "night")


def test_one_agent_too_many_is_another_fault_than_a_wrong_event(world: World) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        await client.post(EVENTS, json={})
        refused = await client.post("/api/agents/other/events", json={})
        assert refused.status_code == 503
        assert refused.json()["detail"].startswith("1 agents are known")

    ask(world, program, most_agents=1)


@pytest.mark.parametrize(
    ("headers", "address", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::ffff:127.0.0.1", 200),
        ({}, "192.0.2.7", 403),
        ({"origin": "http://evil.example"}, "127.0.0.1", 403),
        ({"host": "evil.example"}, "127.0.0.1", 403),
    ],
)
def test_only_this_machine_and_no_foreign_page_may_send_events(
    world: World, headers: dict[str, str], address: str, status: int
) -> None:
    async def program(client: httpx.AsyncClient, takers: dict[str, PushSource]) -> None:
        assert (await client.post(EVENTS, json={}, headers=headers)).status_code == status
        assert (await client.post(HOOKS, json=STOP, headers=headers)).status_code == status
        assert bool(agents(world, takers["main"])) == (status == 200)

    ask(world, program, client=(address, 1))


def test_where_the_network_is_closed_others_may_send_events(world: World) -> None:
    async def program() -> None:
        takers = await taking(world, ("main",), {})
        app = FastAPI()
        app.include_router(push_routes(lambda: takers, world.clock, from_anywhere=True))
        transport = httpx.ASGITransport(Versions(app), client=("192.0.2.7", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://monitor") as client:
            assert (await client.post(EVENTS, json={})).status_code == 200
        await takers["main"].close()

    asyncio.run(program())


def test_where_nobody_takes_events_that_is_said(world: World) -> None:
    assert world.ask(EVENTS, "POST").status_code == 404
    answer = world.ask(HOOKS, "POST", takers=dict)
    assert answer.status_code in (404, 422)
