"""One metric, one log record and one span through the real collector into real servers, asked for in their own ways."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from telemetry.collector import sources_dir
from tests.backends.prometheus import Prometheus, Target
from tests.collector import otlp
from tests.collector.harness import environment, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.backends.datadog import DatadogRecorder
    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.jaeger import Jaeger
    from tests.backends.kafka import Kafka
    from tests.backends.loki import Loki

pytestmark = pytest.mark.slow
RECORD = "01J0000000000000000000000A"
QUERIES = {
    'orchestrator_agent_up{job="orchestrator-cc", agent_name="grand_boss"}': 1.0,
    'orchestrator_agent_idle_time_seconds{job="orchestrator-cc", agent_name="grand_boss"}': 1.5,
    'orchestrator_agent_restarts_total{job="orchestrator-cc", agent_name="grand_boss"}': 1.0,
    'count(target_info{job="orchestrator-cc"})': 1.0,
}
LABELS = {"agent_name": "grand_boss", "cluster": "main", "instance": "host-1", "job": "orchestrator-cc"}
FIELDS = {
    "trace_id": otlp.TRACE,
    "record_id": RECORD,
    "agent_name": "grand_boss",
    "cluster": "main",
    "severity_text": "ERROR",
    "event_name": "orchestrator.agent.stopped",
    "resource.attributes.service.name": "orchestrator-cc",
}


@pytest.mark.parametrize("backend", ["prometheus", "prometheus-remote-write", "prometheus-otlp"])
def test_the_same_promql_answers_whichever_way(collector_binary: Path, tmp_path: Path, backend: str) -> None:
    with Prometheus(tmp_path / "prometheus") as prometheus:
        env = environment(
            tmp_path,
            PROMETHEUS_REMOTE_WRITE_URL=prometheus.remote_write_url,
            PROMETHEUS_OTLP_URL=prometheus.otlp_endpoint,
        )
        with running(collector_binary, backend, env) as collector:
            if backend == "prometheus":
                page = collector.url("PROMETHEUS").removeprefix("http://")
                prometheus.scrape(Target("collector", page, honor_labels=True))
            otlp.send(collector.url("HTTP"), "metrics", otlp.metrics())
            for query, wanted in QUERIES.items():
                sample = eventually(lambda query=query: prometheus.query(query))[0]  # type: ignore[misc]
                assert sample.value == wanted, query
            series = prometheus.series('{__name__=~"orchestrator_.*"}')
            assert [{key: value for key, value in one.items() if key != "__name__"} for one in series] == [LABELS] * 3
            assert collector.stop() == 0


@pytest.mark.parametrize("template", ["the tests' own", "ours"])
def test_elasticsearch(collector_binary: Path, tmp_path: Path, elasticsearch: Elasticsearch, template: str) -> None:
    logs, traces = "logs-orchestrator.otel-default", "traces-orchestrator.otel-default"
    if template == "ours":
        text = (sources_dir() / "elasticsearch" / "index-template.json").read_text()
        elasticsearch.send_json("PUT", "/_index_template/orchestrator", json=json.loads(text))
    else:
        logs, traces = "logs-other.otel-default", "traces-other.otel-default"
    indices = {"ELASTICSEARCH_LOGS_INDEX": logs, "ELASTICSEARCH_TRACES_INDEX": traces}
    env = environment(tmp_path, ELASTICSEARCH_URL=elasticsearch.url, **indices)
    with running(collector_binary, "elasticsearch", env) as collector:
        for _ in range(2):  # what is sent twice is stored once
            otlp.send(collector.url("HTTP"), "logs", otlp.logs(pane_index=0, deep__key="x", deep="y"))
            otlp.send(collector.url("HTTP"), "traces", otlp.traces())
        query = {"bool": {"must": [{"term": {key: value}} for key, value in FIELDS.items()]}}
        record = eventually(lambda: elasticsearch.search(logs, query))[0]
        span = eventually(lambda: elasticsearch.search(traces, {"term": {"trace_id": otlp.TRACE}}))[0]
        assert collector.stop() == 0
    assert record["body"]["text"] == "Agent stopped"
    assert record["span_id"] == span["span_id"] == otlp.SPAN
    assert span["name"] == "orchestrator.check"
    assert elasticsearch.count(logs) == 1
    assert elasticsearch.count(traces) == 1


def test_loki(collector_binary: Path, tmp_path: Path, loki: Loki) -> None:
    with running(collector_binary, "loki", environment(tmp_path, LOKI_URL=loki.url)) as collector:
        otlp.send(collector.url("HTTP"), "logs", otlp.logs("Agent stopped by itself"))
        query = f'{{service_name="orchestrator-cc"}} |= "by itself" | record_id="{RECORD}" | trace_id="{otlp.TRACE}"'
        line = eventually(lambda: loki.query(query))[0]
        assert collector.stop() == 0
    assert line.line == "Agent stopped by itself"
    assert line.labels["agent_name"] == "grand_boss"
    assert "record_id" not in loki.labels()


@pytest.mark.parametrize("backend", ["otlp", "otlp-grpc"])
def test_jaeger_is_spared_what_it_refuses(collector_binary: Path, tmp_path: Path, jaeger: Jaeger, backend: str) -> None:
    prefix = "OTLP_BACKEND" if backend == "otlp" else "OTLP_GRPC_BACKEND"
    env = environment(tmp_path, **{f"{prefix}_METRICS": "nop", f"{prefix}_LOGS": "nop"})
    env["OTLP_BACKEND_URL"] = jaeger.otlp_endpoint
    env["OTLP_GRPC_BACKEND_URL"] = jaeger.otlp_grpc_endpoint
    trace = otlp.TRACE[:-1] + ("d" if backend == "otlp" else "e")
    payload = json.loads(json.dumps(otlp.traces()).replace(otlp.TRACE, trace))
    with running(collector_binary, backend, env) as collector:
        otlp.send(collector.url("HTTP"), "metrics", otlp.metrics())
        otlp.send(collector.url("HTTP"), "logs", otlp.logs())
        otlp.send(collector.url("HTTP"), "traces", payload)
        spans = eventually(lambda: jaeger.spans(trace))
        assert collector.stop() == 0
    assert [span["operationName"] for span in spans] == ["orchestrator.check"]
    assert not [line for line in collector.lines if "\terror\t" in line]


def test_kafka(collector_binary: Path, tmp_path: Path, kafka: Kafka) -> None:
    with running(collector_binary, "kafka", environment(tmp_path, KAFKA_BROKERS=kafka.brokers)) as collector:
        otlp.send(collector.url("HTTP"), "metrics", otlp.metrics())
        otlp.send(collector.url("HTTP"), "logs", otlp.logs())
        otlp.send(collector.url("HTTP"), "traces", otlp.traces())
        (metrics,) = eventually(lambda: kafka.messages("otlp_metrics"))
        (logs,) = eventually(lambda: kafka.messages("otlp_logs"))
        (spans,) = eventually(lambda: kafka.messages("otlp_spans"))
        assert collector.stop() == 0
    scope = MetricsData.FromString(metrics).resource_metrics[0].scope_metrics[0]
    assert {metric.name for metric in scope.metrics} >= {"orchestrator.agent.up", "orchestrator.agent.restarts"}
    assert LogsData.FromString(logs).resource_logs[0].scope_logs[0].log_records[0].body.string_value == "Agent stopped"
    assert TracesData.FromString(spans).resource_spans[0].scope_spans[0].spans[0].trace_id.hex() == otlp.TRACE


@pytest.mark.parametrize("exporter", ["otlp_http/datadog", "datadog"])
def test_datadog(collector_binary: Path, tmp_path: Path, datadog: DatadogRecorder, exporter: str) -> None:
    """A restart is counted once, and not again when the monitor itself starts anew; logs by either way."""
    datadog.reset()
    urls = {f"DD_{what}_URL": datadog.url for what in ("METRICS", "LOGS", "TRACES", "OTLP")}
    env = environment(tmp_path, DD_API_KEY=datadog.api_key, DD_LOGS_EXPORTER=exporter, **urls)
    with running(collector_binary, "datadog", env) as collector:
        otlp.send(collector.url("HTTP"), "logs", otlp.logs())
        otlp.send(collector.url("HTTP"), "traces", otlp.traces())
        first, second = otlp.now(), otlp.now()  # when the monitor started, and when it started again
        for restarts, start in ((0, first), (1, first), (1, first), (1, second), (1, second)):
            otlp.send(collector.url("HTTP"), "metrics", otlp.metrics(restarts, start))
        log = eventually(lambda: datadog.logs("Agent stopped"))[0]
        span = eventually(lambda: datadog.spans(otlp.TRACE))[0]
        eventually(lambda: datadog.metrics("orchestrator.agent.up"))
        assert collector.stop() == 0
    assert log["attributes"]["dd.trace_id"] == span["trace_id_decimal"]
    assert log["attributes"]["record_id"] == RECORD
    assert span["resource"] == "orchestrator.check"
    counts = [point[1] for one in datadog.metrics("orchestrator.agent.restarts") for point in one["points"]]
    assert sum(counts) == 1
