"""An evaluation of what somebody else judged: findings by subject come in. Pure, but for itself."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from telemetry.alerts.controls import Controls
from telemetry.alerts.findings import Finding, Findings
from telemetry.alerts.lifecycle import Damping
from telemetry.alerts.ruleset import RuleSet
from telemetry.alerts.state import EngineState, Outcome
from telemetry.alerts.steps import NOTHING, Steps
from telemetry.model import Key, Reason


@dataclass(frozen=True, slots=True)
class Given:
    """What is wrong now.

    Attributes:
        cluster: Where the alerts stand.
        at: When (Unix s).
        found: By subject; one of which nothing is wrong is there, too. Alerts about any other end.
        unknown: Of which alerts nobody can tell whether their cause is over: they go on as they are.
    """

    cluster: str
    at: float
    found: Mapping[str, Findings]
    unknown: frozenset[Key] = frozenset()


class GivenEvaluation(Steps):
    """One evaluation while it goes on: used once."""

    def __init__(self, rules: RuleSet, damping: Damping, state: EngineState, given: Given) -> None:
        super().__init__(rules, damping, state, given.cluster, given.at)
        self._given = given
        self._due_at = math.inf if self._is_due else state.due_at

    def outcome(self, controls: Controls) -> Outcome:
        """Everything, once."""
        touched: set[Key] = set()
        for subject, found in self._given.found.items():
            touched |= self._take(subject, self._as_before(subject, found))
        for key in [key for key in self._alerts if key.agent not in self._given.found]:
            self._end(key, Reason.NOT_CHOSEN)
        for subject in [subject for subject in self._found if subject not in self._given.found]:
            del self._found[subject]
        return self._settle(touched, controls, None, ())

    def _as_before(self, subject: str, found: Findings) -> Findings:
        """A finding at the level of before keeps its words, and one of which nobody can tell stays."""
        before = self._found.get(subject, NOTHING)
        kept = {rule: held for rule, held in before.items() if Key(subject, rule) in self._given.unknown}
        same = {rule: before[rule] for rule, new in found.items() if rule in before and before[rule].level is new.level}
        return {**kept, **found, **same}

    def _is_held(self, key: Key, finding: Finding | None) -> bool:
        return finding is None and key in self._given.unknown

    def _role_of(self, key: Key) -> str:
        return ""
