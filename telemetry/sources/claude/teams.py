"""What `teams/<team>/config.json` and `teams/<team>/inboxes/<name>.json` say. Texts of messages are not kept."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from telemetry.sources.claude.fields import Fields, in_words
from telemetry.sources.claude.files import UnusableError

IN_PROCESS = "in-process"
_PANE = re.compile(r"%\d{1,9}\Z")
_MOST_MEMBERS = 200
_MOST_NOTES = 200
_LONGEST_NOTE = 20_000
_KINDS = frozenset(
    {"idle_notification", "task_assignment", "shutdown_request", "shutdown_approved", "permission_request"}
)


class Member(NamedTuple):
    """One member of a team.

    Attributes:
        agent_id: `name@team`, as it stands there: to compare with.
        name: Cleaned; "" never.
        role: What kind of agent it is, with its model.
        joined_at: Unix s, 0.0 where unknown.
        pane_id: tmux's %N, or "".
        in_process: It lives in its lead's process.
        folder: Where it works, or "".
        active: Whether it works, as was written last; None where nothing is said.
    """

    agent_id: str
    name: str
    role: str = ""
    joined_at: float = 0.0
    pane_id: str = ""
    in_process: bool = False
    folder: str = ""
    active: bool | None = None


class Team(NamedTuple):
    """One team.

    Attributes:
        name: Cleaned.
        created_at: Unix s, 0.0 where unknown.
        lead_agent_id: Which member leads.
        lead_session_id: The lead's session, or "".
        lead_pid: The lead's process, or None.
        lead_proc_start: When that was started, or "".
        members: In the file's order.
    """

    name: str
    created_at: float = 0.0
    lead_agent_id: str = ""
    lead_session_id: str = ""
    lead_pid: int | None = None
    lead_proc_start: str = ""
    members: tuple[Member, ...] = ()

    @property
    def made_for_session(self) -> bool:
        """Whether every session has such a team, also without teammates: nobody named it."""
        return bool(self.lead_session_id) and self.name == f"session-{self.lead_session_id[:8]}"


class Note(NamedTuple):
    """A message in an inbox, without its text.

    Attributes:
        kind: Its `type` where that is one we know, otherwise "".
        sender: Who it is from, cleaned; of a request, the agent that asks.
        at: Unix s, 0.0 where unknown.
        read: Whether it was read.
    """

    kind: str
    sender: str
    at: float
    read: bool


def team_of(content: Any, folder: str) -> tuple[Team, str]:
    """One team's configuration, and what of it could not be used ("" for nothing).

    Args:
        content: What its JSON says.
        folder: Cleaned name of its folder: the team's name where it doesn't say one.

    Raises:
        UnusableError: It is no configuration of a team.
    """
    if not isinstance(content, dict):
        raise UnusableError("must hold an object")
    fields = Fields(content)
    lead = fields.section("leadProcess")
    team = Team(
        name=fields.name("name") or folder,
        created_at=fields.moment("createdAt"),
        lead_agent_id=fields.raw("leadAgentId")[:400],
        lead_session_id=fields.name("leadSessionId"),
        lead_pid=lead.whole("pid") if lead else None,
        lead_proc_start=lead.word("procStart")[:40] if lead else "",
        members=tuple(_members(fields)),
    )
    return team, in_words(fields.wrong)


def _members(fields: Fields) -> list[Member]:
    found: dict[str, Member] = {}
    for each in fields.sections("members"):
        agent_id, name = each.raw("agentId")[:400], each.name("name")
        name = name or _name_in(agent_id)
        agent_id = agent_id or name
        if not name or agent_id in found or len(found) >= _MOST_MEMBERS:
            continue
        where = each.raw("tmuxPaneId")
        found[agent_id] = Member(
            agent_id=agent_id,
            name=name,
            role=_role(each.name("agentType"), each.name("model")),
            joined_at=each.moment("joinedAt"),
            pane_id=where if _PANE.match(where) else "",
            in_process=IN_PROCESS in {where, each.raw("backendType")},
            folder=each.text("cwd"),
            active=each.truth("isActive"),
        )
    return list(found.values())


def _name_in(agent_id: str) -> str:
    return Fields({"name": agent_id.partition("@")[0]}).name("name")


def _role(kind: str, model: str) -> str:
    return f"{kind} ({model})" if kind and model else kind or model


def notes_of(content: Any) -> tuple[tuple[Note, ...], str]:
    """An inbox, its last two hundred messages, and what of it could not be used ("" for nothing).

    Raises:
        UnusableError: It is no inbox.
    """
    if not isinstance(content, list):
        raise UnusableError("must hold a list")
    fields = Fields({"message": content[-_MOST_NOTES:]})
    notes = tuple(_note(each) for each in fields.sections("message"))
    return notes, in_words(fields.wrong)


def _note(fields: Fields) -> Note:
    inner = _inner(fields.raw("text"))
    kind = inner.get("type")
    known = kind if isinstance(kind, str) and kind in _KINDS else ""
    return Note(known, fields.name("from"), fields.written_moment("timestamp"), bool(fields.truth("read")))


def _inner(text: str) -> dict[str, Any]:
    """A message's text, where it is JSON; what can't be read is a message like any other."""
    if not text.startswith("{") or len(text) > _LONGEST_NOTE:
        return {}
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
