"""Every question that a dashboard asks, put to the real servers that a real cluster of agents filled."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from telemetry.collector import build
from tests.backends.build import build as build_backends
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus
from tests.collector.harness import get
from tests.deploy import datadog, grafana, kibana
from tests.deploy.filled import DEAD, ENVIRONMENT, PANES, PROCESS, RESTARTED, SILENCED, Filled, filled
from tests.deploy.grafana import Query
from tests.waiting import NotInTimeError, eventually
from tools.dashboards.collector_metrics import COLLECTOR_METRICS

pytestmark = pytest.mark.slow

ALL = dict.fromkeys(("environment", "cluster", "agent", "collector"), ".*")
"""As Grafana fills in «All»."""
QUERIES = list(grafana.queries())
IN_TIME = 20.0


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    """All of it, once."""
    binary = build(print)
    build_backends([])
    with filled(tmp_path_factory.mktemp("filled"), binary) as running:
        yield running


def ask(world: Filled, query: Query, chosen: dict[str, str]) -> list[Any]:
    """The answer: series, log records, or values of a label."""
    text = query.filled(chosen)
    if query.kind == "prometheus":
        return list(world.prometheus.query(text))
    if query.kind == "loki":
        return from_loki(world.world.loki, text)
    assert query.kind == "label_values"
    return label_values(world.prometheus, text)


def from_loki(loki: Loki, text: str) -> list[Any]:
    """Log records, or series that were made from them, of the last ten minutes."""
    now = time.time()
    answer = loki.get_json("/loki/api/v1/query_range", query=text, start=int(now - 600), end=int(now + 10), step=10)
    found: list[Any] = answer["data"]["result"]
    return found


def label_values(prometheus: Prometheus, text: str) -> list[str]:
    """What Grafana makes of `label_values(selector, label)`."""
    selector, _, label = text.removeprefix("label_values(").removesuffix(")").rpartition(",")
    return sorted({one[label.strip()] for one in prometheus.series(selector) if label.strip() in one})


def of(title: str, *, dashboard: str = "orchestrator-cc Dashboard") -> list[Query]:
    """The queries of one panel."""
    return [query for query in QUERIES if (query.dashboard, query.asked_by) == (dashboard, title)]


def unanswered(queries: Iterable[Query], question: Callable[[Query], object]) -> dict[str, str]:
    """Those to which there is no answer in time, with what was heard last."""

    def tried(query: Query) -> str:
        try:
            eventually(lambda: question(query), IN_TIME)
        except NotInTimeError as failure:
            return str(failure)
        return ""

    asked = list(queries)
    with ThreadPoolExecutor(16) as threads:
        return {str(query): why for query, why in zip(asked, threads.map(tried, asked), strict=True) if why}


def test_every_query_has_an_answer(world: Filled) -> None:
    assert unanswered(QUERIES, lambda query: ask(world, query, ALL)) == {}


def test_the_same_queries_are_answered_by_whichever_way_metrics_got_there(world: Filled) -> None:
    """A monitor's page that is scraped by itself has no target_info: nothing is hidden for that."""
    ours = [query for query in QUERIES if query.kind == "prometheus" and "otelcol_" not in query.text]
    for way, server in world.world.prometheus.items():
        told = unanswered(ours, lambda query, server=server: server.query(query.filled(ALL)))  # type: ignore[misc]
        assert told == {}, way


def test_what_is_chosen_is_what_is_asked_about(world: Filled) -> None:
    chosen = {"environment": ENVIRONMENT, "cluster": world.cluster, "agent": f"{DEAD}|{RESTARTED}|{SILENCED}"}
    narrow = [query for query in QUERIES if query.asked_by not in UNCHOSEN and "otelcol_" not in query.text]
    assert unanswered(narrow, lambda query: ask(world, query, chosen)) == {}
    for name in ("environment", "cluster", "agent"):
        nobody = {**chosen, name: "nobody"}
        for query in narrow:
            if name in query.variables:
                assert ask(world, query, nobody) == [], f"{query} with {name}=nobody"


UNCHOSEN = {"Memory", "Memory Now", "Processor", "Team Tasks", "Oldest Open Task"}
"""About others than the three chosen agents."""


