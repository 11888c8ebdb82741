"""Which rules hold for whom: the catalogue, changed for one cluster, role or agent where settings say so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from telemetry.alerts.rule import Levels, Rule
from telemetry.alerts.rules import CATALOGUE, by_id

_MOST_REMEMBERED = 20_000


@dataclass(frozen=True, slots=True)
class RuleChange:
    """What differs from the catalogue in one rule; None: nothing does."""

    levels: Levels | None = None
    hold_for: float | None = None
    keep_firing_for: float | None = None
    window: float | None = None
    enabled: bool | None = None
    runbook_url: str | None = None

    def applied_to(self, rule: Rule) -> Rule:
        """The rule, changed."""
        given = {name: value for name in self.__slots__ if (value := getattr(self, name)) is not None}
        return replace(rule, **given) if given else rule


@dataclass(frozen=True, slots=True)
class Override:
    """Changes that hold for some: each of `cluster`, `role` and `agent` is a name or a pattern with `*` and `?`."""

    changes: Mapping[str, RuleChange]
    cluster: str = "*"
    role: str = "*"
    agent: str = "*"

    @property
    def of_everybody(self) -> bool:
        """Whether it holds for every agent of its clusters, and so for rules about a cluster too."""
        return self.role == "*" and self.agent == "*"


@dataclass
class RuleSet:
    """The rules of one cluster.

    Args:
        rules: The catalogue, or another.
        overrides: The later one wins where two change the same.
        cluster: The cluster's name, as overrides match it.
    """

    rules: Sequence[Rule] = CATALOGUE
    overrides: Sequence[Override] = ()
    cluster: str = ""
    _known: dict[tuple[str, str], Mapping[str, Rule]] = field(default_factory=dict, init=False, repr=False)
    _lowest: dict[str, float] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        mine = [held for held in self.overrides if fnmatchcase(self.cluster, held.cluster)]
        self._common = _changed(by_id(self.rules), (held for held in mine if held.of_everybody))
        # in the order in which they are written: one for everybody that stands last wins over one for an agent
        self._special = mine if any(not held.of_everybody for held in mine) else []

    def of_cluster(self) -> Mapping[str, Rule]:
        """The rules about the cluster itself, by id; and those that hold for an agent of no special role or name."""
        return self._common

    def of_agent(self, agent: str, role: str) -> Mapping[str, Rule]:
        """The rules for one agent, by id."""
        if not self._special:
            return self._common
        known = self._known.get((agent, role))
        if known is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            matching = (h for h in self._special if fnmatchcase(agent, h.agent) and fnmatchcase(role, h.role))
            known = self._known[agent, role] = _changed(by_id(self.rules), matching)
        return known

    def lowest(self, rule_id: str) -> float:
        """The lowest threshold that the rule has for anybody; infinite where it is off for all, or not known."""
        known = self._lowest.get(rule_id)
        if known is None:
            known = self._lowest[rule_id] = self._look_for_lowest(rule_id)
        return known

    def _look_for_lowest(self, rule_id: str) -> float:
        base = by_id(self.rules).get(rule_id)
        if base is None:
            return float("inf")
        changes = [held.changes[rule_id] for held in self._special if rule_id in held.changes]
        variants = [self._common[rule_id], *(change.applied_to(base) for change in changes)]
        on = any(rule.enabled for rule in variants)
        return min(rule.lowest for rule in variants) if on else float("inf")

    def for_cluster(self, cluster: str) -> RuleSet:
        """The same rules and overrides for a cluster of another name."""
        return self if cluster == self.cluster else RuleSet(self.rules, self.overrides, cluster)


def _changed(rules: Mapping[str, Rule], overrides: Iterable[Override]) -> dict[str, Rule]:
    changed = dict(rules)
    for override in overrides:
        for rule_id, change in override.changes.items():
            if rule_id in changed:
                changed[rule_id] = change.applied_to(changed[rule_id])
    return changed
