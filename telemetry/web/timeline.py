"""The routes for the plots: what each agent was over the last hours, and how many were in which state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Protocol

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import Field

from telemetry.model import State
from telemetry.store import StoreError
from telemetry.store.counts import Counts, Grid
from telemetry.web.answers import Knowledge, answer
from telemetry.web.parameters import in_order
from telemetry.web.schema import Described, documented

SHOWN_FOR = 10_800.0
"""Seconds back from the end, where no beginning is asked for."""
MOST_POINTS = 1000
AHEAD = 60.0
"""Seconds by which the clock of whoever asks may be ahead."""

_TIMES: dict[str, Any] = {"ge": 0, "le": 1e11, "allow_inf_nan": False}
_Since = Annotated[
    float | None, Query(**_TIMES, description="Where it begins (Unix s); left out: three hours before the end.")
]
_Until = Annotated[float | None, Query(**_TIMES, description="Where it ends (Unix s); left out: now.")]
_Cluster = Annotated[str | None, Query(description="Only this cluster; left out: all that are watched.")]


class Strips(Protocol):
    """What became of one cluster's agents."""

    @property
    def watched(self) -> Sequence[tuple[float, float]]:
        """When somebody watched: (from, to) in Unix s."""

    @property
    def agents(self) -> Mapping[str, Sequence[tuple[float, State | None]]]:
        """From when on (Unix s) each was in which state; None: it was there no more."""


class Recorded(Protocol):
    """Who keeps what became of agents. Both raise `StoreError`."""

    async def agents(self, clusters: Sequence[str], since: float, until: float) -> Mapping[str, Strips]:
        """What became of the agents of each cluster from one time to another (Unix s)."""

    async def counts(
        self, clusters: Sequence[str], since: float, until: float, points: int
    ) -> tuple[Grid, Mapping[str, Counts]]:
        """The counts of each cluster from one time to another (Unix s), at no more than so many points."""


class AgentStrips(Described):
    """What became of one cluster's agents."""

    name: str = Field(description="The cluster's name.")
    watched: list[tuple[float, float]] = Field(
        description="When somebody watched: [from, to] in Unix seconds. Outside of these nobody knows."
    )
    agents: dict[str, list[tuple[float, State | None]]] = Field(
        description="By agent: [since when (Unix s), state]. The first pair is the state at `since`, or the first that "
        "is known; null: it was there no more. At most 500: of more, the older ones are the worst of equal parts of "
        "time."
    )


class TimelineOfAgents(Described):
    """What became of agents."""

    now: float = Field(description="Unix time of the answer.")
    since: float = Field(description="Where it begins (Unix s).")
    until: float = Field(description="Where it ends (Unix s).")
    clusters: list[AgentStrips] = Field(description="The clusters that are asked for.")


class ClusterCounts(Described):
    """The counts of one cluster, a value for each point; null where nobody watched."""

    name: str = Field(description="The cluster's name.")
    at: list[float] = Field(description="When each point begins (Unix s); it ends `step` later.")
    states: dict[State, list[float | None]] = Field(description="The mean number of agents by state.")
    troubled: list[int | None] = Field(
        description="The highest number of agents that didn't run or gave no sign of life: also for a moment."
    )
    restarts: list[int | None] = Field(description="Restarts within each step.")
    alerts: dict[str, list[int | None]] = Field(description="By level: alerts that entered it within each step.")
    open: list[int | None] = Field(description="The highest number of open alerts.")


class TimelineOfCounts(Described):
    """Counts over time."""

    now: float = Field(description="Unix time of the answer.")
    since: float = Field(description="Where it begins (Unix s), within the first point.")
    until: float = Field(description="Where it ends (Unix s).")
    step: int = Field(description="Seconds from one point to the next: a multiple of 10.")
    clusters: list[ClusterCounts] = Field(description="The clusters that are asked for.")


class _Between(NamedTuple):
    now: float
    since: float
    until: float


def timeline_routes(known: Knowledge, recorded: Recorded) -> APIRouter:
    """GET /api/v1/timeline/agents and /api/v1/timeline/counts."""
    router = APIRouter(tags=["timeline"])

    @router.get("/api/v1/timeline/agents", responses=documented(TimelineOfAgents, 404, 503))
    async def agents(
        cluster: _Cluster = None,
        since: _Since = None,
        until: _Until = None,
    ) -> Response:
        """What each agent was, as strips: the last three hours, unless told otherwise."""
        times = _between(since, until, known.clock.now())
        names = [monitor.cluster for monitor in known.chosen(cluster)]
        try:
            found = await recorded.agents(names, times.since, times.until)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        clusters = [{"name": name, "watched": held.watched, "agents": held.agents} for name, held in found.items()]
        return answer({**times._asdict(), "clusters": clusters})

    @router.get("/api/v1/timeline/counts", responses=documented(TimelineOfCounts, 404, 503))
    async def counts(
        cluster: _Cluster = None,
        since: _Since = None,
        until: _Until = None,
        points: Annotated[int, Query(ge=2, le=MOST_POINTS, description="At most so many points.")] = 120,
    ) -> Response:
        """How many agents were in which state, restarts and alerts: three hours, unless told otherwise."""
        times = _between(since, until, known.clock.now())
        names = [monitor.cluster for monitor in known.chosen(cluster)]
        try:
            on, found = await recorded.counts(names, times.since, times.until, points)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        clusters = [_plain(name, held) for name, held in found.items()]
        return answer({**times._asdict(), "step": on.step, "clusters": clusters})

    return router


def _between(since: float | None, until: float | None, now: float) -> _Between:
    for name, value in (("since", since), ("until", until)):
        if value is not None and value > now + AHEAD:
            raise HTTPException(422, f"{name}: {value:.0f} is in the future; it is {now:.0f} now (Unix seconds)")
    end = min(now if until is None else until, now)
    begin = max(0.0, end - SHOWN_FOR) if since is None else since
    in_order(begin, end, empty=False)
    return _Between(now, begin, end)


def _plain(name: str, held: Counts) -> dict[str, Any]:
    return {
        "name": name,
        "at": held.at,
        "states": held.states,
        "troubled": held.troubled,
        "restarts": held.restarts,
        "alerts": held.alerts,
        "open": held.open,
    }
