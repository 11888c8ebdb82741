"""Who is expected: sessions and members of teams brought together, each known again by what doesn't change.

A session is known by its process, and when it is resumed in another one, by its id; a member by its place in its team.
The file of a killed session stays behind: it is a ghost while its session isn't resumed, and was long dead when it was
first seen, a leftover that nobody expects.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

from telemetry.clean import clean_name
from telemetry.sources.claude.agents import Agent, Role
from telemetry.sources.claude.processes import Processes, is_elsewhere
from telemetry.sources.claude.sessions import Session
from telemetry.sources.claude.shelf import Shelf

SETTLES_WITHIN = 1.0
"""Seconds in which a new session writes its name and its status, and a new member gets its process."""
ENDS_WITHIN = 2.0
"""Seconds in which a session that ends clears its team away."""
SEARCHED_EVERY = 1.0
"""Seconds from one search of all processes for members to the next."""
_MEMBER_STARTS_WITHIN = 10.0
_SESSION_LEFT = 3600.0
_TEAM_LEFT = 86_400.0


@dataclass(slots=True)
class _Candidate:
    """What the files say of one agent, before it is known which one that is."""

    session: Session | None = None
    path: str = ""
    role: Role | None = None
    fate: str = ""
    first: Session | None = None
    """The oldest of the files of its session: what it was called then."""
    keys: list[str] = field(default_factory=list)


class Roster:
    """Keeps the agents.

    Args:
        shelf: What the files say.
        processes: Whether their processes live.
        team: Only this team's members; "" for all.
        booted_at: When this machine was started (Unix s).
    """

    def __init__(self, shelf: Shelf, processes: Processes, team: str, booted_at: float) -> None:
        self.agents: list[Agent] = []
        self.by_path: dict[str, Agent] = {}
        self.recheck_at = float("inf")
        """When time alone will say something new (Unix s)."""
        self.leading: frozenset[int] = frozenset()
        """By `id`, whose word says something of other members as well."""
        self.gone: list[Agent] = []
        """Who was expected before the last `link` and is no longer."""
        self._shelf = shelf
        self._processes = processes
        self._team = clean_name(team) if team else ""
        self._booted_at = booted_at
        self._fates: dict[str, str] = {}
        self._left: set[str] = set()
        self._forgotten: set[str] = set()
        self._teammates: dict[str, tuple[int, str]] = {}
        self._searched_at = float("-inf")
        self._ended: dict[str, float] = {}

    @property
    def leftovers(self) -> int:
        """How many were long dead when they were first seen."""
        return len(self._left)

    # --- processes --------------------------------------------------------------------------------------------------

    def look_at_processes(self) -> bool:
        """Looks at the process of every session. True: `link` is to find out anew who is there."""
        before, self._fates = self._fates, {}
        for session in self._shelf.sessions.values():
            self.fate(session)
        return before != self._fates or bool(self._shelf.teams) or self.recheck_at < float("inf")

    def fate(self, session: Session) -> str:
        """Why a session's process doesn't run, "" while it does; looked up once until they are looked at anew."""
        found = self._fates.get(session.process)
        if found is None:
            found = "" if is_elsewhere(session.domain) else self._processes.fate(session)
            self._fates[session.process] = found
        return found

    def forget(self, name: str) -> bool:
        """An agent that is gone is expected no more. False: there is none, or it runs."""
        agent = next((agent for agent in self.agents if agent.name == name and agent.fate), None)
        if agent is None:
            return False
        self._forgotten |= agent.keys
        return True

    # --- who --------------------------------------------------------------------------------------------------------

    def link(self, now: float) -> None:
        """Finds out anew who is there, as the files say now."""
        self.recheck_at = float("inf")
        candidates = self._sessions()
        self._add_members(candidates, now)
        present = {key for candidate in candidates for key in candidate.keys}
        present.update(f"p:{session.process}" for session in self._shelf.sessions.values())
        self._left &= present
        self._forgotten &= present
        known = self._known_again(candidates)
        self._find_ended(candidates, known, now)
        expected = [each for each in candidates if self._is_expected(each, known, candidates, now)]
        before, self.agents = self.agents, []
        names = {agent.name for agent in known.values()}
        for candidate in expected:
            agent = known.get(id(candidate)) or self._introduce(candidate, names)
            self._update(agent, candidate, names)
            self.agents.append(agent)
        here = {id(agent) for agent in self.agents}
        self.gone = [agent for agent in before if id(agent) not in here]
        order = {id(agent): number for number, agent in enumerate(before)}
        self.agents.sort(key=lambda agent: order.get(id(agent), len(order)))
        self._find_leads()
        self.by_path = {agent.path: agent for agent in self.agents if agent.path}

    def _sessions(self) -> list[_Candidate]:
        groups: dict[str, list[tuple[str, Session]]] = {}
        for path, session in self._shelf.sessions.items():
            groups.setdefault(session.session_id or f"p:{session.process}", []).append((path, session))
        found: list[_Candidate] = []
        for group in groups.values():
            group.sort(key=lambda item: item[1].started_at)
            if len(group) > 1:  # which of them lives decides who it is: what was seen a while ago won't do
                for _, session in group:
                    self._fates.pop(session.process, None)
            live = [item for item in group if not self.fate(item[1])]
            for path, session in live or group[-1:]:
                keys = [f"p:{session.process}", *([f"s:{session.session_id}"] if session.session_id else [])]
                found.append(_Candidate(session, path, None, self.fate(session), group[0][1], keys))
            superseded = [session for _, session in group if self.fate(session)]
            # one that was outlived by its own session says nothing any more, whatever that is called later
            self._forgotten.update(f"p:{session.process}" for session in (superseded if live else superseded[:-1]))
        self._forget_succeeded(found)
        found.sort(key=lambda each: (each.first.started_at, each.path) if each.first else (0.0, each.path))
        return found

    def _forget_succeeded(self, candidates: Iterable[_Candidate]) -> None:
        """Who was killed in a pane, and whose place another session has taken there, is missed no longer."""
        here = {
            (each.session.pane_id, each.session.folder): each.session.started_at
            for each in candidates
            if each.session and each.session.pane_id and not each.fate
        }
        for each in candidates:
            if each.fate and each.session is not None:
                successor = here.get((each.session.pane_id, each.session.folder), 0.0)
                if successor > each.session.started_at:
                    self._forgotten.add(f"p:{each.session.process}")

    def _add_members(self, candidates: list[_Candidate], now: float) -> None:
        by_session = {each.session.session_id: each for each in candidates if each.session and each.session.session_id}
        by_pid = {each.session.pid: each for each in candidates if each.session and not each.fate}
        self._find_teammates(now)
        for role in list(self._roles()):
            if role.leads:
                found = by_session.get(role.team.lead_session_id) or by_pid.get(role.team.lead_pid or 0)
            else:
                found = by_pid.get(self._teammates.get(role.member.agent_id, (0, ""))[0])
            if found is None:
                candidates.append(_Candidate(None, "", role, self._fate_of_member(role), None, [role.key]))
            elif found.role is None:
                found.role = role
                found.keys.insert(0, role.key)

    def _roles(self) -> Iterator[Role]:
        for folder, team in sorted(self._shelf.teams.items()):
            for member in team.members:
                leads = member.agent_id == team.lead_agent_id
                yield Role(folder, team, member, leads)

    def _find_teammates(self, now: float) -> None:
        """Looks for members' processes by their command lines, if any isn't known to live."""
        self._teammates = {
            agent_id: (pid, identity)
            for agent_id, (pid, identity) in self._teammates.items()
            if self._processes.identity(pid) == identity
        }
        missing = [
            role.member
            for role in self._roles()
            if not role.leads and not role.member.in_process and role.member.agent_id not in self._teammates
        ]
        if not missing:
            return
        if self._searched_at <= now < self._searched_at + SEARCHED_EVERY:
            if any(now - member.joined_at < _MEMBER_STARTS_WITHIN for member in missing):
                self.recheck_at = min(self.recheck_at, self._searched_at + SEARCHED_EVERY)
            return
        self._searched_at = now
        self._teammates = self._processes.members()

    def _fate_of_member(self, role: Role) -> str:
        team, where = role.team, f"in the configuration of team {role.team.name}"
        if role.leads:
            if team.lead_pid is None:
                return f"stands {where}, but no session of it is there"
            gone = self._processes.fate_of(team.lead_pid, team.lead_proc_start, team.created_at)
            return gone and f"a ghost: {where}, but its {gone}"
        if role.member.in_process:
            return ""  # its lead's
        if role.member.agent_id in self._teammates:
            return ""
        return f"never seen: {where}, but no process of it runs"

    def _known_again(self, candidates: Iterable[_Candidate]) -> dict[int, Agent]:
        """By candidate, who it is of those that were there."""
        by_key = {key: agent for agent in self.agents for key in agent.keys}
        found: dict[int, Agent] = {}
        taken: set[int] = set()
        for kinds in (("m:", "p:"), ("s:",)):  # the process first: a session's id may go over to another one
            for candidate in candidates:
                if id(candidate) in found:
                    continue
                matches = (by_key[key] for key in candidate.keys if key.startswith(kinds) and key in by_key)
                agent = next((agent for agent in matches if id(agent) not in taken), None)
                if agent is not None:
                    found[id(candidate)] = agent
                    taken.add(id(agent))
        return found

    def _find_ended(self, candidates: Collection[_Candidate], known: dict[int, Agent], now: float) -> None:
        """A lead's session file that goes means an orderly end, which clears its team away in a moment."""
        self._ended = {folder: at for folder, at in self._ended.items() if folder in self._shelf.teams}
        for candidate in candidates:
            role = candidate.role
            if role is None or not role.leads:
                continue
            if candidate.session is not None:
                self._ended.pop(role.folder, None)
            elif id(candidate) in known and known[id(candidate)].session is not None:
                self._ended[role.folder] = now

    def _is_expected(
        self, candidate: _Candidate, known: dict[int, Agent], candidates: Collection[_Candidate], now: float
    ) -> bool:
        session, role = candidate.session, candidate.role
        if self._team and (role is None or self._team not in {role.folder, role.team.name}):
            return False
        agent = known.get(id(candidate))
        if not candidate.fate and not (role and session is None and self._lead_is_dead(role, candidates)):
            self._forgotten.difference_update(candidate.keys)
            self._left.difference_update(candidate.keys)
            return agent is not None or self._has_settled(session, now)
        if not (self._forgotten | self._left).isdisjoint(candidate.keys):
            return False
        if role is not None and session is None and self._is_ending(role, agent, now):
            return False
        if agent is None and self._is_left(candidate, candidates, now):
            self._left.add(candidate.keys[0])
            return False
        return True

    def _is_ending(self, role: Role, agent: Agent | None, now: float) -> bool:
        """Whether a member without a process has ended in an orderly way, or has yet to start."""
        if agent is not None and agent.ended_at:
            return True
        until = self._ended.get(role.folder, float("-inf")) + ENDS_WITHIN
        if agent is None:
            until = max(until, role.member.joined_at + _MEMBER_STARTS_WITHIN)
        if not until - ENDS_WITHIN - _MEMBER_STARTS_WITHIN <= now < until:
            return False
        self.recheck_at = min(self.recheck_at, until)
        return True

    def _lead_is_dead(self, role: Role, candidates: Collection[_Candidate]) -> bool:
        if role.leads or not role.member.in_process:
            return False
        leads = (each for each in candidates if each.role and each.role.folder == role.folder and each.role.leads)
        return all(each.fate for each in leads)

    def _has_settled(self, session: Session | None, now: float) -> bool:
        """A session's first word doesn't hold its status yet, nor the name that it was given."""
        if session is None or session.status or not session.started_at <= now < session.started_at + SETTLES_WITHIN:
            return True
        self.recheck_at = min(self.recheck_at, session.started_at + SETTLES_WITHIN)
        return False

    def _is_left(self, candidate: _Candidate, candidates: Collection[_Candidate], now: float) -> bool:
        session, role = candidate.session, candidate.role
        heard = max(session.last_sign, session.updated_at) if session else 0.0
        heard = heard or (self._shelf.modified(candidate.path) if candidate.path else 0.0)
        limit = _SESSION_LEFT
        if role is not None:
            heard = max(heard, role.team.created_at, self._shelf.modified(f"teams/{role.folder}/config.json"))
            limit = _SESSION_LEFT if role.team.made_for_session else _TEAM_LEFT
            team = [each for each in candidates if each.role and each.role.folder == role.folder]
            if any(not each.fate and not (each.role and self._lead_is_dead(each.role, team)) for each in team):
                return False  # somebody of it lives
        return heard < max(now - limit, self._booted_at)

    # --- what is known of each --------------------------------------------------------------------------------------

    def _introduce(self, candidate: _Candidate, names: set[str]) -> Agent:
        name, named = self._called(candidate)
        return Agent(self._free(name, candidate.role, names), named, frozenset(candidate.keys))

    def _update(self, agent: Agent, candidate: _Candidate, names: set[str]) -> None:
        session, role = candidate.session, candidate.role
        if session is not None and session.named and not agent.named and (role is None or not role.named):
            names.discard(agent.name)  # a person has named it meanwhile
            agent.name, agent.named, agent.counted = self._free(session.name, role, names), True, ""
        if session is not None and agent.session is not None and session.status_at != agent.session.status_at:
            agent.cpu, agent.quiet = None, False  # what it did before says nothing of its new turn
        agent.keys = frozenset(candidate.keys)
        agent.session, agent.path, agent.role = session, candidate.path, role
        agent.elsewhere = session is not None and is_elsewhere(session.domain)
        if session is not None:
            agent.pid, process = session.pid, session.process
        elif role is not None and role.leads:
            agent.pid, process = role.team.lead_pid, f"{role.team.lead_pid}@{role.team.lead_proc_start}"
        elif role is not None and not role.member.in_process:
            agent.pid, process = self._teammates.get(role.member.agent_id, (agent.pid, ""))
        else:
            process = ""
        if process and process != agent.process:
            agent.process, agent.cpu, agent.sign_at, agent.ended_at = process, None, 0.0, 0.0
        agent.fate = self._in_words(agent, candidate)

    def _in_words(self, agent: Agent, candidate: _Candidate) -> str:
        if not candidate.fate:
            return ""
        if candidate.session is not None:
            return f"{candidate.fate}, and left its session file behind"
        if candidate.role is not None and not candidate.role.leads and agent.process and agent.pid:
            return (
                f"a ghost: in the configuration of team {candidate.role.team.name}, but its process {agent.pid} is gone"
            )
        return candidate.fate

    def _find_leads(self) -> None:
        leads = {agent.role.folder: agent for agent in self.agents if agent.role is not None and agent.role.leads}
        for agent in self.agents:
            if agent.role is None or agent.role.leads:
                agent.lead = None
                continue
            agent.lead = lead = leads.get(agent.role.folder)
            if agent.in_lead:
                agent.pid, agent.process = (lead.pid, lead.process) if lead else (None, "")
                dead = (
                    "" if lead is not None and not lead.fate else "the process of its lead, in which it lived, is gone"
                )
                agent.fate = dead and f"a ghost: in the configuration of team {agent.role.team.name}, but {dead}"
        latched = {id(agent.lead) for agent in self.agents if not agent.fate and not agent.in_lead}
        for agent in self.agents:
            agent.latched = id(agent) in latched
        self.leading = frozenset(id(agent.lead) for agent in self.agents if agent.lead is not None)

    def _called(self, candidate: _Candidate) -> tuple[str, bool]:
        session, role = candidate.session, candidate.role
        if role is not None and role.named:
            return role.member.name, True
        if session is not None and session.named and session.name:
            return session.name, True
        named = next((each for each in (candidate.first, session) if each is not None and each.name), None)
        if named is not None:
            return named.name, False
        folder = (session.folder if session else "") or (role.member.folder if role else "")
        return clean_name(folder.rstrip("/").rpartition("/")[2] or "claude"), False

    def _free(self, name: str, role: Role | None, names: set[str]) -> str:
        if name in names and role is not None and role.named:
            name = clean_name(f"{role.member.name}@{role.team.name}")
        free = name if name not in names else next(f for n in count(2) if (f := f"{name}#{n}") not in names)
        names.add(free)
        return free
