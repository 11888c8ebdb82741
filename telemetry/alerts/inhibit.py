"""Which open alert makes another one not worth telling: the table, and the function that applies it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from telemetry.alerts import rules
from telemetry.model import AlertLevel, Key, OpenAlert, Phase, Reason, Suppression

ANY_RULE = "*"


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While an alert of rule `by` fires, those of rule `of` in the same cluster are not told.

    Attributes:
        by: The rule that says it better.
        of: The rule that needn't be told; `*` is every other one.
        reason: Named.
        detail: In words.
        same_agent: Only alerts about the same agent.
        only: Only at these levels; empty: at any.
        not_above: Only while its level is not above that of `by`.
        said_since: Only while `by` got its level when the other had begun, or later: it was just told.
    """

    by: str
    of: str
    reason: Reason
    detail: str
    same_agent: bool = True
    only: tuple[AlertLevel, ...] = ()
    not_above: bool = False
    said_since: bool = False

    def holds(self, by: OpenAlert, of: OpenAlert) -> bool:
        """Whether `by` makes `of` not worth telling."""
        return (
            (not self.only or of.level in self.only)
            and (not self.not_above or of.level.rank <= by.level.rank)
            and (not self.said_since or by.changed_at >= of.since)
        )


_STOPPED = rules.AGENT_STOPPED.id
_IT_IS_STOPPED = (Reason.AGENT_STOPPED, "the agent is stopped, which is told")

INHIBITIONS: tuple[Inhibition, ...] = (
    Inhibition(
        rules.CLUSTER_DOWN.id,
        ANY_RULE,
        Reason.CLUSTER_DOWN,
        "the whole cluster is down, which is told",
        same_agent=False,
    ),
    Inhibition(_STOPPED, rules.AGENT_IDLE.id, *_IT_IS_STOPPED),
    Inhibition(_STOPPED, rules.AGENT_WAITING.id, *_IT_IS_STOPPED),
    Inhibition(_STOPPED, rules.AGENT_UNRESPONSIVE.id, *_IT_IS_STOPPED),
    # an agent that dies and comes back all the time is told as stopped until that gets worse
    Inhibition(_STOPPED, rules.AGENT_RESTARTING.id, *_IT_IS_STOPPED, not_above=True),
    Inhibition(_STOPPED, rules.AGENT_RESTART_RATE.id, *_IT_IS_STOPPED, not_above=True),
    Inhibition(
        rules.AGENT_RESTARTING.id,
        rules.AGENT_RESTART_RATE.id,
        Reason.REPEATS,
        "the number of restarts is told",
        not_above=True,
        said_since=True,
    ),
    Inhibition(
        _STOPPED,
        rules.STOPPED_AGENTS.id,
        Reason.REPEATS,
        "the agent that is stopped is told",
        same_agent=False,
        only=(AlertLevel.WARNING,),
    ),
)
_BY_RULE: Mapping[str, tuple[Inhibition, ...]] = {
    rule.id: tuple(held for held in INHIBITIONS if held.of in (rule.id, ANY_RULE) and held.by != rule.id)
    for rule in rules.CATALOGUE
}


class Inhibitors:
    """The alerts of one cluster that fire now, looked up by what they may inhibit."""

    def __init__(self, alerts: Iterable[OpenAlert]) -> None:
        self._by_key: dict[Key, OpenAlert] = {}
        self._by_rule: dict[str, OpenAlert] = {}
        for alert in alerts:
            if alert.phase is Phase.FIRING:
                self._by_key[alert.key] = alert
                self._by_rule.setdefault(alert.rule, alert)

    def suppression(self, alert: OpenAlert) -> Suppression | None:
        """Why `alert` needn't be told, or None."""
        for held in _BY_RULE.get(alert.rule, ()):
            by = self._by_key.get(Key(alert.agent, held.by)) if held.same_agent else self._by_rule.get(held.by)
            if by is not None and held.holds(by, alert):
                return Suppression(held.reason, held.detail)
        return None
