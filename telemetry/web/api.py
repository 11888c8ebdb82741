"""The routes of the API: what is known as JSON, /metrics, and starting and stopping the monitors."""

from __future__ import annotations

import asyncio
import gzip
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from telemetry.model import State
from telemetry.web import schema_agents as models
from telemetry.web import views
from telemetry.web.answers import Knowledge, answer
from telemetry.web.schema import documented

FASTEST_GZIP = 1

Cluster = Annotated[str | None, Query(description="Only this cluster; all where it is left out.")]


def api(known: Knowledge) -> APIRouter:
    """Every route but the pages."""
    router = APIRouter()
    _add_metrics_page(router, known)
    _add_knowledge(router, known)
    _add_explanations(router, known)
    _add_one_agent(router, known)
    _add_health(router, known)
    _add_monitoring(router, known)
    return router


def _add_metrics_page(router: APIRouter, known: Knowledge) -> None:
    rendering = asyncio.Lock()

    @router.head("/metrics", include_in_schema=False)
    @router.get("/metrics", responses=documented(None, media_type="text/plain"))
    async def metrics_page(request: Request) -> Response:
        """The picture for Prometheus. Rendered in a thread, so that a big page doesn't hold up a check."""
        compress = "gzip" in request.headers.get("accept-encoding", "")
        async with rendering:
            body = await asyncio.to_thread(_page, known, compress)
        headers = {"content-encoding": "gzip"} if compress else {}
        return Response(body, headers={**headers, "vary": "accept-encoding", "content-type": known.metrics_type})


def _add_knowledge(router: APIRouter, known: Knowledge) -> None:
    @router.get("/api/v1/metrics", responses=documented(models.Metrics, 404, 503))
    async def metrics(cluster: Cluster = None) -> Response:
        """The seed's numbers: the sum, and each cluster."""
        found = [(m.cluster, numbers) for m in known.chosen(cluster) if (numbers := m.get_metrics()) is not None]
        if not found:
            raise HTTPException(503, "no check has finished yet")
        return answer(views.metrics(found))

    @router.get("/api/v1/agents", responses=documented(models.Agents, 404))
    async def agents(
        cluster: Cluster = None,
        state: Annotated[State | None, Query(description="Only agents in this state.")] = None,
        text: Annotated[
            str,
            Query(
                max_length=200, description="Only agents with this in their name, role, task or reason, in any case."
            ),
        ] = "",
    ) -> Response:
        """Every cluster with its agents. One where none is found is there all the same, without any."""
        now = known.clock.now()
        clusters = [views.cluster(m, known.picture.snapshot(m.cluster), now) for m in known.chosen(cluster)]
        for shown in clusters:
            shown["agents"] = [held for held in shown["agents"] if views.is_wanted(held, state, text)]
        return answer({"now": now, "clusters": clusters})


def _add_one_agent(router: APIRouter, known: Knowledge) -> None:
    @router.get("/api/v1/agents/one", responses=documented(models.OneAgent, 404))
    async def one_agent(
        agent: Annotated[str, Query(description="The agent's name.")],
        cluster: Annotated[str | None, Query(description="Its cluster; needed where several have one.")] = None,
    ) -> Response:
        """One agent."""
        now = known.clock.now()
        found = [
            (monitor.cluster, held)
            for monitor in known.chosen(cluster)
            if (snapshot := known.picture.snapshot(monitor.cluster)) is not None
            for held in snapshot.agents
            if held.name == agent
        ]
        if not found:
            raise HTTPException(404, f"no agent is named {agent!r}")
        if len(found) > 1:
            names = ", ".join(name for name, _ in found)
            raise HTTPException(422, f"cluster: several have an agent of this name ({names}); name one")
        ((name, held),) = found
        return answer({"now": now, "cluster": name, "agent": views.agent(held, now)})


def _add_explanations(router: APIRouter, known: Knowledge) -> None:
    @router.get("/api/v1/agents/explain", responses=documented(models.Explanations, 404))
    async def explain(
        agent: Annotated[str, Query(description="The agent's name.")], cluster: Cluster = None
    ) -> Response:
        """Why an agent is judged as it is, in each cluster that has one of this name."""
        now = known.clock.now()
        found = []
        for monitor in known.chosen(cluster):
            snapshot = known.picture.snapshot(monitor.cluster)
            for held in snapshot.agents if snapshot is not None else ():
                if held.name == agent:
                    alerts = [a for a in monitor.get_alerts(resolved=False) if a.agent_name == agent]
                    found.append(views.explanation(monitor, held, monitor.words(agent), alerts, now))
        if not found:
            raise HTTPException(404, f"no agent is named {agent!r}")
        return answer({"explanations": found})

    @router.get("/api/v1/sources", responses=documented(models.Sources, 404))
    async def sources(cluster: Cluster = None) -> Response:
        """How it is with the sources of each cluster."""
        now = known.clock.now()
        return answer({"clusters": [views.sources(monitor, now) for monitor in known.chosen(cluster)]})


def _add_health(router: APIRouter, known: Knowledge) -> None:
    @router.head("/healthz", include_in_schema=False)
    @router.get("/healthz", responses=documented(models.Alive))
    async def alive() -> Response:
        """The process answers."""
        return answer({"status": "ok"})

    @router.head("/readyz", include_in_schema=False)
    @router.get("/readyz", responses=documented(models.Ready, 503))
    async def ready() -> Response:
        """Every monitor checks, its last check is fresh, and the store can be used."""
        reasons = views.staleness(known.monitors(), known.picture.heartbeats, known.clock.now())
        if known.picture.store_problem:
            reasons.append(known.picture.store_problem)
        if reasons:
            raise HTTPException(503, "; ".join(reasons))
        return answer({"status": "ready"})


def _add_monitoring(router: APIRouter, known: Knowledge) -> None:
    @router.post("/api/v1/monitoring/start", responses=documented(models.Monitoring, 404))
    async def start(cluster: Cluster = None) -> Response:
        """Has the monitors check; those that do already go on."""
        idle = [monitor for monitor in known.chosen(cluster) if not monitor.is_running()]
        for monitor in idle:
            monitor.start()
        return _monitoring(known, "monitoring started" if idle else "monitoring was already running")

    @router.post("/api/v1/monitoring/stop", responses=documented(models.Monitoring, 404))
    async def stop(cluster: Cluster = None) -> Response:
        """Has the monitors rest; what was seen last stays."""
        running = [monitor for monitor in known.chosen(cluster) if monitor.is_running()]
        await asyncio.gather(*(monitor.stop_async() for monitor in running))
        return _monitoring(known, "monitoring stopped" if running else "monitoring was not running")


def _page(known: Knowledge, compress: bool) -> bytes:
    body = known.render_metrics(known.clock.now())
    return gzip.compress(body, FASTEST_GZIP, mtime=0) if compress else body


def _monitoring(known: Knowledge, message: str) -> Response:
    clusters = {monitor.cluster: monitor.is_running() for monitor in known.monitors()}
    return answer({"message": message, "monitoring": all(clusters.values()), "clusters": clusters})
