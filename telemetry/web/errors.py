"""Every error as `{"detail": "one line"}`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.routing import Route

from telemetry.clean import clean_text
from telemetry.web.guard import INTERNAL

_MOST_TOLD = 5
_LONGEST_NAME = 60
_PLACES = ("body", "query", "path", "header", "cookie")


def add_handlers(app: FastAPI) -> None:
    """Has an application answer its errors so."""
    app.add_exception_handler(RequestValidationError, _in_words)
    app.add_exception_handler(405, _other_method)
    app.add_exception_handler(Exception, _internal)


async def _in_words(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with parameters, or a body."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for nothing else
    faults = error.errors()
    told = [f"{_place(fault['loc'])}: {fault['msg'].removeprefix('Input ').lower()}" for fault in faults[:_MOST_TOLD]]
    if len(faults) > _MOST_TOLD:
        told.append(f"and {len(faults) - _MOST_TOLD} more")
    return JSONResponse({"detail": " ".join("; ".join(told).split())}, status_code=422)


def _place(loc: Sequence[Any]) -> str:
    """`seconds`, `items.3.name`; the names in it may be a sender's own."""
    inner = loc[1:] if len(loc) > 1 and loc[0] in _PLACES else loc
    return clean_text(".".join(map(str, inner)), _LONGEST_NAME)


async def _other_method(request: Request, error: Exception) -> JSONResponse:
    """Names every method of the path: what raised this knows only the first route that has it."""
    path = request.scope["path"]
    found = {method for route in _routes(request.app.routes) for method in _methods(route, path)}
    allowed = sorted(found or {"GET", "HEAD"})  # a file, which is no route
    detail = f"{request.method} is no method of this path; allowed: {', '.join(allowed)}"
    return JSONResponse({"detail": clean_text(detail, 200)}, 405, {"allow": ", ".join(allowed)})


def _routes(routes: Iterable[Any]) -> Iterator[Route]:
    """Every route, those of included routers too."""
    for route in routes:
        if isinstance(route, Route):
            yield route
        else:
            yield from _routes(getattr(getattr(route, "original_router", route), "routes", None) or ())


def _methods(route: Route, path: str) -> set[str]:
    return set(route.methods or ()) if route.path_regex.match(path) else set()


async def _internal(_: Request, __: Exception) -> JSONResponse:
    """The answer to a fault of ours; the exception goes on to the guard, which logs it."""
    return JSONResponse({"detail": INTERNAL}, status_code=500)
