"""Panels about alerts and logs, as the overview and the page of one agent both have them."""

from __future__ import annotations

from urllib.parse import quote

from grafana_foundation_sdk.builders import logs as logs_builders
from grafana_foundation_sdk.builders import stat, table, timeseries
from grafana_foundation_sdk.models import dashboard

from telemetry.alerts.rules import CATALOGUE
from telemetry.model import AlertLevel
from telemetry.signals.semconv import AGENT_NAME, CLUSTER, LEVEL, RULE
from tools.dashboards.frame import to_agent
from tools.dashboards.looks import LEVEL_COLOURS, coloured, shown_as, steps
from tools.dashboards.panels import (
    WHOLE,
    lines,
    listing,
    log_plot,
    log_query,
    now,
    rows,
    set_to,
    tiles,
    transformed,
)
from tools.dashboards.selecting import log_records, of_agents

_BY_ALERT = f"({CLUSTER}, {AGENT_NAME}, {RULE})"
_ACTIVE = of_agents("orchestrator.alert.active")
_OPEN = f"max by ({CLUSTER}, {AGENT_NAME}, {RULE}, {LEVEL}) ({_ACTIVE}) == 1"
_QUIET = f"max by {_BY_ALERT} ({of_agents('orchestrator.alert.suppressed')})\n  and on {_BY_ALERT} ({_OPEN})"
_LOG_COLOURS = {"debug": "gray", "info": "blue", "warn": "yellow", "error": "red", "critical": "dark-red"}


def open_count() -> stat.Panel:
    """How many alerts are open."""
    # 0 only where agents are seen: without any, nobody knows
    none = f"0 * max(max by ({CLUSTER}) ({of_agents('orchestrator.agent.up')}))"
    panel = tiles(
        "Open Alerts",
        "Alerts that the monitor holds open now, silenced ones included. No data means that no agent is seen, not "
        "that all is well.",
        "none",
        now(f"count({_OPEN})\n  or\n{none}", "open"),
    )
    return panel.thresholds(steps((1, "red")))


def open_alerts() -> table.Panel:
    """What is open, and whether anybody is told."""
    levels = {level.value: (level.value, LEVEL_COLOURS[level]) for level in AlertLevel}
    rules = {rule.id: (f"{rule.id}: {rule.summary}", "text") for rule in CATALOGUE}
    told = {"0": ("yes", "green"), "1": ("no", "text")}
    panel = listing(
        "Alerts",
        "What the monitor holds open. Told: no means that nobody is told, for it is silenced, in maintenance, or "
        "follows from something worse. An alert about a whole cluster has the cluster's name as its agent.",
        rows(_OPEN, "A"),
        rows(_QUIET, "B"),
    )
    panel = panel.with_transformation(transformed("merge"))
    panel = panel.with_transformation(
        transformed(
            "organize",
            excludeByName={"Time": True, "Value #A": True},
            indexByName={LEVEL: 0, RULE: 1, CLUSTER: 2, AGENT_NAME: 3, "Value #B": 4},
            renameByName={LEVEL: "Level", RULE: "Rule", CLUSTER: "Cluster", AGENT_NAME: "Agent", "Value #B": "Told"},
        )
    )
    text = {"type": "color-text"}
    panel = panel.override_by_name("Level", set_to(mappings=[shown_as(levels)], cell=text, width=100))
    panel = panel.override_by_name("Rule", set_to(mappings=[shown_as(rules)]))
    panel = panel.override_by_name("Told", set_to(mappings=[shown_as(told)], cell=text, width=80))
    link = to_agent("${__data.fields.Cluster}", "${__data.fields.Agent}")
    return panel.override_by_name("Agent", set_to(links=[link.build()])).no_value("No alert is open.")


def log_volume() -> timeseries.Panel:
    """Log records over time by level."""
    panel = log_plot(
        "Log Records by Level",
        "How many log records there are, by level: a peak of errors beside a change of state is where to look first.",
        "short",
        log_query(f"sum by (detected_level) (count_over_time({log_records()} [$__auto]))", "{{detected_level}}"),
    )
    for override in coloured(_LOG_COLOURS):
        panel = panel.override_by_name(*override)
    return panel


def log_lines(title: str = "Logs") -> logs_builders.Panel:
    """The log records themselves."""
    return lines(
        title,
        "The monitor's log records. A record opens to its fields; its trace_id leads to the check that wrote it, "
        "where the Loki data source has a derived field for it (provisioning/datasources has one).",
        log_query(log_records()),
    )


def alert_history() -> table.Panel:
    """What fired, changed and was over, each with a link to its trace."""
    columns = ["Time", "alert_level", RULE, CLUSTER, AGENT_NAME, "Line", "trace_id"]
    panel = listing(
        "Alert History",
        "Every alert that fired, changed its level or was over, from the logs. The trace is the check of the cluster "
        "that found it: how long each source took, and what was decided.",
        log_query(log_records(f'{RULE}!=""')),
    )
    panel = panel.with_transformation(transformed("extractFields", source="labels", replace=False, keepTime=False))
    panel = panel.with_transformation(transformed("filterFieldsByName", include={"names": columns}))
    panel = panel.with_transformation(
        transformed(
            "organize",
            indexByName={name: place for place, name in enumerate(columns)},
            renameByName={
                "alert_level": "Level",
                RULE: "Rule",
                CLUSTER: "Cluster",
                AGENT_NAME: "Agent",
                "Line": "What Happened",
                "trace_id": "Trace",
            },
        )
    )
    panel = panel.override_by_name("Time", set_to(width=180)).override_by_name("Level", set_to(width=90))
    panel = panel.override_by_name("Trace", set_to(width=120, links=[_to_trace()]))
    return panel.span(WHOLE).no_value("No alert in this time.")


def _to_trace() -> dashboard.DashboardLink:
    """Explore, at the trace whose id is the value."""
    times = '{"from":"\0{__from}","to":"\0{__to}"}'
    query = '{"refId":"A","datasource":{"type":"jaeger","uid":"\0{traces}"},"query":"\0{__value.raw}"}'
    pane = f'{{"trace":{{"datasource":"\0{{traces}}","queries":[{query}],"range":{times}}}}}'
    # Grafana fills in its variables before the address is read, so they alone stay as they are
    first, *others = pane.split("\0")
    address = quote(first, safe="") + "".join(
        "$" + variable + "}" + quote(rest, safe="") for variable, _, rest in (one.partition("}") for one in others)
    )
    link = dashboard.DashboardLink(title="Its trace", url=f"/explore?schemaVersion=1&panes={address}")
    link.target_blank = True
    return link
