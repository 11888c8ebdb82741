"""What all three dashboards share: data sources and variables to choose from, links to each other, marks for alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog import builder as cog
from grafana_foundation_sdk.models import dashboard

from telemetry.signals.semconv import AGENT_NAME, CLUSTER, RULE, SERVICE_NAME
from tools.dashboards.panels import LOGS_SOURCE, METRICS_SOURCE, log_query
from tools.dashboards.selecting import NAMES, OF_CLUSTER, log_records

TAG = SERVICE_NAME
OVERVIEW, AGENT, PIPELINE = "orchestrator-cc", "orchestrator-agent", "orchestrator-pipeline"
"""The dashboards' uids: what stands in their addresses."""

_EVERYTHING = ".*"


def frame(uid: str, title: str, description: str, *, since: str = "now-3h") -> builders.Dashboard:
    """A dashboard with nothing in it yet."""
    links = builders.DashboardLink("Dashboards").type(dashboard.DashboardLinkType.DASHBOARDS).tags([TAG])
    return (
        builders.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags([TAG])
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time(since, "now")
        .refresh("30s")
        .link(links.as_dropdown(True).include_vars(True).keep_time(True))
        .with_variable(
            _source("metrics", "prometheus", "Prometheus, or what speaks PromQL, with the monitors' metrics.")
        )
    )


def log_and_trace_sources(board: builders.Dashboard) -> builders.Dashboard:
    """Where the logs are, and where a trace id leads to."""
    board.with_variable(_source("logs", "loki", "Loki, with the monitors' logs."))
    return board.with_variable(_source("traces", "jaeger", "Jaeger, to which trace ids lead."))


def environment() -> builders.QueryVariable:
    """Which environments: `deployment.environment.name` of the senders."""
    query = f'label_values(target_info{{job="{SERVICE_NAME}"}}, deployment_environment_name)'
    about = "deployment.environment.name of the monitor: its profile, or what OTEL_RESOURCE_ATTRIBUTES says."
    return _or_all(_choice("environment", query, about))


def clusters() -> builders.QueryVariable:
    """Which clusters, or all."""
    query = f"label_values({NAMES['orchestrator.cluster.agents']}, {CLUSTER})"
    return _or_all(_choice("cluster", query, "Clusters of agents."))


def agents() -> builders.QueryVariable:
    """Which agents of the chosen clusters, or all."""
    return _or_all(_agents())


def one_cluster() -> builders.QueryVariable:
    """One cluster."""
    query = f"label_values({NAMES['orchestrator.cluster.agents']}, {CLUSTER})"
    return _choice("cluster", query, "The agent's cluster.")


def one_agent() -> builders.QueryVariable:
    """One agent of it."""
    return _agents()


def collectors() -> builders.QueryVariable:
    """Which collectors, by the address at which Prometheus scrapes their own metrics."""
    query = "label_values(otelcol_process_uptime, instance)"
    about = "Collectors, by the address of their own metrics (port 8888)."
    return _or_all(_choice("collector", query, about))


def marks() -> builders.AnnotationQuery:
    """A mark in every plot where an alert fired, changed or was over: its record in Loki."""
    query = log_query(log_records(f'{RULE}!=""'))
    return (
        builders.AnnotationQuery()
        .name("Alerts")
        .datasource(LOGS_SOURCE)
        .enable(True)
        .icon_color("red")
        .target(query)
        .expr(log_records(f'{RULE}!=""'))
        .title_format(f"{{{{{RULE}}}}}")
        .tag_keys(f"{CLUSTER},{AGENT_NAME}")
    )


def to_agent(cluster: str, agent: str) -> builders.DashboardLink:
    """A link from a series, or a row, to the dashboard of its agent; both given as Grafana's expressions."""
    address = f"/d/{AGENT}?var-cluster={cluster}&var-agent={agent}&${{environment:queryparam}}&${{__url_time_range}}"
    return builders.DashboardLink("The agent").url(address)


def filled(
    board: builders.Dashboard, rows: Mapping[str, Iterable[cog.Builder[dashboard.Panel]]]
) -> dashboard.Dashboard:
    """The dashboard with its panels, under the titles of their rows; each panel has a number of its own."""
    for title, panels in rows.items():
        board.with_row(builders.Row(title))
        for panel in panels:
            board.with_panel(panel)
    built = board.build()
    for number, one in enumerate(built.panels or (), 1):
        one.id_val = number
    return built


def _or_all(choice: builders.QueryVariable) -> builders.QueryVariable:
    """Several of them, or all, as it is at first."""
    every = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])
    return choice.multi(True).include_all(True).all_value(_EVERYTHING).current(every)


def _agents() -> builders.QueryVariable:
    query = f"label_values({NAMES['orchestrator.agent.up']}{{{OF_CLUSTER}}}, {AGENT_NAME})"
    return _choice("agent", query, "Agents of the chosen clusters.")


def _choice(name: str, query: str, about: str) -> builders.QueryVariable:
    asked: dict[str, Any] = {"query": query, "refId": f"variable-{name}"}
    return (
        builders.QueryVariable(name)
        .label(name.capitalize())
        .description(about)
        .datasource(METRICS_SOURCE)
        .query(asked)
        .definition(query)
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_CASE_INSENSITIVE_ASC)
    )


def _source(name: str, kind: str, about: str) -> builders.DatasourceVariable:
    return builders.DatasourceVariable(name).label(name.capitalize()).description(about).type(kind)
