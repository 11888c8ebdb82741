"""The routes about alerts and people: what is open and why it is quiet, history, silences, channels, rules."""

from __future__ import annotations

import asyncio
import ipaddress
import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from telemetry.clean import NAME_LIMIT, clean_line, clean_name
from telemetry.model import LONGEST_SILENCE, SHORTEST_SILENCE, Silence
from telemetry.store import HistoryQuery, StoreError
from telemetry.web import alert_list as lists
from telemetry.web import schema_alerts as models
from telemetry.web import views
from telemetry.web.answers import Knowledge, answer
from telemetry.web.identity import who
from telemetry.web.parameters import in_order
from telemetry.web.people import People
from telemetry.web.schema import documented
from telemetry.web.schema_agents import Forgotten


def _one_line(text: str) -> str:
    """As it goes into tables, logs and messages."""
    return clean_line(text)


_Name = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(clean_name)]
_By = Annotated[_Name | None, Field(description="Who says so; the name of the token where it is left out.")]
_Pattern = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT), AfterValidator(clean_name)]
_Remark = Annotated[str, Field(max_length=500), AfterValidator(_one_line)]
_Reason = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(_one_line),
    Field(min_length=1),  # where nothing but an escape sequence was given
]


class Acknowledge(BaseModel):
    """Somebody takes care of an alert."""

    model_config = ConfigDict(extra="forbid")
    alert: str = Field(description="The alert's id.")
    by: _By = None
    note: _Remark = Field("", description="For those who read it.")


class NewSilence(BaseModel):
    """Nobody is to be told of what matches, for so many seconds."""

    model_config = ConfigDict(extra="forbid")
    by: _By = None
    reason: _Reason = Field(description="Why.")
    seconds: float = Field(
        ge=SHORTEST_SILENCE, le=LONGEST_SILENCE, allow_inf_nan=False, description="For how long, in seconds."
    )
    starts_at: float | None = Field(
        None, ge=0, le=1e11, allow_inf_nan=False, description="From when on (Unix s); now where it is left out."
    )
    cluster: _Pattern = Field("*", description="A cluster's name, or a pattern with `*` and `?`.")
    agent: _Pattern = Field("*", description="The same for agents.")
    rule: _Pattern = Field("*", description="The same for rules.")


class Test(BaseModel):
    """Which channel is to be tried."""

    model_config = ConfigDict(extra="forbid")
    channel: str | None = Field(None, description="Its name; every one that is on where it is left out.")


class Forget(BaseModel):
    """An agent that isn't expected any more."""

    model_config = ConfigDict(extra="forbid")
    agent: str = Field(description="Its name.")
    cluster: str | None = Field(None, description="Its cluster; every one where it is left out.")


def _author(by: str | None, request: Request) -> str:
    """Who says something: by their own word, else by the name of their token."""
    name = by or who(request.scope).name
    if not name:
        raise HTTPException(422, "by: it must say who you are")
    return name


def from_here(request: Request) -> None:
    """Lets through who showed a token, asks by the socket of the state folder, or from this machine.

    Behind a proxy on this machine everybody comes from here: then the proxy decides who may.
    """
    if who(request.scope).proved or request.client is None or not request.client.host:
        return
    try:
        address = ipaddress.ip_address(request.client.host)
        # a socket for both versions shows 127.0.0.1 as ::ffff:127.0.0.1
        here = (getattr(address, "ipv4_mapped", None) or address).is_loopback
    except ValueError:
        here = False
    if not here:
        raise HTTPException(403, "only from the machine where the monitor runs: use its command line there")


def alert_routes(known: Knowledge, people: People) -> APIRouter:
    """Everything under /api/alerts/…, /api/silences, /api/notifications, /api/rules and /api/agents/forget."""
    router = APIRouter()
    _add_alerts(router, known, people)
    _add_silences(router, known, people)
    _add_channels(router, people)
    return router


