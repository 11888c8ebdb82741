"""Each server is proved for real: data goes in by the protocol it takes it by, and comes back by its query API."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.backends.alertmanager import RECEIVER, Alertmanager
from tests.backends.commands import Commands
from tests.backends.datadog import DatadogRecorder
from tests.backends.elasticsearch import Elasticsearch
from tests.backends.jaeger import Jaeger
from tests.backends.kafka import Kafka
from tests.backends.listening import listeners, resident_megabytes
from tests.backends.loki import Loki
from tests.backends.needs import required
from tests.backends.pages import PAGE, page_of_metrics
from tests.backends.parts import HERE
from tests.backends.prometheus import Prometheus, Target, promtool_check_metrics
from tests.backends.recipes import go_environment
from tests.backends.server import HOST, Server, ServerError
from tests.waiting import eventually

pytestmark = pytest.mark.slow

TRACE = "0102030405060708f1f2f3f4f5f6f7f8"
SPAN = "00000000000000aa"
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "backends"}}]}


def post(url: str, body: Any) -> None:
    """Send JSON, and expect that it was taken."""
    answer = httpx.post(url, json=body, trust_env=False, timeout=10)
    assert answer.is_success, answer.text


def on_loopback_only(server: Server) -> None:
    """Nobody outside this machine reaches the server, and it has no other port than those it was given."""
    open_ports = listeners(server.pid)
    assert {address for address, _ in open_ports} == {HOST}
    assert {port for _, port in open_ports} == set(server.ports.values())
    print(f"{server.part}: {resident_megabytes(server.pid):.0f} MB resident")


def test_prometheus_scrapes(prometheus: Prometheus) -> None:
    with page_of_metrics() as page:
        prometheus.scrape(Target("page", page), Target("page", page, honor_labels=True))
        eventually(lambda: prometheus.query("count(up_agents) == 2"))
        found = prometheus.query("up_agents")
        assert {target["health"] for target in prometheus.targets()} == {"up"}
    assert {sample.value for sample in found} == {3.0}
    assert {sample.labels["job"] for sample in found} == {"page", "own"}
    assert {sample.labels.get("exported_job") for sample in found} == {"own", None}
    now = time.time()
    assert prometheus.query_range('up_agents{job="own"}', now - 5, now)[-1].value == 3
    assert prometheus.query("1 + 1")[0].value == 2
    prometheus.scrape()
    assert prometheus.targets() == []


def test_prometheus_takes_otlp(prometheus: Prometheus) -> None:
    point = {
        "timeUnixNano": str(time.time_ns()),
        "asInt": "1",
        "attributes": [{"key": "agent_name", "value": {"stringValue": "ä"}}],
    }
    metric = {"name": "orchestrator.agent.idle_time", "unit": "s", "gauge": {"dataPoints": [point]}}
    post(
        f"{prometheus.otlp_endpoint}/v1/metrics",
        {"resourceMetrics": [{"resource": RESOURCE, "scopeMetrics": [{"metrics": [metric]}]}]},
    )

    [found] = eventually(lambda: prometheus.query('orchestrator_agent_idle_time_seconds{job="backends"}'))

    assert (found.labels["agent_name"], found.value) == ("ä", 1)


def test_prometheus_evaluates_rules_and_refuses_bad_queries(prometheus: Prometheus, tmp_path: Path) -> None:
    rules = tmp_path / "rules.json"
    rules.write_text(json.dumps({"groups": [{"name": "g", "rules": [{"record": "recorded", "expr": "vector(7)"}]}]}))
    prometheus.rules(rules)
    assert eventually(lambda: prometheus.query("recorded"))[0].value == 7
    prometheus.rules()

    with pytest.raises(ServerError, match="parse error"):
        prometheus.query("up{")
    on_loopback_only(prometheus)


def test_promtool_has_nothing_to_say_about_a_good_page_and_something_about_others() -> None:
    assert promtool_check_metrics(PAGE) == []
    [complaint] = promtool_check_metrics("# TYPE requests counter\nrequests 1\n")[:1]
    assert "requests" in complaint
    assert promtool_check_metrics("this is no page")


def test_alertmanager_holds_the_alerts_it_was_sent(alertmanager: Alertmanager) -> None:
    labels = {"alertname": "OrchestratorAlert", "agent_name": "ä", "severity": "error"}
    alertmanager.post([{"labels": labels, "annotations": {"summary": "An agent does not run."}}])

    [found] = eventually(lambda: alertmanager.alerts(filter=['severity="error"']))

    assert (found["labels"], found["status"]["state"]) in [(labels, "active"), (labels, "unprocessed")]
    assert found["annotations"] == {"summary": "An agent does not run."}
    assert found["receivers"] == [{"name": RECEIVER}]
    assert alertmanager.alerts(filter=['severity="warning"']) == []
    on_loopback_only(alertmanager)


def test_loki_takes_otlp_and_shows_structured_metadata(loki: Loki) -> None:
    record = {
        "timeUnixNano": str(time.time_ns()),
        "severityText": "ERROR",
        "severityNumber": 17,
        "body": {"stringValue": "Agent stopped"},
        "attributes": [{"key": "record_id", "value": {"stringValue": "r1"}}],
        "traceId": TRACE,
        "spanId": SPAN,
    }
    body = {"resourceLogs": [{"resource": RESOURCE, "scopeLogs": [{"logRecords": [record]}]}]}
    post(f"{loki.otlp_endpoint}/v1/logs", body)

    [found] = eventually(lambda: loki.query(f'{{service_name="backends"}} | trace_id="{TRACE}"'))

    assert found.line == "Agent stopped"
    assert found.labels["record_id"] == "r1"
    assert found.time == int(str(record["timeUnixNano"]))
    assert "service_name" in loki.labels()
    assert "trace_id" not in loki.labels()
    on_loopback_only(loki)


def test_elasticsearch_makes_data_streams_and_finds_what_was_written(elasticsearch: Elasticsearch) -> None:
    document = {
        "@timestamp": "2026-01-01T00:00:00.000000001Z",
        "trace_id": TRACE,
        "body": {"text": "Agent stopped"},
        "attributes": {"record_id": "r1", "agent.name": "a"},
        "resource": {"attributes": {"service.name": "backends"}},
    }
    lines = [{"create": {"_index": "logs-backends.otel-default", "require_data_stream": True}}, document]
    answer = elasticsearch.send_json(
        "POST",
        "/_bulk",
        content="".join(json.dumps(line) + "\n" for line in lines),
        headers={"Content-Type": "application/x-ndjson"},
    )
    assert not answer["errors"], answer

    for query in (
        {"term": {"trace_id": TRACE}},
        {"term": {"attributes.record_id": "r1"}},
        {"term": {"record_id": "r1"}},
        {"term": {"service.name": "backends"}},
        {"match": {"body.text": "stopped"}},
    ):
        assert elasticsearch.search("logs-backends.*", query) == [document]
    assert elasticsearch.count("logs-backends.*") == 1
    assert elasticsearch.search("nothing-*") == []
    assert elasticsearch.get_json("/")["version"]["number"] == elasticsearch.version
    on_loopback_only(elasticsearch)


def test_jaeger_takes_otlp_and_finds_the_trace(jaeger: Jaeger) -> None:
    assert jaeger.trace("f" * 32) is None
    now = time.time_ns()
    span = {
        "traceId": TRACE,
        "spanId": SPAN,
        "name": "orchestrator.check",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1000),
    }
    body = {"resourceSpans": [{"resource": RESOURCE, "scopeSpans": [{"spans": [span]}]}]}
    post(f"{jaeger.otlp_endpoint}/v1/traces", body)

    [found] = eventually(lambda: jaeger.spans(TRACE))

    assert (found["operationName"], found["spanID"]) == ("orchestrator.check", SPAN)
    assert "backends" in jaeger.services()
    assert [trace["traceID"].zfill(32) for trace in jaeger.traces("backends")] == [TRACE]
    on_loopback_only(jaeger)


def test_kafka_is_empty_at_first(kafka: Kafka) -> None:
    """No client here writes to it: what goes in and comes out is in tests/collector/test_real_servers.py."""
    assert kafka.messages("nothing") == []
    on_loopback_only(kafka)


def test_recorder_unpacks_logs_and_plays_outages(datadog: DatadogRecorder) -> None:
    datadog.reset()
    message = json.dumps({"message": "Agent stopped", "dd.trace_id": "17434265340928784376"})
    body = gzip.compress(json.dumps([{"message": message, "service": "backends"}]).encode())
    headers = {"DD-API-KEY": datadog.api_key, "Content-Encoding": "gzip", "Content-Type": "application/json"}

    def send() -> int:
        return datadog.request("POST", "/api/v2/logs", content=body, headers=headers).status_code

    datadog.answer(429, ["/api/v2/logs"], times=1)
    assert [send(), send()] == [429, 202]
    datadog.answer(500)
    assert send() == 500
    datadog.answer(200)

    [log] = datadog.logs("Agent stopped")
    assert log["attributes"]["dd.trace_id"] == "17434265340928784376"
    assert log["service"] == "backends"
    assert [one["status"] for one in datadog.requests("/api/v2/logs")] == [429, 202, 500]
    assert datadog.metrics() == datadog.spans() == []
    assert datadog.request("GET", "/api/v1/validate").status_code == 403
    assert datadog.get_json("/api/v1/validate", api_key=datadog.api_key) == {"valid": True}
    on_loopback_only(datadog)
    datadog.reset()
    assert datadog.requests() == []


def test_recorder_decodes_what_its_schemas_say(tmp_path: Path) -> None:
    """The protobuf payloads: its own Go tests make and read them."""
    commands = Commands("datadogrecorder", tmp_path / "log", print, usual=60)
    said = commands.run(
        "testing", [required("go"), "test", "-count=1", "./..."], HERE / "datadogrecorder", go_environment()
    )
    assert said.startswith("ok")
