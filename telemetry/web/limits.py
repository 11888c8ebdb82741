"""Stands before the application: what is too long, leads nowhere or is no proper JSON goes no further.

A body is read here, up to its limit, before anything else is done for it; how long that may take, the server sees to
(`telemetry.patience`). So nothing in the application ever has half a body.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from telemetry.web.versions import FIRST

LONGEST_BODY = 1024 * 1024
"""Bytes. A hook of Claude Code holds what a tool answered; nothing else comes near."""
LONGEST_ADDRESS = 8 * 1024
"""Bytes of a path with its query."""
LONGEST_HEADERS = 32 * 1024
"""Bytes of all header lines together. (The server itself refuses what is twice as long.)"""
DRAINED_WITHIN = 2.0
DRAINED = 16 * 1024 * 1024
"""Seconds for which, and bytes up to which, the rest of a body that was refused is thrown away: a sender in the middle
of it that finds the connection cut would not see why."""

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_NOWHERE = "no such path: '..', control characters and, in a file's path, backslashes lead nowhere"
_MOST_DECODINGS = 3
_HOOKS = FIRST + "hooks/"
_AGENTS = FIRST + "agents/"


class Limits:
    """Middleware, behind `Versions` and whoever decides who may ask.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        if refusal := _refusal(scope, headers):
            await _refused(scope, receive, send, *refusal)
        elif scope["method"] in _SAFE_METHODS or not (b"content-length" in headers or b"transfer-encoding" in headers):
            await self._app(scope, receive, send)
        else:
            await self._with_body(scope, headers, receive, send)

    async def _with_body(self, scope: Scope, headers: Mapping[bytes, bytes], receive: Receive, send: Send) -> None:
        try:
            body = await _read(receive)
        except _TooLongError:
            await _refused(scope, receive, send, 413, _too_long())
            return
        except _GoneError:
            return
        if _is_json(headers) and not _is_pushed(scope["path"]) and (wrong := wrong_json(body)):
            await _refused(scope, receive, send, 422, wrong)
            return
        await self._app(scope, _replayed(body, receive), send)


class _TooLongError(Exception):
    pass


class _GoneError(Exception):
    """The sender hung up."""


def leads_nowhere(path: str, raw: bytes) -> bool:
    """Whether a path, decoded once or however often somebody behind might, climbs or holds what no name holds.

    Args:
        path: As it was decoded by the server.
        raw: As it was sent, without the query.
    """
    forms = [path.encode(), raw]
    for _ in range(_MOST_DECODINGS):
        forms.append(unquote_to_bytes(forms[-1]))
    return any(_climbs(form) for form in forms)


def _climbs(form: bytes) -> bool:
    if any(byte < 32 or byte == 127 for byte in form):  # noqa: PLR2004 - the control characters of ASCII
        return True
    if b"\\" in form and form.startswith(b"/static"):
        return True
    return b".." in form.replace(b"\\", b"/").split(b"/")


def _refusal(scope: Scope, headers: Mapping[bytes, bytes]) -> tuple[int, str] | None:
    raw = scope.get("raw_path") or scope["path"].encode()
    if len(raw) + len(scope["query_string"]) > LONGEST_ADDRESS:
        return 414, f"the address is longer than {LONGEST_ADDRESS // 1024} KiB"
    if sum(len(name) + len(value) + 4 for name, value in scope["headers"]) > LONGEST_HEADERS:
        return 431, f"the headers are longer than {LONGEST_HEADERS // 1024} KiB"
    if leads_nowhere(scope["path"], raw):
        return 404, _NOWHERE
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length[:20]) > LONGEST_BODY:
        return 413, _too_long()
    return None


def _too_long() -> str:
    return f"the body is longer than {LONGEST_BODY // 1024} KiB"


async def _read(receive: Receive) -> bytes:
    read = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _GoneError
        read += message.get("body", b"")
        if len(read) > LONGEST_BODY:
            raise _TooLongError
        if not message.get("more_body", False):
            return bytes(read)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()  # that the sender hung up
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


async def _refused(scope: Scope, receive: Receive, send: Send, status: int, detail: str) -> None:
    """One line, at once; then the connection is closed, because there may be more on it that nobody wants."""
    response = JSONResponse({"detail": detail}, status, headers={"connection": "close"})

    async def begun(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    await response(scope, receive, begun)
    waits = any(name == b"expect" for name, _ in scope["headers"])  # for our word, before it sends any of it
    if status == 413 and not waits:  # noqa: PLR2004 - there is more to come
        try:
            async with asyncio.timeout(DRAINED_WITHIN):
                await _drain(receive)
        except TimeoutError:
            pass
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    left = DRAINED
    while left > 0 and (message := await receive())["type"] == "http.request" and message.get("more_body", False):
        left -= len(message["body"])


# --- JSON ----------------------------------------------------------------------------------------------------------


def wrong_json(body: bytes) -> str:
    """Why a body is no JSON that means one thing, in one line; "" where it is, or where there is none."""
    if not body.strip():
        return ""
    try:
        json.loads(body, object_pairs_hook=_object, parse_constant=_no_number)
    except _TwiceError as error:
        return f"the body names {str(error)[:100]!r} twice in one object"
    except RecursionError:
        return "the body is nested too deeply"
    except ValueError as error:
        return f"the body is no JSON: {_where(error)}"
    return ""


class _TwiceError(Exception):
    pass


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _TwiceError(next(name for name in names if names.count(name) > 1))
    return found


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")


def _where(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg.lower()} (line {error.lineno}, column {error.colno})"
    return "it must be UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _is_json(headers: Mapping[bytes, bytes]) -> bool:
    kind = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind == b"application/json" or (kind.startswith(b"application/") and kind.endswith(b"+json"))


def _is_pushed(path: str) -> bool:
    """Whether agents send it: such bodies are many and big, may hold half characters, and are read where they go."""
    return path.startswith(_HOOKS) or (path.startswith(_AGENTS) and path.endswith("/events"))
