"""The rules in force: the catalogue, changed by settings; for monitors, for messages, and for people to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from telemetry.alerts import CATALOGUE, Override, Rule, RuleChange, RuleSet, ladder, with_ladders
from telemetry.alerts.rule import always
from telemetry.settings import Settings


def rules_of(settings: Settings) -> RuleSet:
    """What the engine applies, for any cluster (`for_cluster` makes it that of one)."""
    thresholds = settings.thresholds
    catalogue = with_ladders(
        idle=settings.idle_ladder.steps, restarts=thresholds.restarts.steps, stopped=thresholds.stopped.steps
    )
    changes = _changes(settings.rules)
    rules = tuple(changes[rule.id].applied_to(rule) if rule.id in changes else rule for rule in catalogue)
    overrides = tuple(
        Override(_changes(held.rules), cluster=held.cluster, role=held.role, agent=held.agent)
        for held in settings.overrides
    )
    return RuleSet(rules, overrides)


def _changes(section: Any) -> dict[str, RuleChange]:
    """What a `rules` section says, by rule; rules of which it says nothing are left out."""
    found = {}
    for rule in CATALOGUE:
        given = {name: value for name, value in getattr(section, rule.id) if value is not None}
        if not given:
            continue
        levels = None
        if "thresholds" in given:
            levels = ladder(*given["thresholds"].steps)
        elif "level" in given:
            levels = always(given["level"])
        found[rule.id] = RuleChange(
            levels=levels,
            hold_for=given.get("for"),
            keep_firing_for=given.get("keep_firing_for"),
            window=given.get("window"),
            enabled=given.get("enabled"),
            runbook_url=given.get("runbook_url"),
        )
    return found


@dataclass(frozen=True, slots=True)
class Row:
    """One rule as people read it.

    Attributes:
        rule: The rule.
        holds_for: For whom: `everybody`, or the patterns of an override, such as `cluster=night agent=worker*`.
    """

    rule: Rule
    holds_for: str

    def plain(self) -> dict[str, Any]:
        """For JSON: thresholds by level, 0 where being so is enough; times in seconds."""
        rule = self.rule
        return {
            "rule": rule.id,
            "holds_for": self.holds_for,
            "enabled": rule.enabled,
            "watches": rule.watches,
            "levels": {level.value: threshold for level, threshold in rule.levels.items()},
            "for": rule.hold_for,
            "keep_firing_for": rule.keep_firing_for,
            "window": rule.window or None,
            "summary": rule.summary,
            "todo": rule.todo,
            "summary_ja": rule.summary_ja,
            "todo_ja": rule.todo_ja,
            "runbook_url": rule.runbook_url,
        }


def rows(rules: RuleSet) -> Iterator[Row]:
    """Every rule, each followed by what differs from it for some."""
    for rule in rules.rules:
        yield Row(rule, "everybody")
        for held in rules.overrides:
            if rule.id in held.changes:
                where = [
                    f"{name}={value}" for name in ("cluster", "role", "agent") if (value := getattr(held, name)) != "*"
                ]
                yield Row(held.changes[rule.id].applied_to(rule), " ".join(where) or "everybody")
