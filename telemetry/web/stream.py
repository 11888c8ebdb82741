"""`GET /api/v1/stream`: what changes, as server-sent events, and `GET /api/v1/state`: what is, once.

A stream begins with `hello` (who is asking, and what that person may do), goes on with `snapshot` (everything) or, for
a client that was here before and sends its Last-Event-ID, with what it missed; then each change is a `change`, and
there is a `beat` every five seconds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Query, Response
from pydantic import Field
from starlette.types import Receive, Scope, Send

from telemetry.clock import Clock
from telemetry.web.answers import Knowledge
from telemetry.web.feed import event
from telemetry.web.hub import Hub, Viewer
from telemetry.web.identity import who
from telemetry.web.schema import Described, documented

_Cluster = Annotated[str | None, Query(description="Only this cluster; all where it is left out.")]
Links = Callable[[], Sequence[Mapping[str, str]]]

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # a proxy (nginx) hands on each event at once
]
_RETRY = b"retry: 1000\n\n"


class State(Described):
    """Everything that is shown, at one moment."""

    now: float = Field(description="The time of this answer (Unix seconds).")
    id: str = Field(description="Of the last change that is in it.")
    items: dict[str, dict[str, Any]] = Field(
        description="By key: `cluster/<name>`, `agent/<cluster>/<name>`, `alert/<id>`, `silence/<id>`, "
        "`channel/<name>`, `backend/<name>`, `monitor`."
    )


def stream_routes(known: Knowledge, hub: Hub, links: Links = tuple) -> APIRouter:
    """The stream and the state.

    Args:
        known: The monitors.
        hub: What is shown, and who watches it.
        links: Where else to look, as `{"name": …, "url": …}` with a URL template.
    """
    router = APIRouter()

    @router.get(
        "/api/v1/stream",
        response_class=Response,
        responses=documented(None, 404, 503, media_type="text/event-stream"),
    )
    async def stream(
        cluster: _Cluster = None,
        last_event_id: Annotated[
            str, Header(description="The id of the last event that came, to go on from there.")
        ] = "",
    ) -> Response:
        """What changes, as it happens, as server-sent events that don't end.

        `hello`: `{"role", "who", "now", "links": [{"name", "url"}]}`: who asks, and where else to look. `snapshot`:
        `{"now", "items"}`: everything, as `/api/v1/state` tells it. `change`: `{"now", "set": {key: item}, "gone":
        [key]}`. `beat`: `{"now"}`, every 5 s. Snapshots and changes have ids: a client that comes back with the
        header Last-Event-ID is told the changes it missed instead of a snapshot, as long as they are held.
        """
        if cluster is not None:
            known.chosen(cluster)
        if hub.refusal:
            raise HTTPException(503, hub.refusal)
        return _Stream(hub, known.clock, links, cluster, last_event_id)

    @router.get("/api/v1/state", responses=documented(State, 404))
    async def state(cluster: _Cluster = None) -> Response:
        """Everything that is shown. With its `id` as Last-Event-ID, the stream tells what comes after it."""
        if cluster is not None:
            known.chosen(cluster)
        hub.look()
        feed = hub.feed(cluster)
        head = f'{{"now":{known.clock.now()!r},"id":"{feed.name(feed.last)}","items":'
        body = head.encode() + feed.state + b"}"
        return Response(body, media_type="application/json", headers={"cache-control": "no-store"})

    return router


class _Stream(Response):
    """The answer that doesn't end."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, clock: Clock, links: Links, cluster: str | None, last: str) -> None:
        super().__init__()
        self._hub, self._clock, self._links = hub, clock, links
        self._cluster, self._last = cluster, last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._hub.viewing(self._cluster, self._last) as viewer:
            leaving = asyncio.create_task(_left(receive, viewer))
            try:
                await self._serve(viewer, scope, send)
            finally:
                leaving.cancel()

    async def _serve(self, viewer: Viewer, scope: Scope, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await _send(send, _RETRY + event("hello", self._hello(scope)))
        hub, feed = self._hub, viewer.feed
        while not viewer.over:
            if viewer.had != feed.last:
                texts = feed.after(viewer.had, self._clock.now())
                viewer.had = feed.last
                for text in texts:
                    await _send(send, text)
            if viewer.beats != hub.beats:
                viewer.beats = hub.beats
                await _send(send, hub.beat)
            await viewer.news(hub.beats)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    def _hello(self, scope: Scope) -> dict[str, Any]:
        asking = who(scope)
        return {
            "role": asking.role.value,
            "who": asking.name,
            "now": self._clock.now(),
            "links": [dict(link) for link in self._links()],
        }


async def _send(send: Send, text: bytes | memoryview) -> None:
    await send({"type": "http.response.body", "body": text, "more_body": True})


async def _left(receive: Receive, viewer: Viewer) -> None:
    """Ends a viewer whose connection is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
    viewer.end()
