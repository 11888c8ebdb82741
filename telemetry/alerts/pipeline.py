"""What is wrong with the way of telemetry: pure judgement of what is known of backends, collector and spool."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from telemetry.alerts import pipeline_rules as catalogue
from telemetry.alerts.findings import Finding, Findings
from telemetry.alerts.given import Given
from telemetry.alerts.rule import Rule
from telemetry.alerts.ruleset import RuleSet
from telemetry.model import PIPELINE, Key
from telemetry.picture import Outlet, Outlets, Sending

COLLECTOR, SPOOL, MONITOR = "collector", "spool", "monitor"
"""What alerts are about, besides backends."""

Rules = Mapping[str, Rule]
Losses = Mapping[tuple[str, str], "Counted"]
"""What was lost, by whom it is about and why."""
_Loss = tuple[tuple[str, str], "Counted"]

_GIVEN_UP, _TURNED_AWAY = "given_up", "turned_away"
_REASONS = {
    _GIVEN_UP: "the collector gave it up",
    _TURNED_AWAY: "it was turned away, as with a full queue",
    "queue_full": "the queue in memory was full",
    "shut_down": "it came after the end",
    "spool_full": "the spool was full",
    "no_disk": "the disk could not be written",
    "damaged": "it was damaged in the spool",
    "refused": "the collector refused it for good",
    "unwritable": "it could not be written as OTLP",
    "undelivered": "it could not be delivered, and there is no spool",
}
_PARTS = 100
"""Into so many a window is cut: what is remembered of it is bounded, however often something is lost."""
_WHOLE = 100.0


@dataclass(frozen=True, slots=True)
class Counted:
    """A counter of what was lost.

    Attributes:
        total: As seen last.
        lately: By how much it rose, and when (Unix s), oldest first, as far back as the rule's window goes.
    """

    total: int
    lately: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What is found, and what the next look needs to know of this one."""

    given: Given
    losses: Losses


def findings_of(
    outlets: Outlets, sendings: Mapping[str, Sending], rules: RuleSet, before: Losses, now: float
) -> Judged:
    """What is wrong.

    Args:
        outlets: How it is with the backends and the collector.
        sendings: What became of this process's own records, by signal.
        rules: Those that hold.
        before: The losses as the look before left them; empty at the first.
        now: Unix time.
    """
    losses = dict(_of_backends(outlets, rules, before, now))
    losses.update(_of_monitor(sendings, rules.of_agent(MONITOR, ""), before, now))
    subjects = (*(one.name for one in outlets.backends), COLLECTOR, SPOOL, MONITOR)
    found: dict[str, Findings] = {subject: {} for subject in subjects}
    unknown: set[Key] = set()
    for one in outlets.backends:
        if one.up is None:
            unknown |= {Key(one.name, rule.id) for rule in catalogue.PIPELINE_RULES}
        else:
            found[one.name].update(_backend(one, rules.of_agent(one.name, ""), losses))
    if outlets.damaged_files is None:
        unknown.add(Key(COLLECTOR, catalogue.QUEUE_DAMAGED.id))
    found[COLLECTOR].update(_collector(outlets, rules.of_agent(COLLECTOR, "")))
    found[SPOOL].update(_spool(sendings, rules.of_agent(SPOOL, "")))
    lost = rules.of_agent(MONITOR, "").get(catalogue.MONITOR_LOSING_DATA.id)
    found[MONITOR].update(_lost(MONITOR, lost, losses, "log records and spans of this monitor were lost"))
    return Judged(Given(PIPELINE, now, found, frozenset(unknown)), losses)


# --- what is wrong with each ------------------------------------------------------------------------------------------


def _backend(one: Outlet, rules: Rules, losses: Losses) -> Iterator[tuple[str, Finding]]:
    if one.takes_nothing:
        text = (
            f"the backend takes nothing: {one.word}" if one.word else "the backend takes nothing of what waits for it"
        )
        yield from _reached(rules.get(catalogue.BACKEND_FAILING.id), 0.0, lambda _: text)
    if one.usage:
        signal, fullest = max(one.usage.items(), key=lambda held: held[1])
        yield from _reached(
            rules.get(catalogue.BACKEND_QUEUE_FILLING.id),
            _WHOLE * fullest,
            lambda percent: f"the collector's queue of {signal} for this backend is at least {percent:g} % full",
        )
    lost = rules.get(catalogue.BACKEND_LOSING_DATA.id)
    yield from _lost(one.name, lost, losses, "metric points, log records and spans did not get to this backend")


