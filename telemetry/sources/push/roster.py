"""Which agents are known by what was sent, what each is called, and whose session is whose.

- Who sends an event names its agent. A session of Claude Code is called as its folder, until a hook tells the name that
  somebody gave it; where two are called the same, the second is «name#2», and so on.
- A session that was cleared or left for another one goes on as the next session in that folder: it is the same agent.
- A teammate in its lead's process has no session: it is told by the id that it has there, and goes with its lead.
"""

from __future__ import annotations

from telemetry.sources.push.agent import PushedAgent
from telemetry.sources.push.hooks import Hook


class NoRoomError(Exception):
    """As many agents are held as may be."""


class PushRoster:
    """Keeps who is known.

    Args:
        most: So many agents are held.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: dict[str, PushedAgent] = {}
        self._teammates: dict[str, PushedAgent] = {}
        self.agents: dict[str, PushedAgent] = {}
        """By name, in the order in which they became known; to be looked at only."""

    def add(self, called: str, *, named: bool, now: float) -> PushedAgent:
        """A further agent, under a name that nobody has.

        Raises:
            NoRoomError: There are as many as may be.
        """
        if len(self.agents) >= self._most:
            raise NoRoomError
        name = self._free_name(called)
        agent = self.agents[name] = PushedAgent(name, called, named=named, now=now)
        return agent

    def take_in(self, agent: PushedAgent) -> None:
        """One that an earlier run knew, and that isn't known yet."""
        self.agents[agent.name] = agent
        if agent.session_id:
            self._sessions.setdefault(agent.session_id, agent)

    def leave(self, agent: PushedAgent) -> bool:
        """It is no longer expected, nor are the teammates in its process. False: it was not."""
        if self.agents.get(agent.name) is not agent:
            return False
        del self.agents[agent.name]
        if self._sessions.get(agent.session_id) is agent:
            del self._sessions[agent.session_id]
        if agent.lead is not None:
            self._teammates = {key: held for key, held in self._teammates.items() if held is not agent}
        for held in [held for held in self._teammates.values() if held.lead is agent]:
            self.leave(held)
        return True

    def bind(self, agent: PushedAgent, session_id: str) -> None:
        """The session is that agent's from now on, and its only one."""
        if self._sessions.get(agent.session_id) is agent:
            del self._sessions[agent.session_id]
        self._sessions[session_id] = agent

    def of_hook(self, name: str | None, hook: Hook, now: float) -> PushedAgent | None:
        """Whose session sent a hook; an agent is made of one that isn't known yet. None: it isn't, and has ended.

        Args:
            name: What it is called, where whoever set the hook up said so.

        Raises:
            NoRoomError: There are as many as may be.
        """
        agent = self._sessions.get(hook.session_id)
        if agent is None and name is not None:
            agent = self.agents.get(name)
        elif agent is None:
            agent = self._same_teammate(hook) if hook.named else self._successor(hook)
        if agent is None and hook.ended:
            return None
        if agent is None:
            agent = self.add(name or hook.called, named=name is not None or hook.named, now=now)
        self.bind(agent, hook.session_id)
        if hook.named and not agent.named:
            self._rename(agent, hook)
        return agent

    def teammate(self, lead: PushedAgent, hook: Hook, now: float) -> PushedAgent | None:
        """The teammate in the lead's process that a hook is about; None: it is the lead, or nobody of that kind.

        Raises:
            NoRoomError: It isn't known yet, and there are as many as may be.
        """
        agent = self._teammates.get(hook.subagent)
        if agent is None and hook.teammate:
            agent = self._teammates[hook.subagent] = self.add(hook.teammate, named=True, now=now)
            agent.lead = lead
        return agent

    def _same_teammate(self, hook: Hook) -> PushedAgent | None:
        """The teammate of that name, should it have begun another session."""
        known = self.agents.get(hook.called)
        return known if known is not None and known.named and known.team == hook.team and known.lead is None else None

    def _successor(self, hook: Hook) -> PushedAgent | None:
        """Whose session has ended to go on as this one."""
        moving = (held for held in self._sessions.values() if held.moves)
        return next((held for held in moving if (held.called, held.folder) == (hook.called, hook.folder)), None)

    def _rename(self, agent: PushedAgent, hook: Hook) -> None:
        """A hook told what somebody called it."""
        if earlier := self._same_teammate(hook):
            self.leave(earlier)
        del self.agents[agent.name]
        agent.name, agent.called, agent.named = self._free_name(hook.called), hook.called, True
        self.agents[agent.name] = agent

    def _free_name(self, called: str) -> str:
        name, number = called, 1
        while name in self.agents:
            number += 1
            name = f"{called}#{number}"
        return name
