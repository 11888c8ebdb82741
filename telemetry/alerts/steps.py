"""What becomes of each alert with what is found now: the part of an evaluation that asks nobody what it is about."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from telemetry.alerts import lifecycle
from telemetry.alerts.controls import Controls
from telemetry.alerts.findings import Finding, Findings
from telemetry.alerts.inhibit import Inhibitors
from telemetry.alerts.lifecycle import Damping, Place, Step, Terms
from telemetry.alerts.rules import CATALOGUE
from telemetry.alerts.ruleset import RuleSet
from telemetry.alerts.state import EngineState, Outcome
from telemetry.model import AlertEvent, AlertMemory, ClusterSnapshot, Key, Phase, Reason, Suppression

NOTHING: Findings = {}
_ENDING = Suppression(Reason.ENDING, "its cause is over; whether that lasts is being waited for")


class Steps:
    """One evaluation while it goes on: used once. Who judges says what is found, and of whom nobody can tell.

    Args:
        rules: Applied.
        damping: When an alert counts as flapping.
        state: What the evaluation before left.
        cluster: Whose alerts they are.
        now: When (Unix s).
    """

    def __init__(self, rules: RuleSet, damping: Damping, state: EngineState, cluster: str, now: float) -> None:
        self._rules, self._damping, self._state, self._cluster, self._now = rules, damping, state, cluster, now
        self._is_due = now >= state.due_at or now < state.judged_at
        self._alerts = dict(state.alerts)
        self._found = dict(state.found)
        self._fires = dict(state.memory.fires)
        self._restarts = dict(state.memory.restarts)
        self._ahead = state.ahead
        self._events: list[AlertEvent] = []
        self._alerts_changed = self._memory_changed = False
        self._due_at = math.inf
        if self._is_due:
            self._remember(_until(now, self._fires), _until(now, self._restarts))

    # --- what whoever judges says -----------------------------------------------------------------------------------

    def _is_held(self, key: Key, finding: Finding | None) -> bool:
        """Whether nobody can tell if the cause is over: then the alert goes on as it is."""
        raise NotImplementedError

    def _role_of(self, key: Key) -> str:
        """The role of an agent that has no such alert yet."""
        raise NotImplementedError

    def _take(self, agent: str, now_found: Findings) -> set[Key]:
        """Keeps what was found, and says of which alerts the step must be made."""
        before = self._found.get(agent, NOTHING)
        if now_found:
            self._found[agent] = now_found
        else:
            self._found.pop(agent, None)
        return {
            Key(agent, rule) for rule in before.keys() | now_found.keys() if before.get(rule) != now_found.get(rule)
        }

    # --- what becomes of it -----------------------------------------------------------------------------------------

    def _settle(
        self, touched: Iterable[Key], controls: Controls, seen: ClusterSnapshot | None, shape: tuple[object, ...]
    ) -> Outcome:
        """Makes every step that is to be made, once; the outcome is the evaluation's."""
        keys = set(touched)
        if self._is_due:
            keys |= self._alerts.keys()
        for key in sorted(keys, key=_in_order):
            self._step(key)
        self._forget_old()
        if keys or self._alerts_changed or self._is_due or controls is not self._state.controls:
            self._suppress(controls)
        before, after = self._state.alerts, self._alerts if self._alerts_changed else self._state.alerts
        memory = AlertMemory(self._fires, self._restarts) if self._memory_changed else self._state.memory
        state = EngineState(
            alerts=after,
            memory=memory,
            found=self._found,
            seen=seen,
            shape=shape,
            controls=controls,
            due_at=min(self._due_at, controls.next_change(self._now)),
            judged_at=self._now,
            ahead=self._ahead,
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

    def _step(self, key: Key) -> None:
        rules = self._rules.of_agent(key.agent, self._role(key)) if key.agent else self._rules.of_cluster()
        rule = rules.get(key.rule)
        finding: Finding | None = self._found.get(key.agent, NOTHING).get(key.rule)
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
            place = Place(self._cluster, key.agent, key.rule, self._role(key))
            step = lifecycle.begin(place, finding, terms)
        else:
            return
        self._apply(key, step)

    def _role(self, key: Key) -> str:
        alert = self._alerts.get(key)
        return alert.role if alert is not None else self._role_of(key)

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
        self._remember(
            _since(self._now - self._damping.window, self._fires), _since(self._now - window, self._restarts)
        )

    def _remember(self, fires: dict[Key, tuple[float, ...]], restarts: dict[str, tuple[float, ...]]) -> None:
        if (fires, restarts) != (self._fires, self._restarts):
            self._fires, self._restarts, self._memory_changed = fires, restarts, True

    def _suppress(self, controls: Controls) -> None:
        """Says of every alert that fires whether, and why, it is not to be told."""
        inhibitors = Inhibitors(self._alerts.values())
        for key, alert in list(self._alerts.items()):
            if alert.phase is not Phase.FIRING:
                continue
            finding = self._found.get(key.agent, NOTHING).get(key.rule)
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


def _until(now: float, remembered: Mapping[K, tuple[float, ...]]) -> dict[K, tuple[float, ...]]:
    """The same without a time to come, which is of a clock that was set back since: it was now."""
    return {key: tuple(min(at, now) for at in times) for key, times in remembered.items()}


_ORDER = {rule.id: at for at, rule in enumerate(CATALOGUE)}


def _in_order(key: Key) -> tuple[int, str, str]:
    return _ORDER.get(key.rule, len(_ORDER)), key.rule, key.agent
