"""The kinds of panels of all three dashboards: each with a title, a description and, where it has numbers, a unit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import logs as logs_builders
from grafana_foundation_sdk.builders import loki, prometheus, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.models import common, dashboard
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

METRICS_SOURCE = common.DataSourceRef(type_val="prometheus", uid="${metrics}")
LOGS_SOURCE = common.DataSourceRef(type_val="loki", uid="${logs}")
"""By variables: a dashboard takes whichever data sources a Grafana has."""

WHOLE, HALF, THIRD, QUARTER = 24, 12, 8, 6
"""Widths."""

AnyPanel = TypeVar("AnyPanel", timeseries.Panel, stat.Panel, statetimeline.Panel, table.Panel, logs_builders.Panel)


def series(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """A query over the time that is shown."""
    return _metrics(expr, ref).range().legend_format(legend or "__auto")


def now(expr: str, legend: str = "", ref: str = "A") -> prometheus.Dataquery:
    """A query for the values at the end of the time that is shown."""
    return _metrics(expr, ref).instant().legend_format(legend or "__auto")


def rows(expr: str, ref: str = "A") -> prometheus.Dataquery:
    """The same as rows of a table, a column for each label."""
    return _metrics(expr, ref).instant().format(PromQueryFormat.TABLE)


def log_query(expr: str, legend: str = "", ref: str = "A") -> loki.Dataquery:
    """Log records, or numbers made from them."""
    query = loki.Dataquery().expr(expr).ref_id(ref).query_type("range").datasource(LOGS_SOURCE)
    return query.legend_format(legend) if legend else query


def plot(title: str, description: str, unit: str, *queries: prometheus.Dataquery) -> timeseries.Panel:
    """Lines over time, with the last and the highest value of each."""
    panel = timeseries.Panel().unit(unit).min(0).line_width(1).fill_opacity(10)
    panel = panel.show_points(common.VisibilityMode.NEVER).span_nulls(60_000)
    panel = panel.legend(
        common_builders.VizLegendOptions()
        .show_legend(True)
        .display_mode(common.LegendDisplayMode.TABLE)
        .placement(common.LegendPlacement.BOTTOM)
        .calcs(["lastNotNull", "max"])
    ).tooltip(_tooltip())
    return _described(panel, title, description, queries).height(8)


def stacked(title: str, description: str, unit: str, *queries: prometheus.Dataquery) -> timeseries.Panel:
    """The same as areas on top of each other."""
    panel = plot(title, description, unit, *queries).fill_opacity(60).line_width(0)
    return panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))


def log_plot(title: str, description: str, unit: str, query: loki.Dataquery) -> timeseries.Panel:
    """Numbers made from logs, as bars on top of each other."""
    panel = stacked(title, description, unit).with_target(query).datasource(LOGS_SOURCE)
    return panel.draw_style(common.GraphDrawStyle.BARS)


def tiles(title: str, description: str, unit: str, *queries: prometheus.Dataquery) -> stat.Panel:
    """A tile with a large number, or a word, for each series."""
    panel = stat.Panel().unit(unit).graph_mode(common.BigValueGraphMode.NONE).color_mode(common.BigValueColorMode.VALUE)
    panel = panel.reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
    return _described(panel, title, description, queries).height(4)


def timeline(title: str, description: str, *queries: prometheus.Dataquery) -> statetimeline.Panel:
    """A coloured strip over time for each series."""
    panel = statetimeline.Panel().unit("none").merge_values(True).show_value(common.VisibilityMode.NEVER)
    panel = panel.row_height(0.8).fill_opacity(80).line_width(0).tooltip(_tooltip())
    return _described(panel, title, description, queries).height(9)


def listing(title: str, description: str, *queries: prometheus.Dataquery | loki.Dataquery) -> table.Panel:
    """A table."""
    panel = table.Panel().unit("none").filterable(True)
    return _described(panel, title, description, queries).height(8)


def lines(title: str, description: str, query: loki.Dataquery) -> logs_builders.Panel:
    """Log lines, newest first, each of which opens to its fields and to its trace."""
    panel = logs_builders.Panel().show_time(True).wrap_log_message(True).enable_log_details(True)
    panel = panel.sort_order(common.LogsSortOrder.DESCENDING).dedup_strategy(common.LogsDedupStrategy.NONE)
    panel = panel.show_labels(False).show_common_labels(False).prettify_log_message(False)
    return _described(panel, title, description, [query]).height(10).span(WHOLE)


def transformed(kind: str, **options: object) -> dashboard.DataTransformerConfig:
    """A step between a query's answer and the table."""
    return dashboard.DataTransformerConfig(id_val=kind, options=options)


def set_to(**properties: object) -> list[dashboard.DynamicConfigValue]:
    """Properties of a field that differ from the others'; `cell` stands for `custom.cellOptions`."""
    keys = {"cell": "custom.cellOptions", "width": "custom.width"}
    return [dashboard.DynamicConfigValue(keys.get(key, key), value) for key, value in properties.items()]


def _metrics(expr: str, ref: str) -> prometheus.Dataquery:
    return prometheus.Dataquery().expr(expr).ref_id(ref).datasource(METRICS_SOURCE)


def _tooltip() -> common_builders.VizTooltipOptions:
    every = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    return every.sort(common.SortOrder.DESCENDING)


def _described(
    panel: AnyPanel, title: str, description: str, queries: Sequence[prometheus.Dataquery | loki.Dataquery]
) -> AnyPanel:
    panel.title(title).description(description)
    for query in queries:
        panel.datasource(LOGS_SOURCE if isinstance(query, loki.Dataquery) else METRICS_SOURCE).with_target(query)
    return panel
