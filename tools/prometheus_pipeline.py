"""The rules about where telemetry goes in PromQL, from what the monitor says of its collector, backends and spool."""

from __future__ import annotations

from telemetry.alerts import pipeline_rules as rules
from telemetry.signals.semconv import BACKEND, SIGNAL
from tools.prometheus_monitor import LATELY, series

LATELY_SECONDS = 120.0
"""`LATELY`, which an expression looks back on, is a part of the time for which it must hold."""

_SENT = f"increase({series('orchestrator.backend.sent')}[{LATELY}]) > 0"
_UP = series("orchestrator.backend.up")
_WAITS = f"""    {series("orchestrator.backend.queue_usage")} > 0
      or
    increase({series("orchestrator.backend.failed")}[{LATELY}]) > 0"""


def _lost(*names: str, window: float) -> str:
    length = f"{window / 60:.0f}m"
    each = (f"max by ({BACKEND}, {SIGNAL}) (increase({series(name)}[{length}]))" for name in names)
    return f"sum by ({BACKEND}) (\n  {' + '.join(each)}\n)"


CAUSES: dict[str, str] = {
    # without orchestrator_backend_up nobody can tell: the collector gives no answer
    rules.BACKEND_FAILING.id: f"""max by ({BACKEND}) (
  (
{_WAITS}
  )
    unless
  {_SENT}
    and ignoring ({SIGNAL})
  {_UP}
)""",
    rules.BACKEND_QUEUE_FILLING.id: f"100 * max by ({BACKEND}) ({series('orchestrator.backend.queue_usage')})",
    rules.BACKEND_LOSING_DATA.id: _lost(
        "orchestrator.backend.failed", "orchestrator.backend.refused", window=rules.BACKEND_LOSING_DATA.window
    ),
    rules.QUEUE_DAMAGED.id: f"max by (instance) ({series('orchestrator.collector.damaged_files')}) > 0",
    rules.COLLECTOR_FAILING.id: f"""max by (instance) (
  {series("orchestrator.spool.records")} > 0
    unless
  increase({series("orchestrator.otlp.sent")}[{LATELY}]) > 0
)""",
    rules.SPOOL_FILLING.id: f"""100 * max by (instance) (
  {series("orchestrator.spool.size")} / {series("orchestrator.spool.capacity")}
    and
  {series("orchestrator.spool.records")} > 0
)""",
    rules.MONITOR_LOSING_DATA.id: f"""sum by (instance) (
  increase({series("orchestrator.otlp.dropped")}[{rules.MONITOR_LOSING_DATA.window / 60:.0f}m])
)""",
}
"""What each rule's thresholds measure; for one without thresholds, its cause."""

LOOKED_BACK = {rules.BACKEND_FAILING.id: LATELY_SECONDS, rules.COLLECTOR_FAILING.id: LATELY_SECONDS}
"""Seconds for which a cause must be there already to be seen."""

_OF_BACKENDS = {rules.BACKEND_FAILING.id, rules.BACKEND_QUEUE_FILLING.id, rules.BACKEND_LOSING_DATA.id}


def subject(rule_id: str) -> str:
    """What it is about, in a template."""
    return "Backend {{ $labels.backend }}" if rule_id in _OF_BACKENDS else "The monitor at {{ $labels.instance }}"
