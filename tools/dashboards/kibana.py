"""Kibana's saved objects: data views, searches, two charts and a dashboard, as an export that can be imported.

Queries are in Lucene's language, which Elasticsearch itself understands, so that they can be tried without Kibana.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from telemetry.signals.semconv import (
    AGENT_NAME,
    CLUSTER,
    EVENT_STATE_CHANGED,
    RULE,
    SPAN_CHECK,
    STATE,
)

LOGS, TRACES = "orchestrator-logs", "orchestrator-traces"
_INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
_AGENT, _CLUSTER, _RULE = (f"attributes.{name}" for name in (AGENT_NAME, CLUSTER, RULE))
_WHO = ("severity_text", _CLUSTER, _AGENT)
_ALERTS = f"_exists_:{_RULE}"


class Search(NamedTuple):
    """One saved search: its id, title, what it is for, the data view, the query, and the columns."""

    id: str
    title: str
    about: str
    view: str
    query: str
    columns: tuple[str, ...]


class Chart(NamedTuple):
    """One chart of how many records there are: by time or not, and by the most frequent values of a field."""

    id: str
    title: str
    about: str
    query: str
    field: str
    over_time: bool


SEARCHES = (
    Search(
        "orchestrator-search-alerts",
        "orchestrator-cc: Alerts",
        "Every alert that fired, changed its level or was over.",
        LOGS,
        _ALERTS,
        (*_WHO, _RULE, "body.text", "trace_id"),
    ),
    Search(
        "orchestrator-search-states",
        "orchestrator-cc: Changes of State",
        "What each agent did when.",
        LOGS,
        f'event_name:"{EVENT_STATE_CHANGED}"',
        (_CLUSTER, _AGENT, f"attributes.{STATE}", "body.text", "trace_id"),
    ),
    Search(
        "orchestrator-search-logs",
        "orchestrator-cc: Logs",
        "Every log record.",
        LOGS,
        "*",
        (*_WHO, "body.text", "trace_id"),
    ),
    Search(
        "orchestrator-search-checks",
        "orchestrator-cc: Checks",
        "Checks of clusters that found something: their trace ids are those of the log records.",
        TRACES,
        f'name:"{SPAN_CHECK}"',
        ("name", "duration", _CLUSTER, "status.code", "trace_id"),
    ),
)
CHARTS = (
    Chart(
        "orchestrator-chart-levels",
        "orchestrator-cc: Log Records by Level",
        "A peak of errors is where to look first.",
        "*",
        "severity_text",
        over_time=True,
    ),
    Chart(
        "orchestrator-chart-agents",
        "orchestrator-cc: Alerts by Agent",
        "Which agents make the most trouble.",
        _ALERTS,
        _AGENT,
        over_time=False,
    ),
)


def text() -> str:
    """All of them, a line each."""
    objects = [_view(LOGS, "logs"), _view(TRACES, "traces")]
    objects += [*map(_search, SEARCHES), *map(_chart, CHARTS), _dashboard()]
    return "".join(json.dumps(one, sort_keys=True, ensure_ascii=False) + "\n" for one in objects)


def _object(
    kind: str, id_: str, version: str, attributes: dict[str, Any], *references: dict[str, str]
) -> dict[str, Any]:
    # of which Kibana they are: an older object is brought up to date when it is imported, a newer one refused
    return {
        "type": kind,
        "id": id_,
        "attributes": attributes,
        "references": list(references),
        "coreMigrationVersion": "8.8.0",
        "typeMigrationVersion": version,
    }


def _view(id_: str, signal: str) -> dict[str, Any]:
    title = f"{signal}-orchestrator.otel-*"
    named = {"title": title, "name": f"orchestrator-cc {signal}", "timeFieldName": "@timestamp"}
    return _object("index-pattern", id_, "8.0.0", named)


def _search(search: Search) -> dict[str, Any]:
    attributes = {
        "title": search.title,
        "description": search.about,
        "columns": list(search.columns),
        "sort": [["@timestamp", "desc"]],
        "kibanaSavedObjectMeta": _asked(search.query),
    }
    return _object("search", search.id, "8.0.0", attributes, _reference(_INDEX, "index-pattern", search.view))


def _chart(chart: Chart) -> dict[str, Any]:
    state = {
        "title": chart.title,
        "type": "histogram" if chart.over_time else "horizontal_bar",
        "aggs": list(_aggregations(chart)),
        "params": {"addLegend": chart.over_time, "addTooltip": True, "legendPosition": "right"},
    }
    attributes = {
        "title": chart.title,
        "description": chart.about,
        "visState": json.dumps(state, sort_keys=True),
        "uiStateJSON": "{}",
        "kibanaSavedObjectMeta": _asked(chart.query),
    }
    return _object("visualization", chart.id, "8.0.0", attributes, _reference(_INDEX, "index-pattern", LOGS))


def _aggregations(chart: Chart) -> Iterable[dict[str, Any]]:
    yield {"id": "1", "enabled": True, "type": "count", "schema": "metric", "params": {}}
    if chart.over_time:
        times = {"field": "@timestamp", "interval": "auto", "min_doc_count": 1, "useNormalizedEsInterval": True}
        yield {"id": "2", "enabled": True, "type": "date_histogram", "schema": "segment", "params": times}
    most = {"field": chart.field, "size": 20, "order": "desc", "orderBy": "1"}
    schema = "group" if chart.over_time else "segment"
    yield {"id": "3", "enabled": True, "type": "terms", "schema": schema, "params": most}


def _dashboard() -> dict[str, Any]:
    shown = [
        ("visualization", CHARTS[0].id, (0, 0, 32, 12)),
        ("visualization", CHARTS[1].id, (32, 0, 16, 12)),
        ("search", SEARCHES[0].id, (0, 12, 48, 16)),
        ("search", SEARCHES[1].id, (0, 28, 48, 14)),
        ("search", SEARCHES[2].id, (0, 42, 48, 18)),
    ]
    panels, references = [], []
    for number, (kind, id_, (x, y, w, h)) in enumerate(shown, 1):
        place = {"x": x, "y": y, "w": w, "h": h, "i": str(number)}
        name = f"panel_{number}"
        panels.append(
            {"type": kind, "panelIndex": str(number), "gridData": place, "embeddableConfig": {}, "panelRefName": name}
        )
        references.append(_reference(f"{number}:{name}", kind, id_))
    attributes = {
        "title": "orchestrator-cc Dashboard",
        "description": "Clusters of coding agents, by their log records.",
        "panelsJSON": json.dumps(panels, sort_keys=True),
        "optionsJSON": json.dumps({"hidePanelTitles": False, "syncColors": True, "useMargins": True}),
        "timeRestore": False,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps({"query": _lucene(""), "filter": []})},
    }
    return _object("dashboard", "orchestrator-cc", "8.9.0", attributes, *references)


def _asked(query: str) -> dict[str, str]:
    source = {"query": _lucene(query), "filter": [], "indexRefName": _INDEX}
    return {"searchSourceJSON": json.dumps(source, sort_keys=True)}


def _lucene(query: str) -> dict[str, str]:
    return {"query": query, "language": "lucene"}


def _reference(name: str, kind: str, id_: str) -> dict[str, str]:
    return {"name": name, "type": kind, "id": id_}