def _collector(outlets: Outlets, rules: Rules) -> Iterator[tuple[str, Finding]]:
    why = [", ".join(f"{signal} NOT taken" for signal in outlets.untaken)] if outlets.untaken else []
    why += [f"the collector: {outlets.problem}"] if outlets.problem else []
    if why:
        text = f"what this monitor sends is not taken: {'; '.join(why)}"
        yield from _reached(rules.get(catalogue.COLLECTOR_FAILING.id), 0.0, lambda _: text)
    if outlets.damaged_files:
        text = f"files of its queues were damaged, and set aside: {outlets.damaged_files}; what they held was not sent"
        yield from _reached(rules.get(catalogue.QUEUE_DAMAGED.id), 0.0, lambda _: text)


def _spool(sendings: Mapping[str, Sending], rules: Rules) -> Iterator[tuple[str, Finding]]:
    filled = {
        signal: held.waiting_bytes / held.capacity_bytes
        for signal, held in sendings.items()
        if held.waiting and held.capacity_bytes  # what is sent already may still lie there
    }
    if filled:
        signal, fullest = max(filled.items(), key=lambda held: held[1])
        yield from _reached(
            rules.get(catalogue.SPOOL_FILLING.id),
            _WHOLE * fullest,
            lambda percent: f"the part of the spool for {signal} is at least {percent:g} % full",
        )


def _lost(subject: str, rule: Rule | None, losses: Losses, what: str) -> Iterator[tuple[str, Finding]]:
    lately = {why: sum(count for _, count in held.lately) for (of, why), held in losses.items() if of == subject}
    why = ", ".join(_REASONS.get(name, name) for name, count in lately.items() if count)
    yield from _reached(
        rule,
        sum(lately.values()),
        lambda least: f"at least {least:g} {what} within {rule.window if rule else 0.0:g} s: {why}",
    )


def _reached(rule: Rule | None, value: float, words: Callable[[float], str]) -> Iterator[tuple[str, Finding]]:
    if rule is not None and rule.enabled and (level := rule.level(value)) is not None:
        yield rule.id, Finding(level, words(rule.reached(level)))


# --- what was lost, and when ------------------------------------------------------------------------------------------


def _of_backends(outlets: Outlets, rules: RuleSet, before: Losses, now: float) -> Iterator[_Loss]:
    """What a collector lost before we looked at it first is no news; all that our own counts is."""
    begins_at_nothing = outlets.is_own or any(subject != MONITOR for subject, _ in before)
    for one in outlets.backends:
        rule = rules.of_agent(one.name, "").get(catalogue.BACKEND_LOSING_DATA.id)
        for why, counts in ((_GIVEN_UP, one.failed), (_TURNED_AWAY, one.refused)):
            key, total = (one.name, why), sum(counts.values())
            was = before.get(key)
            if one.up is None:  # its numbers say nothing now
                if was is not None:
                    yield key, was
            else:
                first = Counted(0 if begins_at_nothing else total)
                yield key, _counted(was or first, total, rule, now)


def _of_monitor(sendings: Mapping[str, Sending], rules: Rules, before: Losses, now: float) -> Iterator[_Loss]:
    total: Counter[str] = Counter()
    for held in sendings.values():
        total.update(held.dropped)
    for why, count in total.items():
        key = (MONITOR, why)
        yield key, _counted(before.get(key, Counted(0)), count, rules.get(catalogue.MONITOR_LOSING_DATA.id), now)


def _counted(was: Counted, total: int, rule: Rule | None, now: float) -> Counted:
    """The counter after one more look; one that is lower than before has begun again."""
    window = rule.window if rule is not None else 0.0
    more = total - was.total if total >= was.total else total
    # A time to come is of a clock that was set back since
    lately = [(min(at, now), count) for at, count in was.lately if at > now - window]
    if more and lately and now - lately[-1][0] < window / _PARTS:
        lately[-1] = (lately[-1][0], lately[-1][1] + more)
    elif more:
        lately.append((now, more))
    return Counted(total, tuple(lately))
