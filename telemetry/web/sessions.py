"""Who has signed in: random ids in memory, each bound to the token that it was opened with."""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LIFE = 12 * 3600.0
"""Seconds that somebody stays signed in."""
MOST_SESSIONS = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in.

    Attributes:
        digest: That of the token they showed.
        ends_at: Unix time.
    """

    digest: bytes
    ends_at: float


@dataclass
class Sessions:
    """All of them. Where there are too many, the oldest ends."""

    _held: OrderedDict[bytes, Session] = field(default_factory=OrderedDict)

    def open(self, digest: bytes, now: float, token_ends_at: float | None = None) -> tuple[str, Session]:
        """A new id, which nobody could have known before, and what it stands for."""
        name = secrets.token_urlsafe(32)
        ends_at = now + LIFE if token_ends_at is None else min(now + LIFE, token_ends_at)
        session = self._held[_key(name)] = Session(digest, ends_at)
        while len(self._held) > MOST_SESSIONS:
            self._held.popitem(last=False)
        return name, session

    def get(self, name: str, now: float) -> Session | None:
        """The session of that id, while it lasts."""
        session = self._held.get(_key(name))
        if session is None or now < session.ends_at:
            return session
        self.close(name)
        return None

    def close(self, name: str) -> None:
        """It is worth nothing any more."""
        self._held.pop(_key(name), None)

    def __len__(self) -> int:
        return len(self._held)


def _key(name: str) -> bytes:
    """Kept in place of the id: how long it takes to look one up tells nothing about it."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def cookie_name(scope: Mapping[str, Any]) -> str:
    """Cookies are shared by all ports of a host: the port stands in the name, so that two monitors don't mix theirs.

    By TLS it carries the mark by which a browser takes it from this very host alone.
    """
    server = scope.get("server") or ("", 0)
    return f"{'__Host-' if _is_tls(scope) else ''}orchestrator-{server[1] or 0}"


def presented(scope: Mapping[str, Any]) -> str:
    """The id in a request's cookie, or ""."""
    wanted = cookie_name(scope)
    for name, value in scope["headers"]:
        if name != b"cookie":
            continue
        for pair in value.decode("latin-1").split(";"):
            key, _, content = pair.strip().partition("=")
            if key == wanted:
                return str(content)
    return ""


def set_cookie(scope: Mapping[str, Any], name: str, seconds: float) -> str:
    """The header by which a browser keeps an id; no script can read it, and no other site's page sends it."""
    secure = "; Secure" if _is_tls(scope) else ""
    return f"{cookie_name(scope)}={name}; Path=/; Max-Age={max(0, int(seconds))}; HttpOnly; SameSite=Strict{secure}"


def _is_tls(scope: Mapping[str, Any]) -> bool:
    return bool(scope.get("scheme") == "https")
