"""What is sent to the real collector arrives: in files, and on the page that Prometheus scrapes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.collector import otlp
from tests.collector.harness import environment, get, running
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def attribute(record: dict[str, Any], key: str) -> str:
    return next(str(item["value"]["stringValue"]) for item in record["attributes"] if item["key"] == key)


def test_all_three_signals(collector_binary: Path, tmp_path: Path) -> None:
    with running(collector_binary, "", environment(tmp_path)) as collector:
        http = collector.url("HTTP")
        assert otlp.send(http, "metrics", otlp.metrics()) == 200
        assert otlp.send(http, "logs", otlp.logs()) == 200
        assert otlp.send(http, "traces", otlp.traces()) == 200
        page = eventually(lambda: get(collector.url("PROMETHEUS") + "/metrics"))
        files = tmp_path / "files"
        log = eventually(lambda: lines(files / "logs.jsonl"))[0]["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
        span = eventually(lambda: lines(files / "traces.jsonl"))[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
        metric = eventually(lambda: lines(files / "metrics.jsonl"))[0]["resourceMetrics"][0]["scopeMetrics"][0][
            "metrics"
        ][0]
        assert get(collector.url("TELEMETRY") + "/metrics").count("otelcol_receiver_accepted_log_records{") == 1
        assert collector.stop() == 0
    labels = '{agent_name="grand_boss",cluster="main",instance="host-1",job="orchestrator-cc"}'
    assert f"orchestrator_agent_up{labels} 1\n" in page
    assert f"orchestrator_agent_idle_time_seconds{labels} 1.5\n" in page
    assert f"orchestrator_agent_restarts_total{labels} 1\n" in page
    assert 'target_info{host_name="host-1",instance="host-1",job="orchestrator-cc"} 1' in page
    assert metric["name"] == "orchestrator.agent.up"
    assert log["body"]["stringValue"] == "Agent stopped"
    assert log["eventName"] == "orchestrator.agent.stopped"
    assert attribute(log, "record_id") == "01J0000000000000000000000A"
    assert log["traceId"] == span["traceId"] == otlp.TRACE
    assert files.stat().st_mode & 0o077 == 0


SECRETS = {
    "with key sk-ant-api03-abcdefghijklmnop1234 in it": "with key **** in it",
    "Authorization: Bearer abcdefghijklmnop": "****",
    "postgres://user:hunter2@db/x": "postgres****db/x",
    "password=hunter2&next": "****&next",
    "https://hooks.slack.com/services/T0/B0/abc": "https://hooks.slack.com/****",
    "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----": "****",
    "authorization: Basic dXNlcjpwYXNzd29yZA==": "****",
    **{text: text for text in ("token: 5 input_tokens", "trace 5b8efff798038103d269b633813fc60c")},
    **{text: text for text in ("Basic authentication failed", "a basic understanding of it")},
}


def test_secrets_are_masked(collector_binary: Path, tmp_path: Path) -> None:
    with running(collector_binary, "file", environment(tmp_path)) as collector:
        for text in SECRETS:
            otlp.send(collector.url("HTTP"), "logs", otlp.logs(text, api_key="plain", input_tokens=5, note=text))
        path = tmp_path / "files" / "logs.jsonl"
        eventually(lambda: len(lines(path)) == len(SECRETS))
    records = [line["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0] for line in lines(path)]
    assert sorted(record["body"]["stringValue"] for record in records) == sorted(SECRETS.values())
    assert sorted(attribute(record, "note") for record in records) == sorted(SECRETS.values())
    assert {attribute(record, "api_key") for record in records} == {"****"}
    assert {len(record["attributes"]) for record in records} == {6}


def test_a_token_is_asked_for(collector_binary: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_TOKEN="open-sesame")
    with running(collector_binary, "file", env) as collector:
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs()) == 401
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs(), Authorization="Bearer open-sesame") == 200


def test_backends_that_are_down_hold_up_nobody(collector_binary: Path, tmp_path: Path) -> None:
    """Seven backends refuse every connection; what is sent is in the file at once all the same."""
    down = "datadog,elasticsearch,loki,otlp,otlp-grpc,prometheus-otlp,prometheus-remote-write"
    env = environment(tmp_path, ORCHESTRATOR_COLLECTOR_STOP_SECONDS="2")
    with running(collector_binary, f"{down},file", env) as collector:
        slowest = 0.0
        for _ in range(30):
            started = time.monotonic()
            otlp.send(collector.url("HTTP"), "metrics", otlp.metrics())
            otlp.send(collector.url("HTTP"), "logs", otlp.logs())
            otlp.send(collector.url("HTTP"), "traces", otlp.traces())
            slowest = max(slowest, time.monotonic() - started)
        for name in ("metrics", "logs", "traces"):
            path = tmp_path / "files" / f"{name}.jsonl"
            eventually(lambda path=path: len(lines(path)) == 30)  # type: ignore[misc]
        assert slowest < 2
        started = time.monotonic()
        collector.stop()
        assert time.monotonic() - started < 10
