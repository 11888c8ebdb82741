"""GET /api/v1/alerts: what is open and what is over in one list, by when it fired; filtered, in pages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from telemetry.model import PIPELINE, Alert, AlertLevel, AlertPage
from telemetry.store import HistoryQuery, StoreError
from telemetry.web import views
from telemetry.web.answers import Knowledge, answer
from telemetry.web.parameters import in_order
from telemetry.web.people import People
from telemetry.web.schema import documented
from telemetry.web.schema_alerts import Alerts

MOST_ALERTS = 1000
_LATEST = 1e11

Level = Annotated[AlertLevel | None, Query(description="Only this level.")]
Cluster = Annotated[str | None, Query(description=f"Only this cluster; `{PIPELINE}`: where telemetry goes.")]
Agent = Annotated[str | None, Query(description="Only this agent; for alerts about a cluster, the cluster's name.")]
Rule = Annotated[str | None, Query(description="Only this rule; `state_changed` for changes of state.")]
Text = Annotated[str, Query(max_length=200, description="Part of the message, in any case.")]
Limit = Annotated[int, Query(ge=1, le=MOST_ALERTS, description="At most so many.")]
Offset = Annotated[int, Query(ge=0, le=10**9, description="Leave out so many of the first.")]


def time_query(description: str) -> Any:
    """A parameter that is a point in time (Unix s)."""
    return Query(ge=0, le=_LATEST, allow_inf_nan=False, description=description)


def alert_list(known: Knowledge, people: People | None) -> APIRouter:
    """The route.

    Args:
        known: What is open, and what is remembered of what is over.
        people: Who keeps the history; None: nobody does.
    """
    router = APIRouter()

    @router.get("/api/v1/alerts", responses=documented(Alerts, 404))
    async def alerts(
        *,
        level: Level = None,
        resolved: Annotated[bool | None, Query(description="Only those that are over, or only open ones.")] = None,
        cluster: Cluster = None,
        agent: Agent = None,
        rule: Rule = None,
        text: Text = "",
        since: Annotated[float | None, time_query("Fired at this time or later (Unix s).")] = None,
        until: Annotated[float | None, time_query("Fired before this time (Unix s).")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> Response:
        """Alerts and changes of state, those that fired last first.

        Open ones, and those that are over: as far as the store goes back, or the last 1,000 where there is none.
        """
        in_order(since, until)
        query = HistoryQuery(
            level, cluster, agent, rule, text, since, until, limit, offset, changes=True, by_firing=True
        )
        page, over_from = await _found(known, people, query, resolved)
        told = {"alerts": [views.alert(held) for held in page.alerts], "total": page.total}
        return answer({**told, "limit": limit, "offset": offset, "over_from": over_from})

    return router


async def _found(
    known: Knowledge, people: People | None, query: HistoryQuery, resolved: bool | None
) -> tuple[AlertPage, Literal["store", "memory"]]:
    """One page, and where those that are over came from."""
    holders = known.with_alerts(query.cluster)
    firing = [] if resolved else [held for m in holders for held in m.get_alerts(resolved=False, limit=None)]
    firing = matching(firing, query)
    if resolved is False:
        return cut(firing, query), "memory" if people is None else "store"
    if people is not None and not known.picture.store_problem:
        try:
            return await _with_kept(people, firing, query), "store"
        except StoreError:  # a problem that just began: what is in memory is better than no answer
            pass
    over = [held for m in holders for held in m.get_alerts(resolved=True, limit=None)]
    return cut([*firing, *matching(over, query)], query), "memory"


async def _with_kept(people: People, firing: list[Alert], query: HistoryQuery) -> AlertPage:
    """One page of what fires and of what the store holds, without reading the pages before it.

    However the two mix, so many of the store's newest as fire at most take the place of one on an earlier page.
    """
    skipped = max(0, query.offset - len(firing))
    kept = await people.history(replace(query, offset=skipped, limit=query.limit + len(firing)))
    page = cut([*firing, *kept.alerts], replace(query, offset=query.offset - skipped))
    return AlertPage(page.alerts, len(firing) + kept.total)


def matching(alerts: Iterable[Alert], query: HistoryQuery) -> list[Alert]:
    """Those that the store would find, were they in it."""
    text = query.text.lower()
    return [
        held
        for held in alerts
        if query.level in (None, held.level)
        and query.cluster in (None, held.cluster)
        and query.agent in (None, held.agent_name)
        and query.rule in (None, held.rule)
        and (query.since is None or held.timestamp >= query.since)
        and (query.until is None or held.timestamp < query.until)
        and text in held.message.lower()
    ]


def cut(alerts: list[Alert], query: HistoryQuery) -> AlertPage:
    """One page, those that fired last first."""
    ordered = sorted(alerts, key=lambda held: held.timestamp, reverse=True)
    return AlertPage(tuple(ordered[query.offset : query.offset + query.limit]), len(ordered))
