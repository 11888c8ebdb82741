"""Alerts are states, not events: an alert has an identity, fires once, changes level, is resolved once.

Pure: what was open and what is seen come in, what is open now and what happened go out. A check that finds nothing new
yields nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
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


@dataclass(frozen=True, slots=True)
class _Finding:
    """What should be open now: the rule's id, the level and the message."""

    rule: str
    level: AlertLevel
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one evaluation: every alert that is open now, and what changed."""

    open: Mapping[Key, Alert]
    events: tuple[AlertEvent, ...] = field(default=())


class Engine:
    """The rules with their thresholds. Holds no state of a cluster."""

    def __init__(self, rules: Iterable[catalogue.Rule] = catalogue.CATALOGUE) -> None:
        self._rules = {rule.id: rule for rule in rules}
        self._idle_from = self._rules[catalogue.AGENT_IDLE.id].lowest
        self._restarts_from = self._rules[catalogue.AGENT_RESTARTING.id].lowest

    def evaluate(self, held: Mapping[Key, Alert], snapshot: ClusterSnapshot) -> Outcome:
        """What is open after `snapshot`, given what was open before it; times are the snapshot's."""
        findings = dict(self._findings(snapshot))
        unseen = {a.name for a in snapshot.agents if a.state is State.UNKNOWN} if snapshot.source_error else set()
        now_open: dict[Key, Alert] = {}
        events: list[AlertEvent] = []
        for key, alert in held.items():
            finding = findings.pop(key, None)
            if finding is not None:
                kept, event = _carry_on(alert, finding)
                now_open[key] = kept
                if event:
                    events.append(event)
            elif key[0] in unseen or (snapshot.source_error and key[0] == ""):
                now_open[key] = alert  # nobody can tell: what was wrong stays wrong until it is seen to be over
            elif not alert.resolved:  # a person may have resolved it before its cause was over
                events.append(_resolve(alert, snapshot))
        for (agent, rule), finding in findings.items():
            alert = Alert(
                level=finding.level,
                agent_name=agent or snapshot.cluster,
                message=finding.message,
                timestamp=snapshot.taken_at,
                cluster=snapshot.cluster,
                rule=rule,
            )
            now_open[agent, rule] = alert
            events.append(AlertEvent(Change.FIRED, alert, finding.message))
        return Outcome(now_open, tuple(events))

    def _findings(self, snapshot: ClusterSnapshot) -> Iterator[tuple[Key, _Finding]]:
        if snapshot.source_error:
            text = f"the source does not answer: {snapshot.source_error}"
            yield from _about("", self._finding(catalogue.SOURCE_FAILING, 0.0, text))
            return
        now = snapshot.taken_at
        idle_from, restarts_from = self._idle_from, self._restarts_from
        busy, idle = State.BUSY, State.IDLE
        for agent in snapshot.agents:
            state = agent.state
            # The many that are well are passed over at once: this loop is what a thousand agents cost.
            if agent.sample.restart_count < restarts_from and (
                state is busy or (state is idle and agent.idle_time(now) < idle_from)
            ):
                continue
            for finding in self._of_agent(agent, now):
                yield (agent.name, finding.rule), finding
        yield from self._of_cluster(snapshot)

    def _of_cluster(self, snapshot: ClusterSnapshot) -> Iterator[tuple[Key, _Finding]]:
        total, stopped = len(snapshot.agents), snapshot.count(State.STOPPED)
        if stopped:
            yield from _about(
                "", self._finding(catalogue.STOPPED_AGENTS, stopped, f"{stopped} of {total} agents stopped")
            )
        if not snapshot.session_exists:
            what = f"session {snapshot.session_name} is gone" if snapshot.session_name else "its session is gone"
        elif total and stopped == total:
            what = f"none of its {total} agents runs"
        else:
            return
        yield from _about("", self._finding(catalogue.CLUSTER_DOWN, 0.0, f"cluster {snapshot.cluster} is down: {what}"))

    def _of_agent(self, agent: AgentHealth, now: float) -> Iterator[_Finding]:
        candidates: list[_Finding | None] = []
        if agent.state is State.STOPPED:
            candidates.append(self._finding(catalogue.AGENT_STOPPED, 0.0, f"agent stopped: {agent.reason}"))
        elif agent.state is State.UNRESPONSIVE:
            candidates.append(
                self._finding(catalogue.AGENT_UNRESPONSIVE, 0.0, f"agent is unresponsive: {agent.reason}")
            )
        elif agent.state is State.IDLE and agent.sample.has_work is not False:
            idle = agent.idle_time(now)
            candidates.append(self._finding(catalogue.AGENT_IDLE, idle, f"agent idle for {idle:.0f} s"))
        restarts = agent.sample.restart_count
        candidates.append(self._finding(catalogue.AGENT_RESTARTING, restarts, f"agent restarted {restarts} times"))
        yield from (finding for finding in candidates if finding)

    def _finding(self, rule: catalogue.Rule, value: float, message: str) -> _Finding | None:
        known = self._rules.get(rule.id)
        level = known.level(value) if known else None
        return _Finding(rule.id, level, message) if level else None


def _about(agent: str, finding: _Finding | None) -> Iterator[tuple[Key, _Finding]]:
    if finding:
        yield (agent, finding.rule), finding


def _carry_on(alert: Alert, finding: _Finding) -> tuple[Alert, AlertEvent | None]:
    """The same alert goes on: the message always as it is now, an event only where the level changed."""
    if finding.level is alert.level:
        if finding.message != alert.message:
            alert.message = finding.message
        return alert, None
    change = Change.ESCALATED if finding.level.rank > alert.level.rank else Change.DEESCALATED
    alert.level, alert.message = finding.level, finding.message
    return alert, AlertEvent(change, replace(alert), finding.message)


def _resolve(alert: Alert, snapshot: ClusterSnapshot) -> AlertEvent:
    alert.resolved, alert.resolved_at = True, snapshot.taken_at
    after = max(0.0, snapshot.taken_at - alert.timestamp)
    return AlertEvent(Change.RESOLVED, alert, f"over after {after:.0f} s: {alert.message}")
