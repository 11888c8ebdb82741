"""One evaluation of one cluster: what is found, and what becomes of each alert. Pure, but for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from telemetry.alerts import findings as judge
from telemetry.alerts import lifecycle
from telemetry.alerts.controls import Controls
from telemetry.alerts.findings import Finding, Findings
from telemetry.alerts.inhibit import Inhibitors
from telemetry.alerts.lifecycle import Damping, Place, Step, Terms
from telemetry.alerts.rules import AGENT_IDLE, AGENT_RESTARTING, AGENT_STOPPED, CATALOGUE, SOURCE_FAILING
from telemetry.alerts.ruleset import RuleSet
from telemetry.alerts.state import EngineState, Outcome
from telemetry.model import (
    AgentHealth,
    AlertEvent,
    AlertMemory,
    ClusterSnapshot,
    Key,
    Phase,
    Reason,
    State,
    Suppression,
)

_MOST_RESTARTS = 100
"""Restarts between two checks that are remembered: a source that counts thousands at once must not fill the memory."""
_NOTHING: Findings = {}
_ENDING = Suppression(Reason.ENDING, "its cause is over; whether that lasts is being waited for")


class Evaluation:
    """One evaluation while it goes on: used once."""

    def __init__(self, rules: RuleSet, damping: Damping, state: EngineState, snapshot: ClusterSnapshot) -> None:
        self._rules, self._damping = rules, damping
        self._state, self._snapshot, self._now = state, snapshot, snapshot.taken_at
        self._before: Sequence[AgentHealth] = state.seen.agents if state.seen else ()
        self._shape = (snapshot.session_exists, snapshot.source_error, len(snapshot.agents))
        answers_again = bool(state.shape) and bool(state.shape[1]) and not snapshot.source_error
        self._is_due = self._now >= state.due_at or answers_again
        # a source that gives no answer says nothing about anybody: what was wrong stays wrong until it is seen to end
        self._blind = bool(snapshot.source_error)
        self._has_others = False
        """Whether an agent may be new: one that takes another's place leaves the number the same."""
        self._new = [] if self._blind else self._seen_anew()
        self._alerts = dict(state.alerts)
        self._found = dict(state.found)
        self._fires = dict(state.memory.fires)
        self._restarts = dict(state.memory.restarts)
        self._events: list[AlertEvent] = []
        self._alerts_changed = self._memory_changed = False
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
        touched = self._judge_agents()
        touched |= self._leave_out_the_gone()
        touched |= self._judge_cluster(controls)
        if self._is_due:
            touched |= self._alerts.keys()
        for key in sorted(touched, key=_in_order):
            self._step(key)
        self._forget_old()
        if touched or self._alerts_changed or self._is_due or controls is not self._state.controls:
            self._suppress(controls)
        before, after = self._state.alerts, self._alerts if self._alerts_changed else self._state.alerts
        memory = AlertMemory(self._fires, self._restarts) if self._memory_changed else self._state.memory
        state = EngineState(
            alerts=after,
            memory=memory,
            found=self._found,
            seen=self._state.seen if self._blind else self._snapshot,
            shape=self._shape,
            controls=controls,
            due_at=min(self._due_at, controls.next_change(self._now)),
        )
        if after is before:
            return Outcome(state, memory_changed=self._memory_changed)
        return Outcome(
            state=state,
            events=tuple(self._events),
            changed=tuple(alert for key, alert in after.items() if before.get(key) is not alert),
            gone=tuple(key for key in before if key not in after),
            memory_changed=self._memory_changed,
        )

    # --- what is found ----------------------------------------------------------------------------------------------

    def _judge_agents(self) -> set[Key]:
        touched: set[Key] = set()
        now, found, restarts = self._now, self._found, self._restarts
        idle_from, restarts_from = self._rules.lowest(AGENT_IDLE.id), self._rules.lowest(AGENT_RESTARTING.id)
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
            now_found, due = judge.of_agent(agent, rules, restarts.get(name, ()), now)
            self._due_at = min(self._due_at, due)
            touched |= self._take(name, now_found)
        return touched

    def _take(self, agent: str, now_found: Findings) -> set[Key]:
        """Keeps what was found, and says of which alerts the step must be made."""
        before = self._found.get(agent, _NOTHING)
        if now_found:
            self._found[agent] = now_found
        else:
            self._found.pop(agent, None)
        return {
            Key(agent, rule) for rule in before.keys() | now_found.keys() if before.get(rule) != now_found.get(rule)
        }

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
            found = {**self._found.get("", _NOTHING), **found}
        return self._take("", found)

    # --- what becomes of it -----------------------------------------------------------------------------------------

    def _step(self, key: Key) -> None:
        rules = self._rules.of_agent(key.agent, self._role(key)) if key.agent else self._rules.of_cluster()
        rule = rules.get(key.rule)
        finding: Finding | None = self._found.get(key.agent, _NOTHING).get(key.rule)
        alert = self._alerts.get(key)
        if rule is None or not rule.enabled:
            if alert is not None:
                self._end(key, Reason.RULE_OFF)
            return
        if alert is not None and self._is_held(key, finding):
            self._due_at = self._now  # it is looked at again as soon as somebody can tell
            return
        terms = Terms(rule, self._fires.get(key, ()), self._damping, self._now)
        if alert is not None:
            step = lifecycle.go_on(alert, finding, terms)
        elif finding is not None:
            place = Place(self._snapshot.cluster, key.agent, key.rule, self._role(key))
            step = lifecycle.begin(place, finding, terms)
        else:
            return
        self._apply(key, step)

    def _is_held(self, key: Key, finding: Finding | None) -> bool:
        """Whether nobody can tell if the cause is over: then it goes on as it is."""
        if finding is not None:
            return False
        if self._blind:
            return key.rule != SOURCE_FAILING.id
        return key.agent in self._unknown

    @cached_property
    def _unknown(self) -> set[str]:
        return {agent[0][0] for agent in self._snapshot.agents if agent[1] is State.UNKNOWN}

    def _role(self, key: Key) -> str:
        alert = self._alerts.get(key)
        if alert is not None:
            return alert.role
        return next((agent.sample.role for agent, _ in self._new if agent[0][0] == key.agent), "")

    def _end(self, key: Key, reason: Reason) -> None:
        self._apply(key, lifecycle.end(self._alerts[key], reason, self._now))

    def _apply(self, key: Key, step: Step) -> None:
        if step.alert is None:
            self._alerts_changed |= self._alerts.pop(key, None) is not None
        elif self._alerts.get(key) is not step.alert:
            self._alerts[key] = step.alert
            self._alerts_changed = True
        if step.event is not None:
            self._events.append(step.event)
        if step.fires is not None:
            self._fires[key] = step.fires
            self._memory_changed = True
        self._due_at = min(self._due_at, step.due_at)

    def _forget_old(self) -> None:
        """The memory holds only what may still matter."""
        if not self._is_due:
            return
        window = max((rule.window for rule in self._rules.rules), default=0.0)
        fires = _since(self._now - self._damping.window, self._fires)
        restarts = _since(self._now - window, self._restarts)
        if (fires, restarts) != (self._fires, self._restarts):
            self._fires, self._restarts, self._memory_changed = fires, restarts, True

    def _suppress(self, controls: Controls) -> None:
        """Says of every alert that fires whether, and why, it is not to be told."""
        inhibitors = Inhibitors(self._alerts.values())
        for key, alert in list(self._alerts.items()):
            if alert.phase is not Phase.FIRING:
                continue
            finding = self._found.get(key.agent, _NOTHING).get(key.rule)
            why = controls.suppression(alert, self._now) or (finding.unheard if finding is not None else None)
            why = why or inhibitors.suppression(alert)
            if why is None and alert.lower_since is not None and finding is None:
                why = _ENDING
            if why != alert.suppressed:
                self._alerts[key] = replace(alert, suppressed=why)
                self._alerts_changed = True


K = TypeVar("K")


def _since(oldest: float, remembered: Mapping[K, tuple[float, ...]]) -> dict[K, tuple[float, ...]]:
    """What of it is later than `oldest`."""
    return {key: kept for key, times in remembered.items() if (kept := tuple(at for at in times if at > oldest))}


_ORDER = {rule.id: at for at, rule in enumerate(CATALOGUE)}


def _in_order(key: Key) -> tuple[int, str, str]:
    return _ORDER.get(key.rule, len(_ORDER)), key.rule, key.agent
