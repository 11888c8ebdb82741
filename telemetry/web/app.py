"""The application factory. Nothing here is global: two applications in one process don't know each other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from fastapi import Depends, FastAPI
from starlette.types import ASGIApp

from telemetry.clock import Clock
from telemetry.picture import Picture
from telemetry.web.access import Access
from telemetry.web.alert_list import alert_list
from telemetry.web.alerts import alert_routes
from telemetry.web.answers import Knowledge
from telemetry.web.api import api
from telemetry.web.auth import Auth
from telemetry.web.backends import backend_routes
from telemetry.web.errors import add_handlers
from telemetry.web.guard import Guard
from telemetry.web.hub import Hub
from telemetry.web.items import Shown
from telemetry.web.limits import Limits
from telemetry.web.lines import Screens, line_routes
from telemetry.web.links import link_routes
from telemetry.web.login import login_routes
from telemetry.web.openapi import TITLE, openapi_routes, operation_id
from telemetry.web.pages import pages
from telemetry.web.parameters import only_known
from telemetry.web.people import People
from telemetry.web.pipeline import Pipeline
from telemetry.web.push import Takers, push_routes
from telemetry.web.runbooks import runbooks
from telemetry.web.stream import Links, stream_routes
from telemetry.web.timeline import Recorded, timeline_routes
from telemetry.web.versions import Versions
from telemetry.web.watched import HasAlerts, Watched


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
    pipeline: Pipeline | None = None,
    hub: Hub | None = None,
    links: Links = tuple,
    recorded: Recorded | None = None,
    screens: Screens | None = None,
    access: Access | None = None,
    others: Callable[[], Sequence[HasAlerts]] = tuple,
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
        pipeline: Where telemetry goes; None: that isn't known, and there is no route about it.
        hub: Who watches; None: one of its own, which nobody can close.
        links: Where else to look, for whoever watches.
        screens: Who can show the screens of agents; None: nobody is to see them.
        recorded: What became of agents over time; None: nobody keeps it, and there are no routes about it.
        access: Who is let in; None: everybody who may come this far.
        others: What has alerts besides the monitors.
    """
    app = FastAPI(
        title=TITLE,
        docs_url=None,  # both would load scripts from another host
        redoc_url=None,
        openapi_url=None,  # has a route of its own
        redirect_slashes=False,
        generate_unique_id_function=operation_id,
        dependencies=[Depends(only_known)],
    )
    known = Knowledge(picture, monitors, render_metrics, metrics_type, clock, others)
    app.include_router(api(known))
    app.include_router(alert_list(known, people))
    app.include_router(
        stream_routes(known, hub or Hub(Shown(picture, monitors, people, pipeline, others=others), clock), links)
    )
    if people is not None:
        app.include_router(alert_routes(known, people))
        app.include_router(runbooks(people))
    if takers is not None:
        app.include_router(push_routes(takers, clock, from_anywhere=any_short_name))
    if pipeline is not None:
        app.include_router(backend_routes(pipeline, picture, clock))
    app.include_router(line_routes(known, screens))
    app.include_router(link_routes(links))
    if recorded is not None:
        app.include_router(timeline_routes(known, recorded))
    access = access or Access(clock)
    app.include_router(login_routes(access))
    app.include_router(pages())
    app.include_router(openapi_routes(app))
    add_handlers(app)
    return Guard(Versions(Auth(Limits(app), access)), allowed_hosts, any_short_name)
