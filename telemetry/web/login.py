"""Signing in and out: a page for people, which needs no script, and the same for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Body, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field

from telemetry.fields import LONGEST_TOKEN
from telemetry.web import sessions
from telemetry.web.access import Access, Refusal
from telemetry.web.answers import answer
from telemetry.web.identity import Role
from telemetry.web.login_page import language, onward, page
from telemetry.web.schema import Described, documented

_LONGEST_FORM = 4096
_NOT_KEPT = {"cache-control": "no-store", "vary": "accept-language"}


class Login(BaseModel):
    """Somebody shows a token."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    token: Annotated[str, Field(min_length=1, max_length=LONGEST_TOKEN, description="The token.")]


class SignedIn(Described):
    """Somebody who has signed in; the cookie stands in the answer's header."""

    name: str = Field(description="The token's name.")
    role: Role = Field(description="What they may do.")
    ends_at: float = Field(description="When they have to sign in again, in Unix seconds.")


class SignedOut(Described):
    """Somebody who has signed out."""

    message: str = Field(description="What was done.")


def login_routes(access: Access) -> APIRouter:
    """GET and POST /login, POST /api/v1/login and /api/v1/logout."""
    router = APIRouter()
    _add_page(router, access)
    _add_for_programs(router, access)
    return router


def _add_page(router: APIRouter, access: Access) -> None:
    def show(request: Request, wanted: str, refusal: Refusal | None = None) -> Response:
        lang = language(request.headers.get("accept-language", ""))
        status, wait = (refusal.status, refusal.wait) if refusal else (200, 0)
        headers = {**_NOT_KEPT, **({"retry-after": str(wait)} if wait else {})}
        return HTMLResponse(page(lang, status, wait, onward(wanted)), status, headers)

    @router.api_route("/login", methods=["GET", "HEAD"], include_in_schema=False)
    async def login_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - as the address has it
        """The page; whoever has signed in goes on at once."""
        if not isinstance(access.known(request.scope), Refusal):
            return RedirectResponse(onward(next), 303, headers=_NOT_KEPT)
        return show(request, next)

    @router.post("/login", include_in_schema=False)
    async def login_by_form(request: Request) -> Response:
        """What the page's form sends."""
        form = await _form(request)
        wanted = onward(form.get("next", "/"))
        outcome = access.sign_in(form.get("token", "").strip(), request.scope)
        if isinstance(outcome, Refusal):
            return show(request, wanted, outcome)
        name, session, _ = outcome
        done = RedirectResponse(wanted, 303, headers=_NOT_KEPT)
        _keep(done, request, name, session.ends_at - access.clock.now())
        return done


def _add_for_programs(router: APIRouter, access: Access) -> None:
    @router.post("/api/v1/login", responses=documented(SignedIn, 401, 403, 429))
    async def login(wanted: Annotated[Login, Body()], request: Request) -> Response:
        """Opens a session for whoever shows a token, and sets its cookie."""
        outcome = access.sign_in(wanted.token.strip(), request.scope)
        if isinstance(outcome, Refusal):
            headers = {"retry-after": str(outcome.wait)} if outcome.wait else None
            raise HTTPException(outcome.status, outcome.detail, headers)
        name, session, token = outcome
        done = answer({"name": token.name, "role": token.role, "ends_at": session.ends_at})
        _keep(done, request, name, session.ends_at - access.clock.now())
        return done

    @router.post(
        "/api/v1/logout", responses={**documented(SignedOut), 303: {"description": "To the login page, for a browser."}}
    )
    async def logout(request: Request) -> Response:
        """Ends the session that the cookie stands for; a browser's form goes back to the login."""
        access.sign_out(request.scope)
        done: Response
        if "text/html" in request.headers.get("accept", ""):
            done = RedirectResponse("/login", 303, headers=_NOT_KEPT)
        else:
            done = answer({"message": "signed out"})
        _keep(done, request, "", 0)
        return done


def _keep(done: Response, request: Request, name: str, seconds: float) -> None:
    done.headers.append("set-cookie", sessions.set_cookie(request.scope, name, seconds))


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a small form; of one that stands there twice, the first."""
    read = bytearray()
    async for part in request.stream():
        read += part
        if len(read) > _LONGEST_FORM:
            raise HTTPException(413, "the form is too long", headers={"connection": "close"})
    try:
        fields = parse_qs(bytes(read).decode("ascii"), max_num_fields=10)
    except ValueError:
        return {}
    return {key: values[0] for key, values in fields.items()}
