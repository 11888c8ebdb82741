"""The dashboard's few files, read once and answered from memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.resources import files

from fastapi import APIRouter, Request, Response

from telemetry import phrases

_TYPES = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
    "json": "application/json",
}


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str


def pages() -> APIRouter:
    """Routes for `/` and `/static/…`."""
    router = APIRouter(include_in_schema=False)
    held = {
        entry.name: _load(entry.read_bytes(), entry.name.rpartition(".")[2])
        for entry in files("telemetry.web").joinpath("static").iterdir()
        if entry.name.rpartition(".")[2] in _TYPES
    }
    held |= {"phrases_ja.json": _load(phrases.raw("ja"), "json")}
    for name, file in held.items():
        _add(router, "/" if name == "index.html" else f"/static/{name}", file)
    return router


def _load(content: bytes, extension: str) -> _File:
    return _File(content, _TYPES[extension], f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _add(router: APIRouter, path: str, file: _File) -> None:
    async def answer(request: Request) -> Response:
        headers = {"etag": file.etag, "cache-control": "no-cache"}  # asked for again each time, sent only when new
        if file.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(file.content, media_type=file.media_type, headers=headers)

    router.add_api_route(path, answer, methods=["GET", "HEAD"])
