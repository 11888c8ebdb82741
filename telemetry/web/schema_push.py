"""What agents send of themselves, for the description only: whoever takes it reads it, and says what is wrong."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from telemetry.model import LAST_PID
from telemetry.web.schema import Described


class Event(Described):
    """What an agent says of itself. What is left out is as it was before."""

    cluster: str | None = Field(None, description="Which cluster takes it, where several do; `?cluster=` says it too.")
    state: Literal["busy", "idle", "waiting", "stopped", "ended"] | None = Field(
        None, description="What it does now; `ended`: it is no longer expected."
    )
    reason: str | None = Field(None, description="Why it is in that state; only beside one. Cut after 500 characters.")
    task: str | None = Field(None, description='What it is at; "": nothing. Cut after 500 characters.')
    ttl: float | None = Field(
        None, description="Seconds within which it promises to be heard of again.", ge=0.1, le=86_400
    )
    pid: int | None = Field(None, description="Its process, on this machine.", ge=1, le=LAST_PID)
    pid_space: str | None = Field(None, description="In which pid namespace that number is meant.")
    role: str | None = Field(None, description="What it is for.")
    has_work: bool | None = Field(None, description="Whether work is assigned to it.")
    session_id: str | None = Field(None, description="The id of its Claude Code session.")
    pane_id: str | None = Field(None, description="tmux's %N: which pane it is in.")


_HOOK: dict[str, Any] = {
    "type": "object",
    "description": "What Claude Code gives its hooks.",
    "properties": {
        "hook_event_name": {"type": "string", "description": "Which hook it is, such as Stop."},
        "session_id": {"type": "string", "description": "The session."},
    },
    "required": ["hook_event_name", "session_id"],
}


def _event() -> dict[str, Any]:
    """Without `null`: a key that is left out is left out."""
    found = Event.model_json_schema()
    for name, field in found["properties"].items():
        (kept,) = [choice for choice in field["anyOf"] if choice != {"type": "null"}]
        found["properties"][name] = {"description": field["description"], **kept}
    return found


def _body(schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


EVENT_BODY = _body({"anyOf": [_event(), _HOOK]})
HOOK_BODY = _body(_HOOK)
"""Of OpenAPI: what a route takes that reads its body itself."""
