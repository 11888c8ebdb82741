"""The engine: what was open and what is seen come in, what is open now and what happened go out. Pure.

Alerts are states, not events: an alert has an identity (cluster, agent, rule), fires once, changes its level, is over
once. A check that finds nothing new yields nothing, and costs one comparison an agent however many alerts are open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from telemetry.alerts import lifecycle
from telemetry.alerts.controls import Controls
from telemetry.alerts.evaluation import Evaluation
from telemetry.alerts.given import Given, GivenEvaluation
from telemetry.alerts.lifecycle import Damping
from telemetry.alerts.rule import Rule
from telemetry.alerts.rules import CATALOGUE
from telemetry.alerts.ruleset import RuleSet
from telemetry.alerts.state import EngineState, Outcome
from telemetry.model import (
    Acknowledgement,
    AlertEvent,
    Change,
    ClusterSnapshot,
    Key,
    Phase,
    Reason,
)

_NO_CONTROLS = Controls()


class Engine:
    """The rules of one cluster. Holds no state of it."""

    def __init__(self, rules: RuleSet | Iterable[Rule] = CATALOGUE, damping: Damping | None = None) -> None:
        self._rules = rules if isinstance(rules, RuleSet) else RuleSet(tuple(rules))
        self._damping = damping or Damping()

    @property
    def rules(self) -> RuleSet:
        """The rules that are applied."""
        return self._rules

    def evaluate(self, state: EngineState, snapshot: ClusterSnapshot, controls: Controls | None = None) -> Outcome:
        """What is open after `snapshot`, given what was open before it; times are the snapshot's."""
        controls = _NO_CONTROLS if controls is None else controls
        if self._rules.cluster != snapshot.cluster:  # a cluster may get its name from the first answer
            self._rules = self._rules.for_cluster(snapshot.cluster)
        run = Evaluation(self._rules, self._damping, state, snapshot)
        if run.nothing_new(controls):
            return Outcome(state)
        return run.outcome(controls)

    def judge(self, state: EngineState, given: Given, controls: Controls | None = None) -> Outcome:
        """The same for what somebody else found."""
        self._rules = self._rules.for_cluster(given.cluster)
        return GivenEvaluation(self._rules, self._damping, state, given).outcome(controls or _NO_CONTROLS)

    @staticmethod
    def acknowledge(state: EngineState, key: Key, by: str, note: str, now: float) -> Outcome:
        """Somebody takes care of an alert that fires.

        Raises:
            KeyError: No such alert fires.
        """
        alert = state.alerts[key]
        if alert.phase is not Phase.FIRING:
            raise KeyError(key)
        known = replace(alert, acknowledged=Acknowledgement(by, now, alert.level, note))
        text = f"acknowledged by {by}" + (f": {note}" if note else "")
        event = AlertEvent(Change.ACKNOWLEDGED, known, Reason.PERSON, now, text)
        return Outcome(replace(state, alerts={**state.alerts, key: known}), (event,), (known,))

    @staticmethod
    def dismiss(state: EngineState, keys: Iterable[Key], now: float) -> Outcome:
        """A person resolves alerts: they are over, and quiet until their cause was over once. Unknown keys: nothing."""
        alerts = dict(state.alerts)
        events: list[AlertEvent] = []
        for key in keys:
            alert = alerts.get(key)
            if alert is None or alert.phase is not Phase.FIRING:
                continue
            alerts[key] = replace(alert, phase=Phase.DISMISSED, suppressed=None)
            events.append(AlertEvent(Change.DISMISSED, alerts[key], Reason.PERSON, now, f"resolved: {alert.message}"))
        return Outcome(replace(state, alerts=alerts), tuple(events), tuple(event.alert for event in events))

    @staticmethod
    def end_all(state: EngineState, reason: Reason, now: float) -> Outcome:
        """Every alert is over: its cluster is watched no longer."""
        steps = [lifecycle.end(alert, reason, now) for alert in state.alerts.values()]
        events = tuple(step.event for step in steps if step.event)
        return Outcome(EngineState(), events, gone=tuple(state.alerts), memory_changed=True)
