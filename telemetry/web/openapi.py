"""The description of the API (OpenAPI 3.1) at /api/v1/openapi.json: what FastAPI knows, and what holds for every route.

The routes say what they take and what they answer (`telemetry.web.schema.documented`). What they have in common is
added here, in one place: who may ask, and the errors that come before a route is reached.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import orjson
from fastapi import APIRouter, FastAPI, Response
from fastapi.routing import APIRoute

from telemetry.web.identity import needed
from telemetry.web.schema import ERROR, Error, documented
from telemetry.web.versions import FIRST

TITLE = "orchestrator-telemetry"
DESCRIPTION = """\
What the monitor knows of clusters of coding agents, and what people can tell it.

**Paths.** A path under `/api/v1/` keeps its meaning. `/api/…` without a version means `/api/v1/…`, for ever.

**Answers** are JSON in UTF-8. Points in time are Unix seconds, durations are seconds, both with a fraction. A field is
never left out: what is not known is `null`, a text that says nothing is `""`. New fields may be added to an answer;
none is taken away or changes its meaning within a version. Every text may have been written by an agent: show it as
text, never as markup.

**Errors** are `{"detail": "one line"}`. A query parameter that a route doesn't know is an error (422), and so are one
that is given twice and a body that names a key twice. Before any route: 400 for what is no HTTP, 403 for a foreign
host or page, 404 for a path that climbs (`..`), 405 for another method, 408 for a request that is too slow, 413 for a
body over 1 MiB, 414 for an address over 8 KiB, 429 after many wrong tokens, 431 for headers over 32 KiB, 503 where too
many are connected.

**Who may.** On loopback, as long as no token is set, everybody on the machine. Otherwise a token
(`Authorization: Bearer …`) or the cookie that the login form sets. A token has the role `read` (every GET), `operate`
(everything), or `report` (only what agents send). Each operation says which it needs (`x-role`).
"""

_TAGS = {
    "metrics": "The seed's numbers.",
    "alerts": "What is wrong, what was, and who takes care.",
    "silences": "What nobody is to be told of, for a time.",
    "notifications": "The channels by which people are told.",
    "rules": "What is watched for, and from where on it is wrong.",
    "agents": "The agents, and how each is judged.",
    "sources": "Where agents are seen.",
    "timeline": "What was, for plots.",
    "stream": "What changes, as it happens.",
    "monitoring": "Starting and stopping to watch.",
    "backends": "How the data gets to where it is kept.",
    "hooks": "What agents tell of themselves.",
    "login": "For people with a browser.",
    "monitor": "The monitor itself.",
}
_OTHER = "monitor"
_ALIASES = {"logout": "login", "state": "stream", "openapi.json": _OTHER, "links": _OTHER}
"""Of first words of paths: under which tag they stand."""
_COMMON = {
    "401": "No token, or one that isn't known.",
    "403": "The token's role may not do this, or it comes from a foreign page, host or machine.",
    "429": "Too many wrong tokens from this address.",
    "414": "The address is longer than 8 KiB.",
    "422": "A parameter or the body is not as it must be.",
    "431": "The headers are longer than 32 KiB.",
}
_WITH_BODY = {"408": "The body took too long to come.", "413": "The body is longer than 1 MiB."}
_ERROR = {"content": {"application/json": {"schema": {"$ref": ERROR}}}}
_FREE = frozenset({"/healthz", "/readyz", "/readyz/pipeline", "/api/v1/login", "/api/v1/logout"})


def released() -> str:
    """The version of this program."""
    try:
        return version("orchestrator-telemetry")
    except PackageNotFoundError:  # run from its folder, without having been installed
        return "0"


def operation_id(route: APIRoute) -> str:
    """`get_alerts_open`, from the method and the path: whatever the function is called, it stays the same.

    What stands outside of the API has the function's name.
    """
    if not route.path_format.startswith(FIRST):
        return route.name
    method = min((route.methods or set()) - {"HEAD"})
    words = re.findall(r"[a-z0-9]+", route.path_format.removeprefix(FIRST).lower())
    return "_".join([method.lower(), *words])


def openapi_routes(app: FastAPI) -> APIRouter:
    """The route that serves the description of an application."""
    router = APIRouter()
    writing = asyncio.Lock()
    written: list[bytes] = []

    @router.get("/api/v1/openapi.json", responses=documented(dict[str, Any]))
    async def describe_api() -> Response:
        """This description."""
        async with writing:
            if not written:
                written.append(await asyncio.to_thread(lambda: orjson.dumps(describe(app))))
        return Response(written[0], media_type="application/json", headers={"cache-control": "no-cache"})

    return router


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an application with all its routes."""
    found = app.openapi()
    found["info"] |= {"title": TITLE, "version": released(), "description": DESCRIPTION}
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            _complete(path, method, operation)
    used = {operation["tags"][0] for _, operation in _operations(found)}
    found["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items() if name in used]
    schemas = found["components"]["schemas"] | {"Error": Error.model_json_schema()}
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    found["components"]["schemas"] = dict(sorted(schemas.items()))
    found["components"]["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer", "description": "A token, for programs."},
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": "orchestrator-8000",
            "description": "Set by the login form, for people with a browser. The number is the port.",
        },
    }
    found["paths"] = dict(sorted(found["paths"].items()))
    return found


def role_of(path: str, method: str) -> str:
    """Which role a token needs for a route; "" for none."""
    return "" if path in _FREE else needed(method.upper(), path).value


def _operations(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in found["paths"].items():
        for operation in methods.values():
            yield path, operation


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    """Adds to an operation what holds for it because of where it stands and what it takes."""
    first = path.removeprefix("/api/v1/").partition("/")[0] if path.startswith("/api/v1/") else _OTHER
    operation["tags"] = [_ALIASES.get(first, first)]
    operation["summary"], more = _split(operation.pop("description", ""))
    role = role_of(path, method)
    needed = f"Needs the role `{role}`." if role else "Needs no token."
    operation["description"] = f"{more}\n\n{needed}" if more else needed
    operation["x-role"] = role
    operation["security"] = [{"bearer": []}, {"cookie": []}, {}] if role else []
    responses = operation["responses"]
    _drop_unknown(responses.get("200", {}))
    common = {**_COMMON, **(_WITH_BODY if method not in ("get", "delete") else {})}
    if not role:
        del common["401"], common["429"]
    for status, text in common.items():
        if status == "422" and not path.startswith("/api/"):
            continue
        if status not in responses or "Validation" in responses[status].get("description", ""):
            responses[status] = {"description": text, **_ERROR}
    operation["responses"] = dict(sorted(responses.items()))


def _split(description: str) -> tuple[str, str]:
    summary, _, more = description.partition("\n")
    return summary.strip(), more.strip()


def _drop_unknown(answer: dict[str, Any]) -> None:
    """FastAPI adds JSON of any kind where a route names another kind, or no body."""
    content = answer.get("content", {})
    if content.get("application/json", {}).get("schema", None) == {}:
        del content["application/json"]
    if not content:
        answer.pop("content", None)
