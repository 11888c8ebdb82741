"""The version of the API stands in its paths. The seed's paths have none: they mean the first version, for ever."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

FIRST = "/api/v1/"
_BARE = "/api/"
_MARK = "/api/v"


class Versions:
    """Middleware: `/api/alerts` is `/api/v1/alerts`.

    Args:
        app: The application, which knows the paths with their version.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _has_none(scope["path"]):
            raw = scope.get("raw_path") or scope["path"].encode()
            scope = {
                **scope,
                "path": FIRST + scope["path"].removeprefix(_BARE),
                "raw_path": FIRST.encode() + raw.removeprefix(_BARE.encode()),
            }
        await self._app(scope, receive, send)


def _has_none(path: str) -> bool:
    if not path.startswith(_BARE) or path == _BARE:
        return False
    first = path.removeprefix(_BARE).partition("/")[0]
    return not (path.startswith(_MARK) and first[1:].isdecimal())