def test_the_variables_offer_what_there_is(world: Filled) -> None:
    offered = {query.asked_by: ask(world, query, ALL) for query in QUERIES if query.kind == "label_values"}
    assert offered["variable environment"] == [ENVIRONMENT]
    assert offered["variable cluster"] == [world.cluster]
    assert {*PANES, PROCESS} <= set(offered["variable agent"])
    assert offered["variable collector"] == [world.world.collector.url("TELEMETRY").removeprefix("http://")]


def test_the_overview_says_how_it_is(world: Filled) -> None:
    asked = {title: query.filled(ALL) for title in SHOWN for query in of(title)[:1]}

    def values(title: str, label: str) -> dict[str, float]:
        return {one.labels[label]: one.value for one in world.prometheus.query(asked[title])}

    def as_it_is() -> bool:
        up = values("Agent Status", "agent_name")
        assert {name for name, alive in up.items() if not alive} == {DEAD, SILENCED}
        states = values("State Timeline", "agent_name")
        assert [states[name] for name in (DEAD, SILENCED, RESTARTED, PANES[0])] == [6, 6, 1, 1]
        assert values("Agents by State", "state")["stopped"] == 2
        return True

    eventually(as_it_is)
    opened, quiet = (
        {(one.labels["agent_name"], one.labels["rule"]): one.value for one in world.prometheus.query(query.filled(ALL))}
        for query in of("Alerts")
    )
    assert set(quiet) == set(opened)
    assert (quiet[DEAD, "agent_stopped"], quiet[SILENCED, "agent_stopped"]) == (0, 1)
    [count] = world.prometheus.query(of("Open Alerts")[0].filled(ALL))
    assert count.value == len(opened)


SHOWN = ("Agent Status", "State Timeline", "Agents by State")


def test_where_no_alert_is_open_the_number_is_zero_and_where_nobody_is_seen_there_is_none(world: Filled) -> None:
    [query] = of("Open Alerts")
    [none] = world.prometheus.query(query.filled({**ALL, "agent": PANES[0]}))
    assert none.value == 0
    assert world.prometheus.query(query.filled({**ALL, "agent": "nobody"})) == []


def test_an_alerts_trace_id_leads_to_its_trace(world: Filled) -> None:
    [query] = of("Alert History")
    records = from_loki(world.world.loki, query.filled({**ALL, "agent": DEAD}))
    [labels] = [one["stream"] for one in records if one["stream"]["rule"] == "agent_stopped"]
    assert {"alert_level", "rule", "cluster", "agent_name", "trace_id"} <= set(labels)
    assert eventually(lambda: world.world.jaeger.spans(labels["trace_id"]))


def test_the_collectors_own_metrics_are_those_that_are_listed(world: Filled) -> None:
    page = get(f"{world.world.collector.url('TELEMETRY')}/metrics")
    there = set(re.findall(r"^([a-z_]\w*)", page, re.MULTILINE))
    listed = {metric.name: metric.at_once for metric in COLLECTOR_METRICS}
    assert {name for name, at_once in listed.items() if at_once} - there == set()
    # the rest is not there while nothing is lost
    assert {name for name, at_once in listed.items() if not at_once} & there == set()


def test_datadog_got_every_series_that_its_dashboard_and_monitors_ask_for(world: Filled) -> None:
    recorder = world.world.datadog

    def lacking(series: datadog.Series) -> set[str]:
        got = [{*(tag.partition(":")[0] for tag in one["tags"]), "host"} for one in recorder.metrics(series.name)]
        return set() if any(series.chosen | series.groups <= tags for tags in got) else {str(series)}

    def everything_is_there() -> bool:
        assert {text for series in datadog.every_series() for text in lacking(series)} == set()
        return True

    eventually(everything_is_there, IN_TIME)


@pytest.mark.parametrize("question", kibana.questions(), ids=lambda question: question.asked_by)
def test_kibanas_searches_and_charts_find_something(world: Filled, question: kibana.Question) -> None:
    """What Kibana would ask Elasticsearch, without Kibana."""
    elasticsearch = world.world.elasticsearch
    answer = eventually(lambda: _with_hits(elasticsearch.search_raw(question.indices, question.body)), IN_TIME)
    assert all(aggregation["buckets"] for aggregation in answer.get("aggregations", {}).values())
    known = elasticsearch.get_json(f"/{question.indices}/_field_caps", fields=",".join(question.fields))
    assert question.fields <= set(known["fields"])


def _with_hits(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["hits"]["hits"]
    return answer
