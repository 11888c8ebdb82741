"""The application factory. Nothing here is global: two applications in one process don't know each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from telemetry.clock import Clock
from telemetry.picture import Picture
from telemetry.web.alerts import alert_routes
from telemetry.web.answers import Knowledge
from telemetry.web.api import api
from telemetry.web.guard import INTERNAL, Guard
from telemetry.web.pages import pages
from telemetry.web.people import People
from telemetry.web.push import Takers, push_routes
from telemetry.web.runbooks import runbooks
from telemetry.web.watched import Watched


def create_app(
    picture: Picture,
    monitors: Callable[[], Sequence[Watched]],
    render_metrics: Callable[[float], bytes],
    clock: Clock,
    *,
    metrics_type: str,
    allowed_hosts: Collection[str] = (),
    any_short_name: bool = False,
    people: People | None = None,
    takers: Takers | None = None,
) -> ASGIApp:
    """The dashboard, the API and /metrics over one picture.

    Args:
        picture: What is known now.
        monitors: The monitors at this moment.
        render_metrics: The picture as Prometheus text at a Unix time.
        clock: Tells the time.
        metrics_type: The content type of /metrics.
        allowed_hosts: Names under which this server may be asked for, besides localhost and IP addresses.
        any_short_name: Allow every name without a dot as well, for containers that share a network.
        people: Who is told of alerts; None: nobody, and there are no routes about it.
        takers: Who takes what agents tell of themselves; None: nobody, and there are no routes for it.
    """
    app = FastAPI(
        title="orchestrator-telemetry",
        docs_url=None,  # both would load scripts from another host
        redoc_url=None,
        openapi_url=None,
    )
    known = Knowledge(picture, monitors, render_metrics, metrics_type, clock)
    app.include_router(api(known))
    if people is not None:
        app.include_router(alert_routes(known, people))
        app.include_router(runbooks(people))
    if takers is not None:
        app.include_router(push_routes(takers, clock, from_anywhere=any_short_name))
    app.include_router(pages())
    app.add_exception_handler(RequestValidationError, _in_words)
    app.add_exception_handler(Exception, _internal)
    return Guard(app, allowed_hosts, any_short_name)


async def _in_words(_: Request, error: Exception) -> JSONResponse:
    """A wrong parameter as one line in `detail`, as every other error is."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    told = [f"{fault['loc'][-1]}: {fault['msg'].removeprefix('Input ').lower()}" for fault in error.errors()]
    return JSONResponse({"detail": " ".join("; ".join(told).split())}, status_code=422)


async def _internal(_: Request, __: Exception) -> JSONResponse:
    """The answer to a fault of ours; the exception goes on to the guard, which logs it."""
    return JSONResponse({"detail": INTERNAL}, status_code=500)
