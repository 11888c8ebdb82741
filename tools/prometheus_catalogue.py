"""The catalogue of alerts in PromQL: an alert rule of Prometheus for each level of each rule of ours.

Agents and clusters are aggregated by their own labels, never by `job` or `instance`: one alert, also where the same
series reaches Prometheus by two paths.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from telemetry.alerts import rules as catalogue
from telemetry.alerts.inhibit import ANY_RULE, INHIBITIONS, Inhibition
from telemetry.alerts.rule import Rule
from telemetry.alerts.rules import CATALOGUE
from telemetry.model import AlertLevel, State
from telemetry.notify.alertmanager import alert_name
from telemetry.signals.semconv import CHECK_DURATION, CLUSTER, OUTCOME, STATE
from tools import prometheus_pipeline
from tools.prometheus_monitor import BY_AGENT, LATELY, Annotations, alert, series

_ENABLED = {rule.id: rule for rule in CATALOGUE if rule.enabled}
_STEP = "5s"
"""How finely a value is looked back on: the monitor's own default interval."""

_UP = series("orchestrator.agent.up")
_RESTARTS = series("orchestrator.agent.restarts")
_STOPPED = f"max by {BY_AGENT} ({_UP}) == 0"


def duration(seconds: float) -> str:
    """As Prometheus writes it."""
    if seconds % 60 == 0 and seconds:
        return f"{seconds / 60:.0f}m"
    return f"{seconds:.0f}s" if seconds % 1 == 0 else f"{seconds * 1000:.0f}ms"


def _in_state(state: State) -> str:
    matcher = f'{STATE}="{state.value}"'
    return f"max by {BY_AGENT} ({series('orchestrator.agent.state', matcher)}) == 1"


def _checks(operator: str) -> str:
    count = f'{CHECK_DURATION.prometheus}_count{{{OUTCOME}{operator}"ok"}}'
    return f"sum by ({CLUSTER}) (increase({count}[{LATELY}])) > 0"


def _within(window: float) -> str:
    """Restarts within the window, exactly: `increase` extrapolates, and may find a third where there were two."""
    length = duration(window)
    before = f"({_RESTARTS} offset {length} or min_over_time({_RESTARTS}[{length}]))"
    return f"max by {BY_AGENT} ({_RESTARTS} - {before})"


_CAUSES: dict[str, str] = {
    catalogue.AGENT_STOPPED.id: _STOPPED,
    catalogue.AGENT_IDLE.id: f"""(
  max by {BY_AGENT} ({series("orchestrator.agent.idle_time")})
    and
  {_in_state(State.IDLE)}
)""",
    catalogue.AGENT_RESTARTING.id: f"max by {BY_AGENT} ({_RESTARTS})",
    catalogue.AGENT_RESTART_RATE.id: _within(catalogue.AGENT_RESTART_RATE.window),
    catalogue.AGENT_UNRESPONSIVE.id: _in_state(State.UNRESPONSIVE),
    catalogue.STOPPED_AGENTS.id: f"count by ({CLUSTER}) ({_STOPPED})",
    catalogue.CLUSTER_DOWN.id: f"max by ({CLUSTER}) ({_UP}) == 0",
    catalogue.SOURCE_FAILING.id: f"""{_checks("!=")}
  unless
{_checks("=")}""",
    **prometheus_pipeline.CAUSES,
}
"""What each rule's thresholds measure; for one without thresholds, its cause."""


def alerts() -> list[dict[str, Any]]:
    """An alert rule for each level of each rule, in the order of the catalogue."""
    return [
        _decided(rule, level) for rule in _ENABLED.values() for level in rule.levels if not _always_repeats(rule, level)
    ]


def left_out() -> list[str]:
    """What of the catalogue has no alert, and why."""
    off = [f"{rule.id} (off in the catalogue)" for rule in CATALOGUE if not rule.enabled]
    repeats = [
        f"{rule.id} at {level.value} (agent_stopped says the same)"
        for rule in _ENABLED.values()
        for level in rule.levels
        if _always_repeats(rule, level)
    ]
    return off + repeats


def _decided(rule: Rule, level: AlertLevel) -> dict[str, Any]:
    cause, keep = _CAUSES[rule.id], rule.keep_firing_for
    if rule.has_ladder:
        threshold = rule.reached(level)
        if keep:  # of a ladder it would hold two levels at once, so the highest value of that time decides instead
            cause, keep = f"max_over_time(({cause})[{duration(keep)}:{_STEP}])", 0.0
        above = rule.next_threshold(threshold)
        cause += f" >= {threshold:g}" + (f" < {above:g}" if above is not None else "")
    return alert(
        alert_name(rule.id),
        "\n  ".join([cause, *_inhibited(rule, level)]),
        level,
        _texts(rule, level),
        hold=duration(rule.hold_for - prometheus_pipeline.LOOKED_BACK.get(rule.id, 0.0)) if rule.hold_for else "",
        keep=duration(keep) if keep else "",
        rule=rule.id,
    )


def _inhibitions(rule: Rule, level: AlertLevel) -> Iterator[Inhibition]:
    for held in () if rule.of_pipeline else INHIBITIONS:  # what is told of a cluster says nothing of the pipeline
        by = _ENABLED.get(held.by)
        if by is None or by is rule or held.of not in (rule.id, ANY_RULE) or (held.only and level not in held.only):
            continue
        if held.not_above and level.rank > max(other.rank for other in by.levels):
            continue
        yield held


def _always_repeats(rule: Rule, level: AlertLevel) -> bool:
    """Whether an inhibition holds whenever the alert would: no stopped agents without an agent that is stopped."""
    return any(held.by == catalogue.AGENT_STOPPED.id and not held.same_agent for held in _inhibitions(rule, level))


def _inhibited(rule: Rule, level: AlertLevel) -> Iterator[str]:
    """A clause for each alert that says it better."""
    for held in _inhibitions(rule, level):
        cause = _CAUSES[held.by]
        if held.said_since:  # the other one reached this level within the window, and so was told
            threshold = _ENABLED[held.by].reached(level)
            before = cause.replace(_RESTARTS, f"{_RESTARTS} offset {duration(rule.window)}")
            cause = f"(\n    {cause} >= {threshold:g}\n      unless\n    {before} >= {threshold:g}\n  )"
        yield f"unless {cause}" if held.same_agent else f"unless on ({CLUSTER}) {cause}"


def _texts(rule: Rule, level: AlertLevel) -> Annotations:
    subject = "Cluster {{ $labels.cluster }}"
    if rule.of_pipeline:
        subject = prometheus_pipeline.subject(rule.id)
    elif not rule.of_cluster:
        subject = "Agent {{ $labels.agent_name }} in cluster {{ $labels.cluster }}"
    watches = rule.watches + (f" of {duration(rule.window)}" if rule.window else "")
    value = f': {{{{ $value | printf "%.0f" }}}} {watches}; {level.value} from {rule.reached(level):g}'
    texts = {
        "summary": rule.summary,
        "summary_ja": rule.summary_ja,
        "description": f"{subject}{value if rule.has_ladder else ''}.",
        "todo": rule.todo,
        "todo_ja": rule.todo_ja,
    }
    return texts | ({"runbook_url": rule.runbook_url} if rule.runbook_url else {})
