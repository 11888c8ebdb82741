"""Each backend's own way of saying whether the probe is there."""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from telemetry.collector.places import without_secrets
from telemetry.doctor.asking import FORBIDDEN, NOT_FOUND, UNAUTHORIZED, Reply, UnreachableError, headers_of
from telemetry.doctor.finding import one_line
from telemetry.doctor.probe import PROMETHEUS_METRIC, Probe
from telemetry.doctor.world import World

_AN_HOUR = 3600
_PROMETHEUS_PAGE = ("ORCHESTRATOR_COLLECTOR_PROMETHEUS_PORT", "8889")


class Arrival(StrEnum):
    """What a backend says."""

    THERE = "there"
    NOT_YET = "not yet"
    REFUSED = "refused"
    """It doesn't let us in: waiting doesn't help."""
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Word:
    """A backend's answer.

    Attributes:
        arrival: Whether the probe is there.
        said: What of it, or why not, in words.
        todo: What to do where it stays so.
    """

    arrival: Arrival
    said: str
    todo: str = ""


Asker = Callable[[World, Probe], Awaitable[Word]]


async def prometheus_page(world: World, probe: Probe) -> Word:
    """The page of the collector that Prometheus scrapes."""
    name, usual = _PROMETHEUS_PAGE
    host = without_secrets(world.target.url).partition("://")[2].rpartition(":")[0] or "127.0.0.1"
    url = f"http://{host}:{world.variable(name, usual)}/metrics"
    todo = f"{name} names the page's port; the collector's log says why it isn't there"
    found = await _asked(world, url, "the collector's page", todo)
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


async def prometheus(world: World, probe: Probe, base: str, headers: Mapping[str, str], variable: str) -> Word:
    """Prometheus, or what speaks like it."""
    where = without_secrets(base)
    todo = f"look at Prometheus' targets ({where}/targets) and at {variable}"
    params = {"query": f"{PROMETHEUS_METRIC} == {probe.number}"}
    found = await _asked(
        world,
        f"{base}/api/v1/query",
        variable,
        f"start Prometheus, or correct {variable}",
        params=params,
        headers=headers,
    )
    if isinstance(found, Word):
        return found
    content = found.json()
    try:
        is_there = bool(content["data"]["result"])
    except (KeyError, TypeError):
        return Word(Arrival.REFUSED, f"what answers at {where} is no Prometheus", f"correct {variable}")
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
    found = await _asked(
        world,
        f"{base}/loki/api/v1/query_range",
        "LOKI_HEADERS",
        "start Loki, or correct LOKI_URL; what waits in the collector is sent when it is back",
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
        return Word(Arrival.REFUSED, f"what answers at {where} is no Loki", "correct LOKI_URL")
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
    found = await _asked(
        world,
        f"{base}/{index}/_search",
        "ELASTICSEARCH_API_KEY, or ELASTICSEARCH_USER and ELASTICSEARCH_PASSWORD",
        "start Elasticsearch, or correct ELASTICSEARCH_URL",
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
        where = without_secrets(base)
        return Word(Arrival.REFUSED, f"what answers at {where} is no Elasticsearch", "correct ELASTICSEARCH_URL")


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
    found = await _asked(
        world,
        f"{base}/api/v1/validate",
        "DD_API_KEY (and DD_SITE: a key holds for one site)",
        "DD_SITE, DD_METRICS_URL and the proxy decide where Datadog is",
        headers={"DD-API-KEY": world.variable("DD_API_KEY")},
    )
    if isinstance(found, Word):
        return found
    content = found.json()
    if isinstance(content, dict) and content.get("valid") is True:
        return Word(Arrival.THERE, f"{without_secrets(base)} says that the key is valid")
    return Word(Arrival.REFUSED, f"what answers at {without_secrets(base)} is not Datadog", "correct DD_SITE")


def datadog_base(world: World) -> str:
    """Where Datadog's API is."""
    return world.variable("DD_METRICS_URL").rstrip("/") or f"https://api.{world.variable('DD_SITE', 'datadoghq.com')}"


async def _asked(
    world: World,
    url: str,
    key: str,
    todo: str,
    *,
    method: str = "GET",
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
) -> Reply | Word:
    """The answer where it is a success, else what it means. `key`: the variables that a refusal is about."""
    where = without_secrets(url)
    try:
        found = await world.ask(url, method=method, params=params, headers=headers, json=body)
    except UnreachableError as error:
        return Word(Arrival.UNREACHABLE, one_line(str(error)), todo)
    if found.status in (UNAUTHORIZED, FORBIDDEN):
        return Word(Arrival.REFUSED, f"wrong key: {where} answered {found.status}", f"correct {key}")
    if found.status == NOT_FOUND:
        return Word(Arrival.REFUSED, f"wrong address: {where} answered 404", todo)
    if not found.is_success:
        return Word(Arrival.UNREACHABLE, one_line(f"{where} answered {found.status}: {found.text[:200]}"), todo)
    return found
