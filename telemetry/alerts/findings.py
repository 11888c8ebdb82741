"""What is wrong now, by the rules: pure judgement of one agent and of one cluster, and when time alone changes it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from telemetry.alerts import rules as catalogue
from telemetry.alerts.rule import Rule
from telemetry.model import AgentHealth, AlertLevel, ClusterSnapshot, State, Suppression

Rules = Mapping[str, Rule]
_MOST_NAMES = 8
"""Of agents in one line."""


class Finding(NamedTuple):
    """A rule's threshold is reached: at which level, and what is wrong in one line.

    The text holds no number that grows by itself, so that a check which finds nothing new makes no new text.
    `unheard` says why nobody wants to hear of it, where that is so for everything it is made of.
    """

    level: AlertLevel
    message: str
    unheard: Suppression | None = None


Findings = dict[str, Finding]
"""By rule."""


def quiet_since(agent: AgentHealth) -> float:
    """Since when an agent waits, or shows no sign of life (Unix s)."""
    if agent.state is State.WAITING:
        return max(agent.since, agent.first_seen)
    return agent.sample.last_activity or agent.first_seen


def of_agent(
    agent: AgentHealth, rules: Rules, restarts: Sequence[float], now: float, latest: float = math.inf
) -> tuple[Findings, float]:
    """What is wrong with one agent, and when that changes though nothing is seen (Unix s; infinite: never).

    Args:
        agent: Judged.
        rules: Those that hold for it, by id.
        restarts: When it was restarted lately, oldest first (Unix s).
        now: Unix time.
        latest: What the time since which it waits, or does nothing, counts as if it is later (Unix s).
    """
    found: Findings = {}
    due = math.inf
    state, sample = agent.state, agent.sample
    task = f"; it was at «{sample.detail.task}»" if sample.detail.task else ""
    if state is State.STOPPED:
        _find(found, rules, catalogue.AGENT_STOPPED.id, 0.0, f"agent stopped: {agent.reason}{task}")
    elif state is State.UNRESPONSIVE:
        _find(found, rules, catalogue.AGENT_UNRESPONSIVE.id, 0.0, f"agent is unresponsive: {agent.reason}{task}")
    elif state is State.IDLE and sample.has_work is not False:
        due = _over_time(
            found,
            rules.get(catalogue.AGENT_IDLE.id),
            min(quiet_since(agent), latest),
            now,
            lambda seconds: f"agent idle for more than {seconds:g} s{task}",
        )
    elif state is State.WAITING:
        due = _over_time(
            found,
            rules.get(catalogue.AGENT_WAITING.id),
            min(quiet_since(agent), latest),
            now,
            lambda seconds: f"agent has waited for a person for more than {seconds:g} s{task}",
        )
    if sample.restart_count:
        text = f"agent restarted {sample.restart_count} times"
        _find(found, rules, catalogue.AGENT_RESTARTING.id, sample.restart_count, text)
    if restarts and (rate := rules.get(catalogue.AGENT_RESTART_RATE.id)) is not None:
        recent = [at for at in restarts if at > now - rate.window]
        if recent:
            due = min(due, recent[0] + rate.window)
            text = f"agent restarted {len(recent)} times within {rate.window:g} s"
            _find(found, rules, rate.id, len(recent), text)
    return found, due


def of_cluster(snapshot: ClusterSnapshot, rules: Rules, quiet: Mapping[str, Suppression]) -> Findings:
    """What is wrong with the cluster as a whole; with a source that gives no answer, only that.

    Args:
        snapshot: What was seen.
        rules: Those that hold for it, by id.
        quiet: Agents of whom nobody wants to hear that they are stopped, and why.
    """
    found: Findings = {}
    if snapshot.source_error:
        text = f"the source does not answer: {snapshot.source_error}"
        _find(found, rules, catalogue.SOURCE_FAILING.id, 0.0, text)
        return found
    total, stopped = len(snapshot.agents), snapshot.count(State.STOPPED)
    if stopped:
        _find_stopped(found, rules.get(catalogue.STOPPED_AGENTS.id), snapshot, quiet)
    if not snapshot.session_exists:
        what = f"session {snapshot.session_name} is gone" if snapshot.session_name else "its session is gone"
    elif total and stopped == total:
        what = f"none of its {total} agents runs"
    else:
        return found
    _find(found, rules, catalogue.CLUSTER_DOWN.id, 0.0, f"cluster {snapshot.cluster} is down: {what}")
    return found


def _find_stopped(
    found: Findings, rule: Rule | None, snapshot: ClusterSnapshot, quiet: Mapping[str, Suppression]
) -> None:
    """How many agents are stopped. Those of whom nobody wants to hear make it no louder; nor do they make it untrue."""
    if rule is None or not rule.enabled:
        return
    dead = State.STOPPED  # looked up once: see telemetry.health
    stopped = [agent[0][0] for agent in snapshot.agents if agent[1] is dead]
    loud = [name for name in stopped if name not in quiet]
    level, names, unheard = rule.level(len(loud)), loud, None
    if level is None:
        if rule.level(len(stopped)) is None:
            return
        level, names, unheard = next(iter(rule.levels)), stopped, next(iter(quiet.values()), None)
    found[rule.id] = Finding(level, f"{len(names)} of {len(snapshot.agents)} agents stopped: {_listed(names)}", unheard)


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _find(found: Findings, rules: Rules, rule_id: str, value: float, message: str) -> None:
    rule = rules.get(rule_id)
    if rule is not None and rule.enabled and (level := rule.level(value)) is not None:
        found[rule_id] = Finding(level, message)


def _over_time(found: Findings, rule: Rule | None, since: float, now: float, words: Callable[[float], str]) -> float:
    """A finding about how long something has gone on, and when it reaches its next threshold."""
    if rule is None or not rule.enabled:
        return math.inf
    # From when it began to the threshold, not the time that has gone: a sum and a difference may round apart
    reached = [(level, at) for level, at in rule.levels.items() if now >= since + at]
    if reached:
        level, threshold = reached[-1]
        found[rule.id] = Finding(level, words(threshold))
    return min((since + at for at in rule.levels.values() if since + at > now), default=math.inf)
