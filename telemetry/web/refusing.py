"""An answer of one line, for what never reaches the application."""

from __future__ import annotations

import json
from collections.abc import Sequence

from starlette.types import Send


async def refuse(send: Send, status: int, detail: str, headers: Sequence[tuple[bytes, bytes]] = ()) -> None:
    """Answers in the form that every error has."""
    body = json.dumps({"detail": detail}, ensure_ascii=False).encode("utf-8", "replace")
    await tell(send, status, body, b"application/json", headers)


async def tell(
    send: Send, status: int, body: bytes, media_type: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Answers with a body, which nobody keeps."""
    about = [
        (b"content-type", media_type),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*about, *headers]})
    await send({"type": "http.response.body", "body": body})
