"""Alerts are states, not events: an alert has an identity, fires once, changes level, is resolved once.

Pure: what was open and what is seen come in, what is open now and what happened go out. A check that finds nothing new
yields nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from telemetry.alerts import rules as catalogue
from telemetry.model import AgentHealth, Alert, AlertLevel, ClusterSnapshot, State

Key = tuple[str, str]
"""An alert's identity in its cluster: (agent name, or "" for the cluster itself; rule id)."""


class Change(StrEnum):
    """What happened to an alert."""

    FIRED = "fired"
    ESCALATED = "escalated"
    DEESCALATED = "deescalated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class AlertEvent:
    """One thing that happened to one alert; `text` says it in one line."""

    change: Change
    alert: Alert
    text: str

    def told(self) -> Alert:
        """The alert as a callback is told: a copy; one that is over comes as INFO, saying so in its message."""
        if self.change is Change.RESOLVED:
            return replace(self.alert, level=AlertLevel.INFO, message=self.text)
        return replace(self.alert)


_Findings = dict[Key, tuple[AlertLevel, str]]
"""What should be open now: the level and the message of each."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one evaluation: every alert that is open now, and what changed."""

    open: Mapping[Key, Alert]
    events: tuple[AlertEvent, ...] = field(default=())


class Engine:
    """The rules with their thresholds. Holds no state of a cluster."""

    def __init__(self, rules: Iterable[catalogue.Rule] = catalogue.CATALOGUE) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._idle_from = self._lowest(catalogue.AGENT_IDLE)
        self._restarts_from = self._lowest(catalogue.AGENT_RESTARTING)

    def _lowest(self, rule: catalogue.Rule) -> float:
        known = self._rules.get(rule.id)
        return known.lowest if known else math.inf

    def evaluate(self, held: Mapping[Key, Alert], snapshot: ClusterSnapshot) -> Outcome:
        """What is open after `snapshot`, given what was open before it; times are the snapshot's."""
        findings = self._findings(snapshot)
        unseen = {agent.name for agent in snapshot.agents if agent.state is State.UNKNOWN}
        now_open: dict[Key, Alert] = {}
        events: list[AlertEvent] = []
        for key, alert in held.items():
            finding = findings.pop(key, None)
            if finding is not None:
                kept, event = _carry_on(alert, *finding)
                now_open[key] = kept
                if event:
                    events.append(event)
            elif snapshot.source_error or key[0] in unseen:
                now_open[key] = alert  # nobody can tell: what was wrong stays wrong until it is seen to be over
            elif not alert.resolved:  # a person may have resolved it before its cause was over
                events.append(_resolve(alert, snapshot))
        for (agent, rule), (level, message) in findings.items():
            alert = Alert(
                level=level,
                agent_name=agent or snapshot.cluster,
                message=message,
                timestamp=snapshot.taken_at,
                cluster=snapshot.cluster,
                rule=rule,
            )
            now_open[agent, rule] = alert
            events.append(AlertEvent(Change.FIRED, alert, message))
        return Outcome(now_open, tuple(events))

    def _findings(self, snapshot: ClusterSnapshot) -> _Findings:
        found: _Findings = {}
        if snapshot.source_error:
            text = f"the source does not answer: {snapshot.source_error}"
            self._find(found, "", catalogue.SOURCE_FAILING, 0.0, text)
            return found
        now = snapshot.taken_at
        idle_from, restarts_from = self._idle_from, self._restarts_from
        busy, idle = State.BUSY, State.IDLE
        for agent in snapshot.agents:
            sample, state = agent[0], agent[1]
            # The many that are well are passed over at once: this loop is what a thousand agents cost.
            if sample[3] < restarts_from and (
                state is busy or (state is idle and now - (sample[4] or agent[4]) < idle_from)
            ):
                continue
            self._of_agent(found, agent, now)
        self._of_cluster(found, snapshot)
        return found

    def _of_cluster(self, found: _Findings, snapshot: ClusterSnapshot) -> None:
        total, stopped = len(snapshot.agents), snapshot.count(State.STOPPED)
        if stopped:
            self._find(found, "", catalogue.STOPPED_AGENTS, stopped, f"{stopped} of {total} agents stopped")
        if not snapshot.session_exists:
            what = f"session {snapshot.session_name} is gone" if snapshot.session_name else "its session is gone"
        elif total and stopped == total:
            what = f"none of its {total} agents runs"
        else:
            return
        self._find(found, "", catalogue.CLUSTER_DOWN, 0.0, f"cluster {snapshot.cluster} is down: {what}")

    def _of_agent(self, found: _Findings, agent: AgentHealth, now: float) -> None:
        sample, state = agent[0], agent[1]
        if state is State.STOPPED:
            self._find(found, sample.name, catalogue.AGENT_STOPPED, 0.0, f"agent stopped: {agent.reason}")
        elif state is State.IDLE:
            if sample.has_work is not False:
                idle = agent.idle_time(now)
                self._find(found, sample.name, catalogue.AGENT_IDLE, idle, f"agent idle for {idle:.0f} s")
        elif state is State.UNRESPONSIVE:
            reason = f"agent is unresponsive: {agent.reason}"
            self._find(found, sample.name, catalogue.AGENT_UNRESPONSIVE, 0.0, reason)
        restarts = sample.restart_count
        if restarts >= self._restarts_from:
            self._find(found, sample.name, catalogue.AGENT_RESTARTING, restarts, f"agent restarted {restarts} times")

    def _find(self, found: _Findings, agent: str, rule: catalogue.Rule, value: float, message: str) -> None:
        known = self._rules.get(rule.id)
        if known and (level := known.level(value)):
            found[agent, rule.id] = (level, message)


def _carry_on(alert: Alert, level: AlertLevel, message: str) -> tuple[Alert, AlertEvent | None]:
    """The same alert goes on: the message always as it is now, an event only where the level changed."""
    alert.message = message
    if level is alert.level or alert.resolved:  # what a person resolved is quiet until its cause was over once
        alert.level = level
        return alert, None
    change = Change.ESCALATED if level.rank > alert.level.rank else Change.DEESCALATED
    alert.level = level
    return alert, AlertEvent(change, replace(alert), message)


def _resolve(alert: Alert, snapshot: ClusterSnapshot) -> AlertEvent:
    alert.resolved, alert.resolved_at = True, snapshot.taken_at
    after = max(0.0, snapshot.taken_at - alert.timestamp)
    return AlertEvent(Change.RESOLVED, alert, f"over after {after:.0f} s: {alert.message}")
