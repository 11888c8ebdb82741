"""The routes of the API: what is known as JSON, /metrics, and starting and stopping the monitors."""

from __future__ import annotations

import asyncio
import gzip
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Response

from telemetry.model import AlertLevel
from telemetry.web import views
from telemetry.web.answers import Knowledge, answer

MOST_ALERTS = 1000
FASTEST_GZIP = 1
_READ = ["GET", "HEAD"]


def api(known: Knowledge) -> APIRouter:
    """Every route but the pages."""
    router = APIRouter()
    _add_metrics_page(router, known)
    _add_knowledge(router, known)
    _add_explanations(router, known)
    _add_health(router, known)
    _add_monitoring(router, known)
    return router


def _add_metrics_page(router: APIRouter, known: Knowledge) -> None:
    rendering = asyncio.Lock()

    @router.api_route("/metrics", methods=_READ)
    async def metrics_page(request: Request) -> Response:
        """The picture for Prometheus. Rendered in a thread, so that a big page doesn't hold up a check."""
        compress = "gzip" in request.headers.get("accept-encoding", "")
        async with rendering:
            body = await asyncio.to_thread(_page, known, compress)
        headers = {"content-encoding": "gzip"} if compress else {}
        return Response(body, headers={**headers, "vary": "accept-encoding", "content-type": known.metrics_type})


def _add_knowledge(router: APIRouter, known: Knowledge) -> None:
    @router.get("/api/metrics")
    async def metrics(cluster: str | None = None) -> Response:
        """The seed's numbers: the sum, and each cluster."""
        found = [(m.cluster, numbers) for m in known.chosen(cluster) if (numbers := m.get_metrics()) is not None]
        if not found:
            raise HTTPException(503, "no check has finished yet")
        return answer(views.metrics(found))

    @router.get("/api/alerts")
    async def alerts(
        level: AlertLevel | None = None,
        resolved: bool | None = None,
        limit: Annotated[int, Query(ge=1, le=MOST_ALERTS)] = 100,
        cluster: str | None = None,
    ) -> Response:
        """Alerts, newest first."""
        found = [alert for monitor in known.chosen(cluster) for alert in monitor.get_alerts(level, resolved, limit)]
        found.sort(key=lambda alert: alert.timestamp, reverse=True)
        return answer({"alerts": [views.alert(alert) for alert in found[:limit]]})

    @router.get("/api/agents")
    async def agents(cluster: str | None = None) -> Response:
        """Every cluster with its agents."""
        now = known.clock.now()
        clusters = [views.cluster(m, known.picture.snapshot(m.cluster), now) for m in known.chosen(cluster)]
        return answer({"now": now, "clusters": clusters})


def _add_explanations(router: APIRouter, known: Knowledge) -> None:
    @router.get("/api/agents/explain")
    async def explain(agent: str, cluster: str | None = None) -> Response:
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

    @router.get("/api/sources")
    async def sources(cluster: str | None = None) -> Response:
        """How it is with the sources of each cluster."""
        now = known.clock.now()
        return answer({"clusters": [views.sources(monitor, now) for monitor in known.chosen(cluster)]})


def _add_health(router: APIRouter, known: Knowledge) -> None:
    @router.api_route("/healthz", methods=_READ)
    async def alive() -> Response:
        """The process answers."""
        return answer({"status": "ok"})

    @router.api_route("/readyz", methods=_READ)
    async def ready() -> Response:
        """Every monitor checks, its last check is fresh, and the store can be used."""
        reasons = views.staleness(known.monitors(), known.picture.heartbeats, known.clock.now())
        if known.picture.store_problem:
            reasons.append(known.picture.store_problem)
        if reasons:
            raise HTTPException(503, "; ".join(reasons))
        return answer({"status": "ready"})


def _add_monitoring(router: APIRouter, known: Knowledge) -> None:
    @router.post("/api/monitoring/start")
    async def start(cluster: str | None = None) -> Response:
        """Has the monitors check; those that do already go on."""
        idle = [monitor for monitor in known.chosen(cluster) if not monitor.is_running()]
        for monitor in idle:
            monitor.start()
        return _monitoring(known, "monitoring started" if idle else "monitoring was already running")

    @router.post("/api/monitoring/stop")
    async def stop(cluster: str | None = None) -> Response:
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
