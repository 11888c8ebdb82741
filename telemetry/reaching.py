"""How a program that is watched reaches the monitor: at ORCHESTRATOR_URL, else by the socket in the state folder."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

from telemetry.control import NAME, TOKEN_VARIABLE, URL_VARIABLE, short_path

STATE_DIR_VARIABLE = "ORCHESTRATOR_STATE_DIR"
_TIMEOUT = 2.0


class SocketConnection(HTTPConnection):
    """To the monitor of this machine, by the socket in its state folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__("localhost", timeout=_TIMEOUT)
        self._folder = folder

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(_TIMEOUT)
        with short_path(self._folder) as path:
            self.sock.connect(path)


def connection(environ: Mapping[str, str]) -> tuple[HTTPConnection, str]:
    """To whoever is to be told, not open yet, and what stands before every path there.

    Raises:
        ValueError: ORCHESTRATOR_URL is no address.
    """
    url = environ.get(URL_VARIABLE, "")
    if not url:
        return SocketConnection(_state_dir(environ)), ""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
        raise ValueError(f"{URL_VARIABLE} is {_shown(url)!r}: it must be an address such as http://127.0.0.1:8000")
    prefix = parts.path.rstrip("/")
    if parts.scheme == "https":
        return HTTPSConnection(parts.hostname, port, timeout=_TIMEOUT), prefix
    return HTTPConnection(parts.hostname, port, timeout=_TIMEOUT), prefix


def headers(environ: Mapping[str, str]) -> dict[str, str]:
    """What is sent with each request. The token is only for a monitor elsewhere: the socket asks for none.

    Raises:
        ValueError: ORCHESTRATOR_TOKEN is no token; the message doesn't show it.
    """
    token = environ.get(TOKEN_VARIABLE, "").strip()
    sent = {"content-type": "application/json"}
    if not token or not environ.get(URL_VARIABLE):
        return sent
    if not all("!" <= letter <= "~" for letter in token):
        raise ValueError(f"{TOKEN_VARIABLE} is no token: it must consist of visible ASCII characters without blanks")
    return {**sent, "authorization": f"Bearer {token}"}


def _state_dir(environ: Mapping[str, str]) -> Path:
    """As `telemetry.settings.places` has it, which a program that only sends heartbeats should not have to import."""
    if given := environ.get(STATE_DIR_VARIABLE):
        return Path(given).expanduser()
    base = environ.get("XDG_STATE_HOME", "")
    home = Path(environ.get("HOME") or Path.home())
    return (Path(base) if Path(base).is_absolute() else home / ".local/state") / "orchestrator-telemetry"


def unheard(error: Exception, environ: Mapping[str, str]) -> str:
    """Why nobody was told, in one line."""
    if isinstance(error, ValueError):
        return str(error)
    why = getattr(error, "strerror", None) or str(error) or type(error).__name__
    if url := environ.get(URL_VARIABLE):
        return f"nobody hears heartbeats at {URL_VARIABLE} ({_shown(url)}): {why}"
    return (
        f"nobody hears heartbeats: no monitor runs with the state folder {_state_dir(environ)} "
        f"({NAME}: {why}; {STATE_DIR_VARIABLE} names another folder, {URL_VARIABLE} a monitor elsewhere)"
    )


def _shown(url: str) -> str:
    """Without the password that may stand in it."""
    before, _, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://***@{after}" if before else url
