"""One agent that Claude Code's files know of: a session, a member of a team, or both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from telemetry.model import AgentSample, State
from telemetry.sources.claude.sessions import Session
from telemetry.sources.claude.teams import Member, Note, Team


@dataclass(frozen=True, slots=True)
class Role:
    """What an agent is in a team.

    Attributes:
        folder: The team's folder.
        team: The team.
        member: The agent in it.
        leads: Whether it leads the team.
    """

    folder: str
    team: Team
    member: Member
    leads: bool

    @property
    def key(self) -> str:
        return f"m:{self.folder}/{self.member.agent_id}"

    @property
    def named(self) -> bool:
        """Whether somebody gave it its name: the lead of a team that every session has, is the session."""
        return not (self.leads and self.team.made_for_session)


@dataclass(slots=True)
class Agent:
    """What is known of one agent.

    Attributes:
        name: Its name, once given.
        named: Whether somebody gave it that name.
        keys: By what it is known again.
        path: Its session file below the folder, or "".
        session: What that says.
        role: What it is in a team, or None.
        lead: Who leads its team; None for the lead itself and where there is no team.
        pid: Its process; of a member that lives in its lead's process, that one. None where it isn't known.
        process: Tells that process from every other; "" while none was ever seen.
        fate: Why it doesn't run, in words; "" while it does.
        elsewhere: Its process belongs to another machine or container.
        cpu: Processor time when it was last looked at while it said it was busy.
        cpu_at: When that was (Unix s).
        sign_at: When its process was last seen at work (Unix s).
        quiet: Whether it used next to no processor time from the look before to the last one.
        latched: Whether its «busy» says nothing: that of a lead stays while teammates in panes live.
        idle_at: When it told its lead that its turn was over.
        woken_at: When it was last written to.
        asked_at: When it asked its lead for a permission; 0.0 when that was answered.
        ended_at: When it agreed to end.
        assigned: Whether a task was assigned to it by message, and its turn isn't over since.
        restarts: How often it was started again.
        counted: The identity that `restarts` counted last.
        sample: What was last said of it.
    """

    name: str
    named: bool
    keys: frozenset[str]
    path: str = ""
    session: Session | None = None
    role: Role | None = None
    lead: Agent | None = None
    pid: int | None = None
    process: str = ""
    fate: str = ""
    elsewhere: bool = False
    cpu: float | None = None
    cpu_at: float = 0.0
    sign_at: float = 0.0
    quiet: bool = False
    latched: bool = False
    idle_at: float = 0.0
    woken_at: float = 0.0
    asked_at: float = 0.0
    ended_at: float = 0.0
    assigned: bool = False
    restarts: int = 0
    counted: str = ""
    sample: AgentSample | None = None

    @property
    def in_lead(self) -> bool:
        """It has no process of its own, but lives in its lead's."""
        return self.session is None and self.role is not None and self.role.member.in_process and not self.role.leads

    @property
    def is_teammate(self) -> bool:
        """Its state is not in a session file, but in its team's configuration."""
        return self.session is None and self.role is not None and not self.role.leads

    @property
    def identity(self) -> str:
        """What it runs as: a session keeps its id in another process, a member its place."""
        whose = "member" if self.is_teammate or self.session is None else self.session.session_id
        return f"{whose}/{self.process}"

    @property
    def says_busy(self) -> bool:
        """Whether it says that it works, so that its process has to show it."""
        if self.session is not None:
            return self.session.state is State.BUSY
        return self.role is not None and (self.role.member.active is not False or self.in_lead)

    def hear(self, inboxes: Mapping[tuple[str, str], tuple[Note, ...]], now: float) -> None:
        """Takes note of what the messages in its team say of it."""
        if self.role is None or self.role.leads:
            return
        folder, me = self.role.folder, self.role.member.name
        told = inboxes.get((folder, _name_of(self.lead)), ())
        mine = inboxes.get((folder, me), ())
        from_me = [note for note in told if note.sender == me]
        self.idle_at = _latest(from_me, {"idle_notification"}, self.idle_at, now)
        self.ended_at = _latest(from_me, {"shutdown_approved"}, self.ended_at, now)
        asked_at = _latest(from_me, {"permission_request"}, 0.0, now)
        if asked_at:
            self.asked_at = asked_at
        elif self.asked_at and not self._lead_asks():
            self.asked_at = 0.0
        self.woken_at = _latest(mine, {"", "task_assignment", "permission_request"}, self.woken_at, now)
        assigned_at = _latest(mine, {"task_assignment"}, 0.0, now)
        if assigned_at:
            self.assigned = True
        if self.idle_at > max(assigned_at, self.woken_at):
            self.assigned = False

    def _lead_asks(self) -> bool:
        """Whether the lead puts a question to a person, or had no time yet to do so."""
        lead = self.lead.session if self.lead is not None else None
        if lead is None:
            return False
        return lead.state is State.WAITING or lead.status_at <= self.asked_at

    def waits(self, inboxes: Mapping[tuple[str, str], tuple[Note, ...]]) -> bool:
        """Whether a permission that it asked for stands out."""
        if not self.asked_at or self.role is None:
            return False
        told = inboxes.get((self.role.folder, _name_of(self.lead)), ())
        unread = any(
            note.kind == "permission_request" and not note.read and note.sender == self.role.member.name
            for note in told
        )
        lead = self.lead.session if self.lead is not None else None
        return unread or (lead is not None and lead.state is State.WAITING)


def _name_of(lead: Agent | None) -> str:
    return lead.role.member.name if lead is not None and lead.role is not None else "team-lead"


def _latest(notes: Iterable[Note], kinds: set[str], before: float, now: float) -> float:
    """When the last such message was written, in the future never."""
    return max((min(note.at or now, now) for note in notes if note.kind in kinds), default=before)
