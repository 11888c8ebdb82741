"""What a sender on this machine needs for a collector that is configured from the same environment."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def scheme(environ: Mapping[str, str]) -> str:
    """How OTLP over HTTP is spoken to it: "http", or "https" where it has a certificate."""
    return "https" if environ.get("ORCHESTRATOR_COLLECTOR_TLS_CERT") else "http"


def bearer_token(environ: Mapping[str, str]) -> str:
    """The token it asks for, or "". Of a file's tokens the first; a file that can't be read counts as none.

    The collector itself says what is wrong with the file, and doesn't start.
    """
    token = environ.get("ORCHESTRATOR_COLLECTOR_TOKEN", "")
    file = environ.get("ORCHESTRATOR_COLLECTOR_TOKEN_FILE", "")
    if token or not file:
        return token
    try:
        words = Path(file).read_text(encoding="utf-8", errors="replace").split(maxsplit=1)
    except OSError:
        return ""
    return words[0] if words else ""
