"""Stands before the application: foreign pages get nothing, every answer carries its safety headers, faults become 500.

A page of another site can make a browser send requests here. It can't read the answers (no CORS header is ever sent),
but for two tricks, which are refused: a name of its own that resolves to this machine (DNS rebinding: the Host header
tells), and requests that change something (the Origin header tells). Programs such as curl send neither.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Collection

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.web.refusing import refuse

_log = logging.getLogger(__name__)

INTERNAL = "internal error: the log says more"
"""All that a visitor learns of a fault."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_OF_PROBES = "/healthz"
"""May be asked for under any name: probes of load balancers bring one of their own, and it tells nothing."""
_LOOPBACK = frozenset({"localhost", "ip6-localhost"})
_HEADERS = (
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        ),
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # without any, a form of ours would not say where it comes from
    (b"cross-origin-resource-policy", b"same-origin"),
)


class Guard:
    """Middleware, outermost.

    Args:
        app: The application.
        names: Host names under which it may be asked for, besides localhost and any IP address.
        any_short_name: Also allow every name without a dot, as containers on one network use for each other: no
            foreign site can own such a name.
    """

    def __init__(self, app: ASGIApp, names: Collection[str] = (), any_short_name: bool = False) -> None:
        self._app = app
        self._names = _LOOPBACK | {name.lower() for name in names}
        self._any_short_name = any_short_name

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": [*message["headers"], *_HEADERS]}
            await send(message)

        if refusal := self._refusal(scope):
            await refuse(send_guarded, 403, refusal)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except ClientDisconnect:  # whoever asked has hung up: nobody waits for an answer, and nothing is wrong here
            return
        except Exception:  # noqa: BLE001 - whatever it is: the visitor learns that it failed, the log learns why
            _log.exception("%s %s failed", scope["method"], scope["path"])
            if not begun:
                await refuse(send_guarded, 500, INTERNAL)

    def _refusal(self, scope: Scope) -> str:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get(b"host", "")
        probe = scope["path"] == _OF_PROBES and scope["method"] in ("GET", "HEAD")
        if host and not probe and not self._known(_name(host)):
            return f"this server is not known as {_name(host)!r}: ORCHESTRATOR_DASHBOARD_ALLOWED_HOSTS can add names"
        if scope["method"] in _SAFE_METHODS:
            return ""
        origin = headers.get(b"origin")
        if origin is not None and origin.partition("://")[2].lower() != host.lower():
            return "a page of another origin may not do this"
        if headers.get(b"sec-fetch-site", "none") not in ("none", "same-origin"):
            return "a page of another site may not do this"
        return ""

    def _known(self, name: str) -> bool:
        if name in self._names or (self._any_short_name and "." not in name and ":" not in name):
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True  # an address is nobody's name: it can't be made to point elsewhere


def _name(host: str) -> str:
    """The Host header without its port, lower case, a bare IPv6 address without brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.rpartition(":")[0].lower() if host.count(":") == 1 else host.lower()
