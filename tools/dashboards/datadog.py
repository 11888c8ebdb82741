"""The dashboard for Datadog, as its API takes it (POST /api/v1/dashboard).

Datadog has the OpenTelemetry names, and counters as what was added; `env` is made from `deployment.environment.name`.
"""

from __future__ import annotations

from typing import Any

from telemetry.alerts.rules import AGENT_IDLE
from telemetry.collector.course import NEARLY_FULL
from telemetry.model import AlertLevel
from telemetry.signals.semconv import (
    AGENT_NAME,
    BACKEND,
    CHANNEL,
    CLUSTER,
    LEVEL,
    OUTCOME,
    REASON,
    RULE,
    SERVICE_NAME,
    SIGNAL,
    SOURCE,
    STATE,
    STATUS,
    TEAM,
)
from tools.dashboards.datadog_queries import added, latest, query

Widget = dict[str, Any]
_OF_AGENT = (CLUSTER, AGENT_NAME)
_OF_CLUSTER = (CLUSTER,)
_LINE_COLOURS = {AlertLevel.WARNING: "warning", AlertLevel.ERROR: "error", AlertLevel.CRITICAL: "error"}


def dashboard() -> dict[str, Any]:
    """The dashboard."""
    return {
        "title": "orchestrator-cc Dashboard",
        "description": "Who died, who hangs, who waits for you: clusters of coding agents as the monitor sees them.",
        "layout_type": "ordered",
        "reflow_type": "auto",
        "template_variables": [
            {"name": name, "prefix": name, "available_values": [], "defaults": ["*"]}
            for name in ("env", CLUSTER, AGENT_NAME)
        ],
        "widgets": [
            _group("Now", by_state(), open_count(), agents()),
            _group("Agents", status(), idle(), restarts()),
            _group("Alerts", alerts(), open_alerts()),
            _group("Teams", tasks(), oldest_task()),
            _group("Logs and Traces", logs(), traces()),
            _group("Pipeline", checks(), backends(), queues(), lost(), spool(), dropped(), notifications()),
        ],
    }


def by_state() -> Widget:
    """How many agents are in each state."""
    return _plot("Agents by State", "area", latest("orchestrator.cluster.agents", "sum", _OF_CLUSTER, by=(STATE,)))


def open_count() -> Widget:
    """How many alerts are open."""
    asked = query(latest("orchestrator.alert.active", "sum", _OF_AGENT), aggregator="last")
    formats = [
        {"comparator": ">", "value": 0, "palette": "white_on_red"},
        {"comparator": "<=", "value": 0, "palette": "white_on_green"},
    ]
    request = {
        "response_format": "scalar",
        "queries": [asked],
        "formulas": [{"formula": "query1"}],
        "conditional_formats": formats,
    }
    return _widget("query_value", "Open Alerts", requests=[request], precision=0)


def agents() -> Widget:
    """A row for each agent."""
    columns = {
        "up": ("Up", latest("orchestrator.agent.up", "max", _OF_AGENT, by=_OF_AGENT)),
        "idle": ("Idle (s)", latest("orchestrator.agent.idle_time", "max", _OF_AGENT, by=_OF_AGENT)),
        "restarts": ("Restarts", added("orchestrator.agent.restarts", _OF_AGENT, by=_OF_AGENT)),
    }
    down = [{"comparator": "<", "value": 1, "palette": "white_on_red"}]
    formulas = [
        {"formula": name, "alias": title, **({"conditional_formats": down} if name == "up" else {})}
        for name, (title, _) in columns.items()
    ]
    queries = [
        query(text, name=name, aggregator="sum" if name == "restarts" else "last")
        for name, (_, text) in columns.items()
    ]
    request = {"response_format": "scalar", "queries": queries, "formulas": formulas}
    return _widget("query_table", "Agents", requests=[request], has_search_bar="auto")


def status() -> Widget:
    """Who is up."""
    return _plot("Agent Status", "line", latest("orchestrator.agent.up", "max", _OF_AGENT, by=_OF_AGENT))


def idle() -> Widget:
    """How long each has done nothing, with the thresholds of the alert."""
    markers = [
        {"value": f"y = {value:g}", "display_type": f"{_LINE_COLOURS[level]} dashed", "label": level.value}
        for level, value in AGENT_IDLE.levels.items()
    ]
    text = latest("orchestrator.agent.idle_time", "max", _OF_AGENT, by=_OF_AGENT)
    return _plot("Idle Time (s)", "line", text, markers=markers)


def restarts() -> Widget:
    """How often agents are started again."""
    return _plot("Agent Restarts", "bars", added("orchestrator.agent.restarts", _OF_AGENT, by=_OF_AGENT))