def _add_alerts(router: APIRouter, known: Knowledge, people: People) -> None:
    @router.get("/api/v1/alerts/open", responses=documented(models.OpenAlerts, 404))
    async def open_alerts(cluster: lists.Cluster = None) -> Response:
        """Every alert that is pending, firing or dismissed, with why it is not told where it isn't."""
        found = [views.open_alert(held) for holder in known.with_alerts(cluster) for held in holder.open_alerts]
        return answer({"now": known.clock.now(), "alerts": views.worst_first(found)})

    @router.get("/api/v1/alerts/history", responses=documented(models.AlertHistory, 503))
    async def history(
        *,
        level: lists.Level = None,
        cluster: lists.Cluster = None,
        agent: lists.Agent = None,
        rule: lists.Rule = None,
        text: lists.Text = "",
        since: Annotated[float | None, lists.time_query("Over at this time or later (Unix s).")] = None,
        until: Annotated[float | None, lists.time_query("Over before this time (Unix s).")] = None,
        limit: lists.Limit = 100,
        offset: lists.Offset = 0,
        changes: Annotated[bool, Query(description="Changes of state as well.")] = False,
    ) -> Response:
        """Alerts that are over, those that were over last first; as far back as the store goes."""
        in_order(since, until)
        query = HistoryQuery(level, cluster, agent, rule, text, since, until, limit, offset, changes)
        try:
            page = await people.history(query)
        except StoreError as error:
            raise HTTPException(503, str(error)) from error
        return answer({"alerts": [views.alert(held) for held in page.alerts], "total": page.total})

    @router.post("/api/v1/alerts/ack", responses=documented(models.OpenAlert, 404), dependencies=[Depends(from_here)])
    async def acknowledge(wanted: Acknowledge, request: Request) -> Response:
        """Somebody takes care: no repeats at this level or below."""
        by = _author(wanted.by, request)
        for holder in known.with_alerts():
            event = await holder.acknowledge(wanted.alert, by, wanted.note)
            if event is not None:
                return answer(views.open_alert(event.alert))
        raise HTTPException(404, f"no alert that fires has the id {wanted.alert!r}")

    @router.get("/api/v1/rules", responses=documented(models.Rules))
    async def rules() -> Response:
        """The rules in force, with what differs for some."""
        return answer({"rules": people.rules_in_force()})

    @router.post("/api/v1/agents/forget", responses=documented(Forgotten, 404), dependencies=[Depends(from_here)])
    async def forget(wanted: Forget) -> Response:
        """An agent that was seen once is no longer expected; one that is configured always is."""
        forgotten = [m.cluster for m in known.chosen(wanted.cluster) if await m.forget(wanted.agent)]
        if not forgotten:
            raise HTTPException(
                404, f"no agent {wanted.agent!r} is remembered; one that the settings name can't be forgotten"
            )
        return answer({"agent": wanted.agent, "clusters": forgotten})


def _add_silences(router: APIRouter, known: Knowledge, people: People) -> None:
    @router.get("/api/v1/silences", responses=documented(models.Silences))
    async def silences() -> Response:
        """Those that have not ended, by when they end."""
        now = known.clock.now()
        return answer({"now": now, "silences": [views.silence(held, now) for held in people.silences]})

    @router.post("/api/v1/silences", responses=documented(models.Silence), dependencies=[Depends(from_here)])
    async def silence(wanted: NewSilence, request: Request) -> Response:
        """Nobody is told of what matches, until it ends."""
        now = known.clock.now()
        begins = now if wanted.starts_at is None else wanted.starts_at
        if begins + wanted.seconds <= now:
            raise HTTPException(422, "starts_at, seconds: it would be over already")
        held = Silence(
            id=secrets.token_hex(4),
            author=_author(wanted.by, request),
            reason=wanted.reason,
            starts_at=begins,
            ends_at=begins + wanted.seconds,
            cluster=wanted.cluster,
            agent=wanted.agent,
            rule=wanted.rule,
        )
        await people.silence(held)
        return answer(views.silence(held, now))

    @router.delete(
        "/api/v1/silences/{name:path}", responses=documented(models.Ended, 404), dependencies=[Depends(from_here)]
    )
    async def unsilence(name: Annotated[str, Path(description="The silence's id.")]) -> Response:
        """Ends a silence."""
        if not await people.unsilence(name):
            raise HTTPException(404, f"no silence has the id {name!r}")
        return answer({"ended": name})


def _add_channels(router: APIRouter, people: People) -> None:
    @router.get("/api/v1/notifications", responses=documented(models.Channels))
    async def notifications() -> Response:
        """How it is with each channel: what waits, what is being sent, what could not be delivered."""
        return answer({"channels": [views.channel(held) for held in people.channels]})

    @router.post(
        "/api/v1/notifications/test", responses=documented(models.Tests, 404), dependencies=[Depends(from_here)]
    )
    async def test(wanted: Test) -> Response:
        """Sends a marked message, and says what each receiver answered."""
        on = [held.name for held in people.channels if held.on]
        if wanted.channel is not None and wanted.channel not in on:
            known = f"on are: {', '.join(on)}" if on else "none is on"
            raise HTTPException(404, f"no channel that is on is named {wanted.channel!r}; {known}")
        chosen = on if wanted.channel is None else [wanted.channel]
        tried = await asyncio.gather(*(people.test(name) for name in chosen))
        return answer({"results": [views.tried(held) for held in tried]})
