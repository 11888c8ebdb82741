"""One evaluation of one cluster of agents: what is found, from what was seen anew. Pure, but for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property

from telemetry.alerts import findings as judge
from telemetry.alerts.controls import Controls
from telemetry.alerts.findings import Finding
from telemetry.alerts.lifecycle import Damping
from telemetry.alerts.rules import AGENT_IDLE, AGENT_RESTARTING, AGENT_STOPPED, SOURCE_FAILING
from telemetry.alerts.ruleset import RuleSet
from telemetry.alerts.state import EngineState, Outcome
from telemetry.alerts.steps import NOTHING, Steps
from telemetry.model import AgentHealth, ClusterSnapshot, Key, Reason, State

_MOST_RESTARTS = 100
"""Restarts between two checks that are remembered: a source that counts thousands at once must not fill the memory."""
_NEVER = (math.inf, math.inf)


class Evaluation(Steps):
    """One evaluation while it goes on: used once."""

    def __init__(self, rules: RuleSet, damping: Damping, state: EngineState, snapshot: ClusterSnapshot) -> None:
        super().__init__(rules, damping, state, snapshot.cluster, snapshot.taken_at)
        self._snapshot = snapshot
        self._before: Sequence[AgentHealth] = state.seen.agents if state.seen else ()
        self._shape = (snapshot.session_exists, snapshot.source_error, len(snapshot.agents))
        answers_again = bool(state.shape) and bool(state.shape[1]) and not snapshot.source_error
        self._is_due = self._is_due or answers_again
        # a source that gives no answer says nothing about anybody: what was wrong stays wrong until it is seen to end
        self._blind = bool(snapshot.source_error)
        self._has_others = False
        """Whether an agent may be new: one that takes another's place leaves the number the same."""
        self._new = [] if self._blind else self._seen_anew()
        self._due_at = math.inf if self._is_due else state.due_at

    def _seen_anew(self) -> Sequence[tuple[AgentHealth, AgentHealth | None]]:
        """Agents of which something is other than at the last answer; for a due state, all.

        Each comes with what stood in its place then, which mostly was itself, or None.
        """
        agents, before = self._snapshot.agents, self._before
        if self._is_due or len(agents) != len(before):
            pairs = [(agent, self._known.get(agent[0][0])) for agent in agents]
            return pairs if self._is_due else [pair for pair in pairs if pair[0] is not pair[1]]
        if agents is before:
            return []
        return [pair for pair in zip(agents, before, strict=True) if pair[0] is not pair[1]]

    @cached_property
    def _known(self) -> Mapping[str, AgentHealth]:
        """The agents of the last answer, by name."""
        return {agent[0][0]: agent for agent in self._before}

    def nothing_new(self, controls: Controls) -> bool:
        """Whether this evaluation can't find anything."""
        return (
            not self._is_due and not self._new and self._shape == self._state.shape and controls is self._state.controls
        )

    def outcome(self, controls: Controls) -> Outcome:
        """Everything, once."""
        self._ahead = self._still_ahead()
        touched = self._judge_agents()
        touched |= self._leave_out_the_gone()
        touched |= self._judge_cluster(controls)
        return self._settle(touched, controls, self._state.seen if self._blind else self._snapshot, self._shape)

    # --- what is found ----------------------------------------------------------------------------------------------

    def _still_ahead(self) -> Mapping[str, tuple[float, float]]:
        """Which agents tell a time of a clock that was set back since the last answer, or earlier.

        What it counts as is kept as long as they tell it: the time of the clock of now reaches it one day.
        """
        now, held, seen = self._now, self._state.ahead, self._state.seen
        set_back = seen is not None and now < seen.taken_at
        if self._blind or not (set_back or held):
            return held
        ahead: dict[str, tuple[float, float]] = {}
        for agent in self._snapshot.agents:
            name = agent[0][0]
            if not set_back and name not in held:
                continue
            told, (before, counts_as) = judge.quiet_since(agent), held.get(name, _NEVER)
            if told == before and counts_as <= now:
                ahead[name] = (told, counts_as)
            elif told > now:
                ahead[name] = (told, now)
        return ahead

    def _judge_agents(self) -> set[Key]:
        touched: set[Key] = set()
        now, found, restarts = self._now, self._found, self._restarts
        idle_from, restarts_from = self._rules.lowest(AGENT_IDLE.id), self._rules.lowest(AGENT_RESTARTING.id)
        ahead = self._ahead
        if ahead:
            idle_from = -math.inf  # whoever is idle is looked at: its own time may not be what counts
        busy, idle = State.BUSY, State.IDLE
        for agent, in_its_place in self._new:
            sample, state = agent[0], agent[1]
            name = sample[0]
            was = in_its_place
            if was is not None and was[0][0] != name:  # another order, or others
                self._has_others = True
                was = self._known.get(name)
                if was is agent:
                    continue
            count = sample[3]
            # The many that are well are passed over at once: this loop is what a thousand agents cost.
            restarted = count and was is not None and count > was[0][3]
            if not restarted and count < restarts_from and name not in found and name not in restarts:
                if state is busy:
                    continue
                if state is idle and now < (due := (sample[4] or agent[4]) + idle_from):
                    self._due_at = min(self._due_at, due)
                    continue
            if state is State.UNKNOWN:
                continue  # nobody can tell of this one: what was wrong with it stays
            if was is not None and restarted:
                restarts[name] = (*restarts.get(name, ()), *(now,) * min(count - was[0][3], _MOST_RESTARTS))
                self._memory_changed = True
            rules = self._rules.of_agent(name, sample.role)
            now_found, due = judge.of_agent(agent, rules, restarts.get(name, ()), now, ahead.get(name, _NEVER)[1])
            self._due_at = min(self._due_at, due)
            touched |= self._take(name, now_found)
        return touched

    def _leave_out_the_gone(self) -> set[Key]:
        """Agents that are no longer expected take their alerts along."""
        if self._blind or (not self._is_due and self._shape == self._state.shape and not self._has_others):
            return set()
        here = {agent[0][0] for agent in self._snapshot.agents}
        touched: set[Key] = set()
        for key in list(self._alerts):
            if key.agent and key.agent not in here:
                self._end(key, Reason.GONE)
        for name in [name for name in self._found if name and name not in here]:
            touched |= self._take(name, {})
        for name in self._restarts.keys() - here:
            del self._restarts[name]
            self._memory_changed = True
        return touched

    def _judge_cluster(self, controls: Controls) -> set[Key]:
        rules, cluster = self._rules.of_cluster(), self._snapshot.cluster
        quiet = {
            agent.name: why
            for agent in (self._snapshot.agents if controls.silences or controls.maintenance else ())
            if agent.state is State.STOPPED
            and (why := controls.why_unheard(cluster, agent.name, agent.sample.role, AGENT_STOPPED.id, self._now))
        }
        found = judge.of_cluster(self._snapshot, rules, quiet)
        if self._blind:
            found = {**self._found.get("", NOTHING), **found}
        return self._take("", found)

    # --- of whom nobody can tell, and who they are -------------------------------------------------------------------

    def _is_held(self, key: Key, finding: Finding | None) -> bool:
        if finding is not None:
            return False
        if self._blind:
            return key.rule != SOURCE_FAILING.id
        return key.agent in self._unknown

    @cached_property
    def _unknown(self) -> set[str]:
        return {agent[0][0] for agent in self._snapshot.agents if agent[1] is State.UNKNOWN}

    def _role_of(self, key: Key) -> str:
        return next((agent.sample.role for agent, _ in self._new if agent[0][0] == key.agent), "")