def alerts() -> Widget:
    """How many alerts enter each level."""
    return _plot("Cluster Alerts", "bars", added("orchestrator.cluster.alerts", _OF_CLUSTER, by=(LEVEL,)))


def open_alerts() -> Widget:
    """Which are open."""
    text = latest("orchestrator.alert.active", "max", _OF_AGENT, by=(CLUSTER, AGENT_NAME, RULE, LEVEL))
    request = {
        "response_format": "scalar",
        "queries": [query(text, aggregator="last")],
        "formulas": [{"formula": "query1", "limit": {"count": 100, "order": "desc"}}],
        "conditional_formats": [{"comparator": ">", "value": 0, "palette": "white_on_red"}],
    }
    return _widget("toplist", "Alerts: 1 is open, 0 is over", requests=[request])


def tasks() -> Widget:
    """Tasks of teams by status."""
    text = latest("orchestrator.team.tasks", "max", _OF_CLUSTER, by=(CLUSTER, TEAM, STATUS))
    return _plot("Team Tasks", "area", text)


def oldest_task() -> Widget:
    """How old the oldest is that isn't done."""
    text = latest("orchestrator.team.oldest_task_age", "max", _OF_CLUSTER, by=(CLUSTER, TEAM))
    return _plot("Oldest Open Task (s)", "line", text)


def logs() -> Widget:
    """The monitor's log records."""
    fields = ("status_line", "timestamp", f"@{AGENT_NAME}", "content")
    return _stream("Logs", "logs_stream", fields)


def traces() -> Widget:
    """Checks, and attempts to notify."""
    return _stream("Traces", "trace_stream", ("timestamp", "service", "resource_name", "duration"))


def checks() -> Widget:
    """How long checks take."""
    text = latest("orchestrator.monitor.check.duration", "avg", _OF_CLUSTER, by=(SOURCE,))
    return _plot("Check Duration (s)", "line", text)


def backends() -> Widget:
    """Which take what they are sent."""
    return _plot("Backends: 1 takes, 0 is down", "line", latest("orchestrator.backend.up", "min", (), by=(BACKEND,)))


def queues() -> Widget:
    """How full the collector's queues are."""
    marker = {"value": f"y = {NEARLY_FULL:g}", "display_type": "error dashed", "label": "nearly full"}
    text = latest("orchestrator.backend.queue_usage", "max", (), by=(BACKEND, SIGNAL))
    return _plot("Backend Queues (0 to 1)", "line", text, markers=[marker])


def lost() -> Widget:
    """What backends didn't get."""
    texts = [added(f"orchestrator.backend.{what}", (), by=(BACKEND, SIGNAL)) for what in ("failed", "refused")]
    return _plot("Lost for Backends: given up, turned away", "bars", *texts)


def spool() -> Widget:
    """What waits on disk."""
    return _plot("Waiting in Spools", "area", latest("orchestrator.spool.records", "sum", (), by=(SIGNAL,)))


def dropped() -> Widget:
    """What is lost before it leaves a monitor."""
    return _plot("Dropped by Monitors", "bars", added("orchestrator.otlp.dropped", (), by=(SIGNAL, REASON)))


def notifications() -> Widget:
    """Whether people are reached."""
    text = added("orchestrator.notification.deliveries", (), by=(CHANNEL, OUTCOME))
    return _plot("Notifications", "bars", text)


def _group(title: str, *widgets: Widget) -> Widget:
    definition = {"type": "group", "title": title, "layout_type": "ordered", "widgets": list(widgets)}
    return {"definition": definition}


def _widget(kind: str, title: str, **more: Any) -> Widget:
    return {"definition": {"type": kind, "title": title, **more}}


def _plot(title: str, style: str, *texts: str, **more: Any) -> Widget:
    names = [f"query{number}" for number, _ in enumerate(texts, 1)]
    request = {
        "response_format": "timeseries",
        "queries": [query(text, name=name) for name, text in zip(names, texts, strict=True)],
        "formulas": [{"formula": name} for name in names],
        "display_type": style,
    }
    return _widget("timeseries", title, requests=[request], show_legend=True, legend_layout="auto", **more)


def _stream(title: str, source: str, fields: tuple[str, ...]) -> Widget:
    chosen = f"service:{SERVICE_NAME} env:$env.value @{CLUSTER}:${CLUSTER}.value @{AGENT_NAME}:${AGENT_NAME}.value"
    text = chosen if source == "logs_stream" else f"service:{SERVICE_NAME} env:$env.value"
    wide = fields[-1]
    request = {
        "response_format": "event_list",
        "query": {"data_source": source, "query_string": text},
        "columns": [{"field": field, "width": "full" if field == wide else "auto"} for field in fields],
    }
    return _widget("list_stream", title, requests=[request])
