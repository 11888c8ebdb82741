"""What is said of one agent, by what its files and its process say. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from telemetry.model import AgentSample, Detail, State
from telemetry.sources.claude.agents import Agent
from telemetry.sources.claude.sessions import Session
from telemetry.sources.claude.tasks import Work
from telemetry.sources.claude.teams import Note

Inboxes = Mapping[tuple[str, str], tuple[Note, ...]]

_AHEAD = 5.0
"""Seconds by which a time may lie ahead of ours: a little is a clock's own error, more is no time to believe."""


def sample_of(agent: Agent, work: Work | None, inboxes: Inboxes, now: float) -> AgentSample:
    """Says what is known.

    Args:
        agent: What is known of it.
        work: What its team's tasks say of it; None where the team has none.
        inboxes: The messages of all teams.
        now: Unix s when the check began; a file may have been written a little later.
    """
    if agent.elsewhere:
        state, reason = (
            State.UNKNOWN,
            "its process is on another machine or in another container: only its file is seen",
        )
    elif agent.fate:
        state, reason = None, agent.fate
    elif agent.session is not None:
        state, reason = _state_of_session(agent.session)
        if state is State.BUSY and agent.latched and agent.quiet:
            state, reason = State.IDLE, "its process does nothing; it says busy as long as teammates in panes live"
    elif agent.in_lead:
        state, reason = _state_inside(agent, inboxes)
    else:
        state, reason = _state_of_member(agent, inboxes)
    sample = AgentSample(
        name=agent.name,
        running=not agent.fate,
        role=agent.role.member.role if agent.role else "",
        restart_count=agent.restarts,
        last_activity=_last_activity(agent, now),
        reported=state,
        has_work=_has_work(agent, work),
        pid=None if agent.fate or agent.elsewhere else agent.pid,
        reason=reason,
        detail=_detail(agent, work),
    )
    return agent.sample if agent.sample is not None and agent.sample == sample else sample


def _state_of_session(session: Session) -> tuple[State | None, str]:
    match session.status:
        case "waiting":
            return State.WAITING, f"waits for a person: {session.waiting_for}" if session.waiting_for else ""
        case "shell":
            return State.BUSY, "its turn is over, but a command that it started still runs"
        case "" | "busy" | "idle":
            return session.state, ""
        case word:
            return None, f"says «{word}», a word that is not known here"


def _state_inside(agent: Agent, inboxes: Inboxes) -> tuple[State | None, str]:
    """A member in its lead's process: the lead says that it is busy while any of its members works."""
    if agent.waits(inboxes):
        return State.WAITING, "waits for a permission that a person must give its lead"
    if agent.idle_at > agent.woken_at:
        return State.IDLE, "told its lead that its turn is over"
    lead = agent.lead.session if agent.lead is not None else None
    if lead is None:
        return None, ""
    if lead.state is State.BUSY:
        return State.BUSY, f"works in the process of its lead {agent.lead.name}" if agent.lead else ""
    return State.IDLE, "nothing works in the process of its lead"


def _state_of_member(agent: Agent, inboxes: Inboxes) -> tuple[State | None, str]:
    """A process without a session file: its team's configuration says whether it works."""
    if agent.is_teammate and agent.waits(inboxes):
        return State.WAITING, "waits for a permission that a person must give its lead"
    active = agent.role.member.active if agent.role else None
    if active is None:
        return None, ""
    return (State.BUSY, "") if active else (State.IDLE, "")


def _last_activity(agent: Agent, now: float) -> float:
    session = agent.session
    signs = [agent.sign_at, agent.idle_at, agent.woken_at if agent.in_lead else 0.0]
    if session is not None:
        written = (session.status_at, session.updated_at, session.started_at)
        signs.append(next((sign for sign in written if 0.0 < sign <= now + _AHEAD), 0.0))
    elif agent.role is not None:
        signs.append(agent.role.member.joined_at)
    return max((sign for sign in signs if sign <= now + _AHEAD), default=0.0)


def _has_work(agent: Agent, work: Work | None) -> bool | None:
    if agent.assigned:
        return True
    return work.has_work if work is not None else None


def _detail(agent: Agent, work: Work | None) -> Detail:
    session = agent.session
    member = agent.role.member if agent.role else None
    return Detail(
        pane_id=(session.pane_id if session else "") or (member.pane_id if member else ""),
        session_id=session.session_id if session else "",
        named=agent.named,
        task=work.at if work else "",
        folder=(session.folder if session else "") or (member.folder if member else ""),
        team=agent.role.team.name if agent.role else "",
    )
