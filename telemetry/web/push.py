"""The routes by which agents tell of themselves: events in our own form, and the hooks of Claude Code.

Whoever sends a hook does what the answer says, so ours says nothing: an empty one leaves every decision where it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

import orjson
from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from telemetry.clean import clean_text
from telemetry.clock import Clock
from telemetry.web.alerts import from_here
from telemetry.web.answers import answer
from telemetry.web.schema import documented
from telemetry.web.schema_agents import EventTaken
from telemetry.web.schema_push import EVENT_BODY, HOOK_BODY

LONGEST_EVENT = 64 * 1024
LONGEST_HOOK = 1024 * 1024
"""Bytes of a body; a hook's holds what a tool answered."""

HOOK = "hook_event_name"
"""The key by which the body of a hook is known."""


class Heard(Protocol):
    """What became of an event."""

    @property
    def agent(self) -> str:
        """Whom it was about."""

    @property
    def problem(self) -> str:
        """Why it can't be used, in one line; "" where it was."""

    @property
    def full(self) -> bool:
        """Whether it only is one agent too many."""


class Taker(Protocol):
    """Who takes the events of one cluster."""

    def hear(self, name: str | None, body: Mapping[str, Any], now: float) -> Heard:
        """Takes one, at once.

        Args:
            name: The agent it was sent for; None: the body says it.
            body: The JSON object as it came.
            now: Unix time.
        """


Takers = Callable[[], Mapping[str, Taker]]
"""Who takes events now, by cluster; a reload may change them."""

_Cluster = Annotated[str | None, Query(description="Which cluster takes it; needed where several do.")]


def push_routes(takers: Takers, clock: Clock, *, from_anywhere: bool = False) -> APIRouter:
    """POST /api/v1/agents/{name}/events and /api/v1/hooks/claude.

    Args:
        takers: Who takes events.
        clock: Tells the time.
        from_anywhere: Whether other machines may send events: where the network itself is closed.
    """
    router = APIRouter()

    def check(request: Request) -> None:
        # not as a dependency, which would cost a way through a thread while an agent waits
        if not from_anywhere:
            from_here(request)

    @router.post(
        "/api/v1/agents/{name:path}/events",
        responses={**documented(EventTaken, 404, 503), 204: {"description": "It was a hook."}},
        openapi_extra=EVENT_BODY,
    )
    async def event(
        name: Annotated[str, Path(description="The agent's name.")], request: Request, cluster: _Cluster = None
    ) -> Response:
        """An agent tells what it does.

        Claude Code's hooks are taken here, too; their answer is empty, which leaves every decision where it is.
        """
        check(request)
        body = await _object(request)
        known, heard = _hand_on(takers(), cluster, name, body, clock.now())
        if HOOK in body:
            return Response(status_code=204)
        return answer({"agent": heard.agent, "cluster": known})

    @router.post("/api/v1/hooks/claude", responses=documented(None, 404, 503), openapi_extra=HOOK_BODY)
    async def hook(request: Request, cluster: _Cluster = None) -> Response:
        """A hook of Claude Code tells of its session: one address for all of them. The answer is empty."""
        check(request)
        body = await _object(request)
        _hand_on(takers(), cluster, None, body, clock.now())
        return Response()

    return router


def _hand_on(
    takers: Mapping[str, Taker], cluster: str | None, name: str | None, body: Mapping[str, Any], now: float
) -> tuple[str, Heard]:
    """Gives it to the cluster that it is for, and returns which that is."""
    known = _cluster(takers, cluster if cluster is not None else body.get("cluster"))
    heard = takers[known].hear(name, body, now)
    if heard.problem:
        raise HTTPException(503 if heard.full else 422, heard.problem)
    return known, heard


def _cluster(takers: Mapping[str, Taker], wanted: Any) -> str:
    if not takers:
        raise HTTPException(404, "no cluster takes events")
    names = ", ".join(takers)
    if wanted is None:
        if len(takers) > 1:
            raise HTTPException(422, f"cluster is missing: several take events ({names}), so ?cluster= must name one")
        return next(iter(takers))
    if not isinstance(wanted, str):
        raise HTTPException(422, f"cluster must be a text: one of {names}")
    if wanted not in takers:
        shown = clean_text(wanted, 100)
        raise HTTPException(404, f"no cluster is named {shown!r}; events are taken for: {names}")
    return wanted


async def _object(request: Request) -> Mapping[str, Any]:
    """The body as a JSON object, read no further than the longest may be."""
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > LONGEST_HOOK:
            raise HTTPException(413, _too_long(LONGEST_HOOK), headers={"connection": "close"})
    try:
        found = _decoded(bytes(read))
    except (ValueError, RecursionError):
        raise HTTPException(422, "the body is no JSON: it must be one JSON object") from None
    if not isinstance(found, dict):
        raise HTTPException(422, "the body must be one JSON object")
    if len(read) > LONGEST_EVENT and HOOK not in found:
        raise HTTPException(413, _too_long(LONGEST_EVENT))
    return found


def _too_long(limit: int) -> str:
    return f"the body is longer than {limit // 1024} KiB"


def _decoded(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        # A text that was cut in the middle of a character: JavaScript sends such halves, and orjson takes none
        return json.loads(body, parse_constant=_no_number)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")
