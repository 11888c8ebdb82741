"""The route that shows the last lines of an agent's screen, where a source sees one. Looked up when asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Protocol

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from telemetry.clean import clean_text
from telemetry.web.answers import Knowledge, answer
from telemetry.web.schema import Described, documented

MOST_LINES = 200
ANSWERED_WITHIN = 5.0
"""Seconds after which a screen that doesn't come is given up."""


class ShownLines(Protocol):
    """What a screen shows."""

    @property
    def source(self) -> str:
        """The kind of the source that sees it."""

    @property
    def lines(self) -> Sequence[str]:
        """The last lines, cleaned."""


class Screens(Protocol):
    """Who can show the screens of agents."""

    async def __call__(self, cluster: str, agent: str, count: int) -> ShownLines | None:
        """The last so many lines; None where no source sees a screen. RuntimeError: it can't be told, and why."""


class AgentLines(Described):
    """The last lines of an agent's screen."""

    agent: str = Field(description="The agent's name.")
    cluster: str = Field(description="Its cluster.")
    source: str = Field(description='The source that sees the screen; "": none does, and there are no lines.')
    at: float = Field(description="When it was looked at (Unix s).")
    lines: list[str] = Field(
        description="The last lines, without blank ones at the end: printable text, secrets left out, wrapped lines "
        "joined, each at most 500 characters long."
    )


def line_routes(known: Knowledge, screens: Screens | None) -> APIRouter:
    """GET /api/v1/agents/lines.

    Args:
        known: What is known.
        screens: Who can show them; None: nobody is to see them.
    """
    router = APIRouter(tags=["agents"])

    @router.get("/api/v1/agents/lines", responses=documented(AgentLines, 404, 503))
    async def lines(
        agent: Annotated[str, Query(description="The agent's name.")],
        cluster: Annotated[str | None, Query(description="Its cluster; needed where several have one.")] = None,
        count: Annotated[int, Query(ge=1, le=MOST_LINES, description="How many lines at most.")] = 20,
    ) -> Response:
        """The last lines that an agent's screen shows now."""
        if screens is None:
            raise HTTPException(404, "the screens of agents are not shown here: dashboard.screens is false")
        at = _cluster(known, cluster, agent)
        try:
            async with asyncio.timeout(ANSWERED_WITHIN):
                shown = await screens(at, agent, count)
        except TimeoutError:
            raise HTTPException(503, f"no screen within {ANSWERED_WITHIN:g} s") from None
        except RuntimeError as error:
            raise HTTPException(503, str(error)) from error
        source, seen = (shown.source, shown.lines) if shown is not None else ("", ())
        return answer({"agent": agent, "cluster": at, "source": source, "at": known.clock.now(), "lines": seen})

    return router


def _cluster(known: Knowledge, cluster: str | None, agent: str) -> str:
    """The one cluster that has an agent of this name."""
    found = [
        monitor.cluster
        for monitor in known.chosen(cluster)
        if (seen := known.picture.snapshot(monitor.cluster)) is not None and any(a.name == agent for a in seen.agents)
    ]
    if not found:
        raise HTTPException(404, f"no agent is named {_shown(agent)}")
    if len(found) > 1:
        raise HTTPException(422, f"cluster: several have an agent of this name ({', '.join(found)}); name one")
    return found[0]


def _shown(name: str) -> str:
    return repr(clean_text(name, 100))
