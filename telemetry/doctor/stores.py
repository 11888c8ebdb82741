"""Each backend's own way of saying whether the probe is there."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping

from telemetry.collector.places import without_secrets
from telemetry.doctor.answers import Arrival, Asked, Word
from telemetry.doctor.asking import headers_of
from telemetry.doctor.probe import PROMETHEUS_METRIC, Probe
from telemetry.doctor.world import World

_AN_HOUR = 3600
_PROMETHEUS_PAGE = ("ORCHESTRATOR_COLLECTOR_PROMETHEUS_PORT", "8889")


Asker = Callable[[World, Probe], Awaitable[Word]]


async def prometheus_page(world: World, probe: Probe) -> Word:
    """The page of the collector that Prometheus scrapes."""
    name, usual = _PROMETHEUS_PAGE
    host = without_secrets(world.target.url).partition("://")[2].rpartition(":")[0] or "127.0.0.1"
    url = f"http://{host}:{world.variable(name, usual)}/metrics"
    todo = f"{name} names the page's port; the collector's log says why it isn't there"
    found = await Asked("page of the collector", name, "", todo).answer(world, url)
    if isinstance(found, Word):
        return found
    for line in found.text.splitlines():
        if line.startswith(PROMETHEUS_METRIC) and _number(line) == probe.number:
            return Word(Arrival.THERE, f"the metric is on the page {url}")
    return Word(Arrival.NOT_YET, f"the metric is not on the page {url}", todo)


def _number(line: str) -> int:
    try:
        return int(float(line.rpartition(" ")[2]))
    except (ValueError, OverflowError):
        return -1


async def prometheus(world: World, probe: Probe, base: str, headers: Mapping[str, str], names: tuple[str, str]) -> Word:
    """Prometheus, or what speaks like it. `names`: the variables that say where it is, and who asks."""
    variable, key = names
    where = without_secrets(base)
    asked = Asked("Prometheus", variable, key, f"start Prometheus, or correct {variable}")
    todo = f"look at Prometheus' targets ({where}/targets) and at {variable}"
    params = {"query": f"{PROMETHEUS_METRIC} == {probe.number}"}
    found = await asked.answer(world, f"{base}/api/v1/query", params=params, headers=headers)
    if isinstance(found, Word):
        return found
    content = found.json()
    try:
        is_there = bool(content["data"]["result"])
    except (KeyError, TypeError):
        return asked.another(where)
    if is_there:
        return Word(Arrival.THERE, f"the metric is in {where}")
    return Word(Arrival.NOT_YET, f"the metric is not in {where}", todo)


def prometheus_base(written_to: str) -> str:
    """Where Prometheus, or Mimir, is asked that is written to at this address; "" where that can't be told."""
    for ending, prefix in (
        ("/api/v1/write", ""),
        ("/api/v1/push", "/prometheus"),
        ("/api/v1/otlp", ""),
        ("/otlp", "/prometheus"),
    ):
        if written_to.rstrip("/").endswith(ending):
            return written_to.rstrip("/").removesuffix(ending) + prefix
    return ""


async def loki(world: World, probe: Probe) -> Word:
    """Loki, by LogQL."""
    base, now = world.variable("LOKI_URL"), world.now()
    where = without_secrets(base)
    down = "start Loki, or correct LOKI_URL; what waits in the collector is sent when it is back"
    asked = Asked("Loki", "LOKI_URL", "LOKI_HEADERS", down)
    found = await asked.answer(
        world,
        f"{base}/loki/api/v1/query_range",
        params={
            "query": f"{{service_name={json.dumps(probe.service)}}} | record_id={json.dumps(probe.record_id)}",
            "start": str(int((now - _AN_HOUR) * 1e9)),
            "end": str(int((now + _AN_HOUR) * 1e9)),
            "limit": "1",
        },
        headers=headers_of(world.variable("LOKI_HEADERS")),
    )
    if isinstance(found, Word):
        return found
    try:
        is_there = bool(found.json()["data"]["result"])
    except (KeyError, TypeError):
        return asked.another(where)
    if is_there:
        return Word(Arrival.THERE, f"the log line is in {where}")
    return Word(Arrival.NOT_YET, f"the log line is not in {where}", "the collector's log says what Loki refused")


