"""Stands between the guard and the application: who asks, and whether their role may. By method and path alone.

`/healthz`, the dashboard's files and the login are open to everybody. `/readyz` and `/readyz/pipeline` tell everybody
whether all is well; why not, only those who may read learn.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.web.access import Access, Refusal
from telemetry.web.identity import BY_FILE_RIGHTS, WHO, Identity, Role, may, needed
from telemetry.web.refusing import refuse, tell

LOGIN = "/login"
_FREE = frozenset({"/healthz", LOGIN, "/api/v1/login", "/api/v1/logout"})
_FREE_BELOW = "/static/"
_READY = frozenset({"/readyz", "/readyz/pipeline"})
_METRICS = "/metrics"
_REALM = 'Bearer realm="orchestrator-telemetry"'
_COME_AGAIN = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="0;url={}">'
    "<title>orchestrator-telemetry</title></head><body></body></html>"
)
"""For somebody who follows a link on another site. A browser keeps a strict cookie back then; it sends it when a page
of ours asks, and the login passes on whoever has signed in."""


class Auth:
    """Middleware, inside the guard and behind `Versions`, so that paths have one form.

    Args:
        app: The application.
        access: Who is let in.
    """

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_free(scope["path"]):
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        known = self._access.known(scope, metrics=path == _METRICS)
        role = needed(method, path)
        if path in _READY and (isinstance(known, Refusal) or not may(known.role, Role.READ)):
            await self._app(scope, receive, _Brief(send))
        elif isinstance(known, Refusal):
            await self._refuse(scope, known, send)
        elif not may(known.role, role):
            owner = f"the token {known.name!r}" if known.name else "this token"
            await refuse(send, 403, f"this needs the role {role}, and {owner} has the role {known.role}")
        else:
            scope[WHO] = known
            lasting = known == BY_FILE_RIGHTS
            await self._app(scope, receive, send if lasting else self._while_known(scope, known, send))

    async def _refuse(self, scope: Scope, refusal: Refusal, send: Send) -> None:
        if not refusal.wrong and _is_page(scope):
            await _to_login(scope, send)
            return
        headers: list[tuple[bytes, bytes]] = []
        if refusal.status == 401:  # noqa: PLR2004 - HTTP's number
            headers.append((b"www-authenticate", (_REALM + ', error="invalid_token"' * refusal.wrong).encode()))
        if refusal.wait:
            headers.append((b"retry-after", str(refusal.wait).encode()))
        await refuse(send, refusal.status, refusal.detail, headers)

    def _while_known(self, scope: Scope, known: Identity, send: Send) -> Send:
        """Ends an answer that goes on and on as soon as the token or the session it was asked with is over."""
        over = False

        async def send_on(message: Message) -> None:
            nonlocal over
            if over:
                return
            goes_on = message["type"] == "http.response.body" and message.get("more_body")
            if goes_on and self._access.known(scope, metrics=scope["path"] == _METRICS) != known:
                over = True
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        return send_on


class _Brief:
    """Passes on how it is, and keeps back why."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            return
        if self._status is None:
            return
        status, self._status = self._status, None
        if status == 200:  # noqa: PLR2004 - HTTP's number
            await tell(self._send, status, b'{"status":"ready"}', b"application/json")
        else:
            await refuse(self._send, status, "not ready; why is told to those who show a token")


def _is_free(path: str) -> bool:
    return path in _FREE or path.startswith(_FREE_BELOW)


def _header(scope: Scope, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == wanted), "")


def _is_page(scope: Scope) -> bool:
    """Whether a person's browser asks for something to show."""
    return (
        scope["method"] in ("GET", "HEAD")
        and not scope["path"].startswith("/api/")
        and scope["path"] != _METRICS
        and "text/html" in _header(scope, b"accept")
    )


async def _to_login(scope: Scope, send: Send) -> None:
    query = scope.get("query_string", b"").decode("latin-1")
    wanted = quote(scope["path"]) + (f"?{query}" if query else "")
    where = LOGIN if wanted == "/" else f"{LOGIN}?next={quote(wanted, safe='')}"
    if _header(scope, b"sec-fetch-site") in ("cross-site", "same-site"):
        await tell(send, 200, _COME_AGAIN.format(escape(where)).encode(), b"text/html; charset=utf-8")
        return
    await tell(send, 303, b"", b"text/plain", [(b"location", where.encode())])
