"""Writes the description of the API: `python -m tools.openapi`; with --check, says whether docs/openapi.json is fresh.

It is what the daemon serves at /api/v1/openapi.json, with every route that there can be.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import httpx
from starlette.types import ASGIApp

from telemetry.clock import SystemClock
from telemetry.picture import Picture
from telemetry.web.app import create_app

FILE = Path(__file__).parents[1] / "docs" / "openapi.json"


class Unasked:
    """Stands for whoever would answer: nobody is asked while the routes are described."""

    def __getattr__(self, name: str) -> Any:
        return Unasked()

    def __call__(self, *_: Any, **__: Any) -> Any:
        return Unasked()


def text() -> str:
    """The description, as the file holds it."""
    return json.dumps(asyncio.run(_served()), indent=2, ensure_ascii=False) + "\n"


def application(**parts: Any) -> ASGIApp:
    """One in which no part is left out; those that are given are real."""
    parameters = inspect.signature(create_app).parameters.values()
    missing = {p.name: Unasked() for p in parameters if p.default is None and p.name != "access"}
    return create_app(
        Picture(), list, lambda now: b"", SystemClock(), metrics_type="text/plain", **{**missing, **parts}
    )


async def _served() -> Any:
    transport = httpx.ASGITransport(application())
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get("/api/v1/openapi.json")).raise_for_status().json()


def main() -> int:
    """Exit code 1 where the file isn't fresh."""
    fresh = text()
    if "--check" not in sys.argv:
        FILE.write_text(fresh)
        return 0
    if FILE.exists() and FILE.read_text() == fresh:
        return 0
    print("docs/openapi.json is not what the routes say: run `make openapi`")
    return 1


if __name__ == "__main__":
    sys.exit(main())