async def elasticsearch(world: World, probe: Probe) -> Word:
    """Elasticsearch: the log line and the span."""
    lacking = []
    logs = world.variable("ELASTICSEARCH_LOGS_INDEX", "logs-orchestrator.otel-default")
    traces = world.variable("ELASTICSEARCH_TRACES_INDEX", "traces-orchestrator.otel-default")
    by_record = [{"term": {field: probe.record_id}} for field in ("record_id", "attributes.record_id")]
    for what, index, query in (
        ("log line", logs, {"bool": {"should": by_record}}),
        ("span", traces, {"term": {"trace_id": probe.trace_id}}),
    ):
        found = await _elasticsearch_has(world, index, query)
        if isinstance(found, Word):
            return found
        if not found:
            lacking.append(f"the {what} is not in {index}")
    if not lacking:
        return Word(Arrival.THERE, f"log line and span are in {without_secrets(world.variable('ELASTICSEARCH_URL'))}")
    todo = (
        "before Elasticsearch 8.16, put otel-collector/elasticsearch/index-template.json there; see the collector's log"
    )
    return Word(Arrival.NOT_YET, "; ".join(lacking), todo)


async def _elasticsearch_has(world: World, index: str, query: Mapping[str, object]) -> Word | bool:
    base = world.variable("ELASTICSEARCH_URL").rstrip("/")
    key = "ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD"
    down = "start Elasticsearch, or correct ELASTICSEARCH_URL"
    asked = Asked("Elasticsearch", "ELASTICSEARCH_URL", key, down)
    found = await asked.answer(
        world,
        f"{base}/{index}/_search",
        method="POST",
        params={"ignore_unavailable": "true", "allow_no_indices": "true"},
        headers=elasticsearch_headers(world),
        body={"size": 1, "_source": False, "query": query},
    )
    if isinstance(found, Word):
        return found
    try:
        return bool(found.json()["hits"]["hits"])
    except (KeyError, TypeError):
        return asked.another(without_secrets(base))


def elasticsearch_headers(world: World) -> dict[str, str]:
    """How the collector makes itself known to Elasticsearch."""
    if key := world.variable("ELASTICSEARCH_API_KEY"):
        return {"Authorization": f"ApiKey {key}"}
    if user := world.variable("ELASTICSEARCH_USER"):
        pair = f"{user}:{world.variable('ELASTICSEARCH_PASSWORD')}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}


async def datadog(world: World, _: Probe) -> Word:
    """Datadog's validation of the key: what arrived can't be asked for with it."""
    base = datadog_base(world)
    key = "DD_API_KEY (and DD_SITE: a key holds for one site)"
    asked = Asked(
        "Datadog", _datadog_named_by(world), key, "DD_SITE, DD_METRICS_URL and the proxy decide where Datadog is"
    )
    found = await asked.answer(world, f"{base}/api/v1/validate", headers={"DD-API-KEY": world.variable("DD_API_KEY")})
    if isinstance(found, Word):
        return found
    content = found.json()
    if isinstance(content, dict) and content.get("valid") is True:
        return Word(Arrival.THERE, f"{without_secrets(base)} says that the key is valid")
    return asked.another(without_secrets(base))


def _datadog_named_by(world: World) -> str:
    return "DD_METRICS_URL" if world.variable("DD_METRICS_URL") else "DD_SITE"


def datadog_base(world: World) -> str:
    """Where Datadog's API is."""
    return world.variable("DD_METRICS_URL").rstrip("/") or f"https://api.{world.variable('DD_SITE', 'datadoghq.com')}"
