"""The route that says where else to look: the templates of links, which whoever shows them fills in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter, Response
from pydantic import Field

from telemetry.web.answers import answer
from telemetry.web.schema import Described, documented


class LinkTemplate(Described):
    """Somewhere else to look."""

    name: str = Field(description="As it is to be shown.")
    url: str = Field(
        description="An http or https URL with any of {cluster}, {agent}, {rule}, {trace_id}, {since}, {until} (RFC "
        "3339), {since_ms}, {until_ms} (Unix milliseconds). Each is to be replaced by its value as "
        "encodeURIComponent writes it. A link is left out where a value is missing or empty, and where it holds one "
        "of \" ' ` \\ !: that could end a text around it."
    )


class LinkTemplates(Described):
    """Where else to look."""

    links: list[LinkTemplate] = Field(description="The templates, in the order of the settings.")


def link_routes(links: Callable[[], Sequence[Mapping[str, str]]]) -> APIRouter:
    """GET /api/v1/links."""
    router = APIRouter(tags=["agents"])

    @router.get("/api/v1/links", responses=documented(LinkTemplates))
    async def templates() -> Response:
        """Templates of links from an agent or an alert to its logs and traces elsewhere."""
        return answer({"links": [dict(link) for link in links()]})

    return router
