"""The route about where telemetry goes: the collector and its backends."""

from __future__ import annotations

from typing import Any, Literal

from fastapi import APIRouter, HTTPException, Response
from pydantic import Field

from telemetry.clock import Clock
from telemetry.picture import Picture
from telemetry.web.answers import answer
from telemetry.web.pipeline import BackendState, Pipeline
from telemetry.web.schema import Described, documented

_SIGNALS = ("metrics", "logs", "traces")


class BySignal(Described):
    """A number for each signal."""

    metrics: int = Field(description="Metric points.")
    logs: int = Field(description="Log records.")
    traces: int = Field(description="Spans; for Datadog, payloads of spans.")


class Collector(Described):
    """The collector that telemetry goes through."""

    kind: Literal["own", "other", "none"] = Field(
        description="`own`: it belongs to this monitor; `other`: OTEL_EXPORTER_OTLP_ENDPOINT names it; `none`: "
        "nothing is sent."
    )
    state: str = Field(description="How it is with it, in words.")
    url: str = Field(description="Where OTLP is sent to, without secrets; empty for none.")
    metrics_url: str = Field(description="The page with its own metrics; empty where it isn't asked.")
    refused: int = Field(description="Points, records and spans that it didn't take since its start.")
    damaged: int = Field(description="Files of queues that it found damaged at its start, and set aside.")
    checked_at: float | None = Field(description="When it was asked last (Unix seconds); null: not yet.")
    waiting: int = Field(description="Log records and spans of this monitor that wait on its disk until it takes them.")
    lost: int = Field(description="Log records and spans of this monitor that are lost since its start; why: /metrics.")


class PipelineReady(Described):
    """What is sent gets where it belongs, as far as is known."""

    status: Literal["ready"] = Field(description="Always `ready`.")
    damaged: int = Field(
        description="Files of queues that the collector found damaged at its start, and set aside: what they held was "
        "not sent."
    )


class Backend(Described):
    """One backend; the numbers count from the collector's start."""

    name: str = Field(description="As it is chosen in BACKENDS.")
    state: Literal["ok", "failing", "waiting", "unknown"] = Field(
        description="`failing`: given up, and nothing sent since; `waiting`: its queue doesn't get empty, and nothing "
        "is sent; `unknown`: nothing was sent yet, or the collector can't be asked."
    )
    reason: str = Field(description="Why, in words.")
    sent: BySignal = Field(description="What it took.")
    failed: BySignal = Field(description="What the collector gave up.")
    ready: bool = Field(
        description="Whether what comes now gets there soon: it doesn't fail, isn't stuck for 30 s, its queue is below "
        "70 %."
    )
    refused: int = Field(description="What it didn't take, its queue being full for example, of all signals.")
    queue: int = Field(description="What waits, in the unit of `queue_capacity`: bytes, for remote write requests.")
    queue_capacity: int = Field(description="How much may wait; 0: it keeps nothing.")


class Backends(Described):
    """Where telemetry goes, and whether it gets there."""

    now: float = Field(description="The time of this answer (Unix seconds).")
    collector: Collector = Field(description="The way out of this machine.")
    backends: list[Backend] = Field(description="Each backend that is chosen.")


def backend_view(one: BackendState) -> dict[str, Any]:
    """A backend as plain values, in the API and in the stream."""
    return {
        "name": one.name,
        "state": one.state,
        "reason": one.reason,
        "sent": {signal: one.sent.get(signal, 0) for signal in _SIGNALS},
        "failed": {signal: one.failed.get(signal, 0) for signal in _SIGNALS},
        "ready": one.ready,
        "refused": one.refused,
        "queue": one.queue,
        "queue_capacity": one.queue_capacity,
    }


def backend_routes(pipeline: Pipeline, picture: Picture, clock: Clock) -> APIRouter:
    """The routes."""
    router = APIRouter()

    @router.get("/api/v1/backends", responses=documented(Backends))
    async def backends() -> Response:
        """How it is with the collector and with every backend."""
        standing, sending = pipeline.standing, picture.sending.values()
        collector = standing.collector
        return answer(
            {
                "now": clock.now(),
                "collector": {
                    "kind": collector.kind,
                    "state": collector.state,
                    "url": collector.url,
                    "metrics_url": collector.metrics_url,
                    "refused": collector.refused,
                    "damaged": collector.damaged,
                    "checked_at": standing.at or None,
                    "waiting": sum(held.waiting or 0 for held in sending),
                    "lost": sum(sum(held.dropped.values()) for held in sending),
                },
                "backends": [backend_view(one) for one in standing.backends],
            }
        )

    @router.head("/readyz/pipeline", include_in_schema=False)
    @router.get("/readyz/pipeline", responses=documented(PipelineReady, 503))
    async def pipeline_ready() -> Response:
        """Whether what is sent gets where it belongs: the collector answers, and no backend fails, is stuck or full.

        Not for a probe that restarts or takes out the monitor, which can't help a backend: that is /readyz.
        """
        standing = pipeline.standing
        damaged = standing.collector.damaged
        if reasons := standing.reasons:
            aside = [f"besides, the collector set {damaged} damaged files of queues aside"] if damaged else []
            raise HTTPException(503, "; ".join([*reasons, *aside]))
        return answer({"status": "ready", "damaged": damaged})

    return router
