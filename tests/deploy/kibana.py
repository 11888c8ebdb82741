"""What stands in Kibana's saved objects, as Elasticsearch would be asked for it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

FILE = Path(__file__).parents[2] / "deploy" / "elasticsearch" / "kibana.ndjson"


class Question(NamedTuple):
    """What one saved search or chart asks: the indices, the body of a search, the fields that it shows."""

    asked_by: str
    indices: str
    body: dict[str, Any]
    fields: frozenset[str]


def objects() -> list[dict[str, Any]]:
    """All of them."""
    return [json.loads(line) for line in FILE.read_text().splitlines()]


def questions() -> list[Question]:
    """Of every search and chart."""
    views = {one["id"]: one["attributes"]["title"] for one in objects() if one["type"] == "index-pattern"}
    return [_question(one, views) for one in objects() if one["type"] in ("search", "visualization")]


def _question(one: dict[str, Any], views: dict[str, str]) -> Question:
    attributes, [view] = one["attributes"], one["references"]
    source = json.loads(attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])
    assert source["query"]["language"] == "lucene"
    charted = json.loads(attributes.get("visState", "{}")).get("aggs", [])
    body = {
        "query": {"query_string": {"query": source["query"]["query"]}},
        "sort": [{field: order} for field, order in attributes.get("sort", [])],
        "aggs": {agg["id"]: _aggregation(agg) for agg in charted if agg["type"] != "count"},
        "size": 1,
    }
    fields = {*attributes.get("columns", []), *(agg["params"]["field"] for agg in charted if agg["type"] != "count")}
    return Question(one["id"], views[view["id"]], body, frozenset(fields))


def _aggregation(asked: dict[str, Any]) -> dict[str, Any]:
    """A chart's buckets."""
    field = {"field": asked["params"]["field"]}
    if asked["type"] == "date_histogram":
        return {"date_histogram": {**field, "fixed_interval": "1m"}}
    return {asked["type"]: {**field, "size": asked["params"]["size"]}}
