"""Notices and messages as they come out of the pager."""

from __future__ import annotations

from typing import Any

from telemetry.model import AlertLevel, Message, Notice, NoticeKind
from telemetry.notify.base import Surroundings

FIRED = 1_751_500_000.0
HOSTILE = "<!channel> *bold* `code` @here\r\nBcc: everybody@example.org <b>&amp;\x1b[31m"
"""A name as an agent might choose it, to be told by nobody as it stands."""

SURROUNDINGS = Surroundings(
    dashboard_url="https://dash.example/?a=1&b=2",
    logs_url="https://logs.example/{cluster}/{agent}",
    trace_url="https://traces.example/{trace_id}",
)


def notice(**changes: Any) -> Notice:
    """An agent that stopped, with whatever differs."""
    held: dict[str, Any] = {
        "kind": NoticeKind.FIRING,
        "alert_id": "0123456789",
        "cluster": "main",
        "agent": "worker-1",
        "rule": "agent_stopped",
        "level": AlertLevel.ERROR,
        "message": "worker-1 has stopped",
        "since": FIRED,
        "at": FIRED,
        "role": "builder",
        "summary": "An agent has stopped",
        "todo": "Look at its pane, then start it again.",
    }
    return Notice(**(held | changes))


def resolved(**changes: Any) -> Notice:
    """The same, over after 200 s."""
    return notice(**({"kind": NoticeKind.RESOLVED, "at": FIRED + 200} | changes))


def message(*notices: Notice, **changes: Any) -> Message:
    """One message about them; about `notice()` where none is given."""
    held: dict[str, Any] = {"id": "a" * 32, "channel": "test", "cluster": "main", "created_at": FIRED}
    return Message(notices=notices or (notice(),), **(held | changes))


def trial() -> Message:
    """What a person sends to see whether a channel works."""
    return message(notice(rule="test", message="", summary="", todo="", role=""), test=True)
