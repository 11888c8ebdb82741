"""Who asks, and what a role may do. Method and path say which role a request needs; no route says it for itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

WHO = "telemetry.who"
"""Where a request's scope holds its `Identity`."""

BY_SOCKET = "telemetry.by_socket"
"""Set in the scope of a request that came by the socket in the state folder, whose file rights have let it through."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_REPORTS = re.compile(r"/api/v1/(?:agents/.+/events|hooks/.+)", re.DOTALL)


class Role(StrEnum):
    """What a token is for.

    `read` asks for everything and changes nothing, `operate` does everything, `report` only tells of agents: it may
    send their events and hooks, and reads nothing.
    """

    READ = "read"
    OPERATE = "operate"
    REPORT = "report"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks.

    Attributes:
        name: That of the token; "" where nobody was asked for one.
        role: What they may do.
        proved: Whether a token, or the rights of the socket's file, showed that they may. Where not, the server asks
            for no token, and what counts for all stays with those who are on this machine.
    """

    name: str
    role: Role
    proved: bool = False


ANYBODY = Identity("", Role.OPERATE)
"""Where no token is asked for."""

BY_FILE_RIGHTS = Identity("", Role.OPERATE, proved=True)
"""Whoever may enter the state folder."""


def who(scope: Mapping[str, Any]) -> Identity:
    """Whose request it is."""
    found = scope.get(WHO, ANYBODY)
    assert isinstance(found, Identity)  # noqa: S101 - only the middleware puts one there
    return found


def needed(method: str, path: str) -> Role:
    """The least role that a request needs; the path is one with its version."""
    if method == "POST" and _REPORTS.fullmatch(path):
        return Role.REPORT
    return Role.READ if method in _SAFE else Role.OPERATE


def may(role: Role, what: Role) -> bool:
    """Whether somebody with `role` may do what needs `what`."""
    return role is what or role is Role.OPERATE
