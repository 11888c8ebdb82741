"""Every backend that there is behind one collector, each real and each with a valve, and what arrived in each."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.backends.prometheus import Prometheus
from tests.collector import otlp
from tests.collector.durability import Valve, batch, in_elasticsearch, in_loki
from tests.collector.harness import environment, running
from tests.collector.tcp_valve import TcpValve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.backends.datadog import DatadogRecorder
    from tests.backends.elasticsearch import Elasticsearch
    from tests.backends.jaeger import Jaeger
    from tests.backends.kafka import Kafka
    from tests.backends.loki import Loki

RECORDS = 10
"""Log records of a request; a request has one point of a metric, or one span."""
BACKENDS = "datadog,elasticsearch,kafka,loki,otlp,otlp-grpc,prometheus-otlp,prometheus-remote-write"
METRIC = "durable.request"


@dataclass(frozen=True)
class Servers:
    """The real ones (Datadog's is a recorder)."""

    datadog: DatadogRecorder
    elasticsearch: Elasticsearch
    jaeger: Jaeger
    kafka: Kafka
    loki: Loki
    prometheus: Prometheus


class Everywhere:
    """All backends of one run; `over_http` is a second collector, whose files are read.

    Attributes:
        env: The environment of the collector before them.
        sent: How many requests of each signal were sent.
    """

    def __init__(self, servers: Servers, written: Prometheus, files: Path, folder: Path, http: str) -> None:
        self.servers, self._written, self._files = servers, written, files
        self.service = f"everywhere-{secrets.token_hex(4)}"
        self.trace = secrets.token_hex(16)
        self.since = time.time_ns()
        self.sent = 0
        self._valves = {
            "loki": Valve(servers.loki.url),
            "elasticsearch": Valve(servers.elasticsearch.url),
            "prometheus-otlp": Valve(servers.prometheus.url),
            "prometheus-remote-write": Valve(written.url),
            "otlp": Valve(http),
        }
        self._grpc = TcpValve(servers.jaeger.ports["otlp_grpc"])
        url = {name: valve.url for name, valve in self._valves.items()}
        self.env = environment(
            folder,
            LOKI_URL=url["loki"],
            ELASTICSEARCH_URL=url["elasticsearch"],
            ELASTICSEARCH_LOGS_INDEX=f"logs-{self.service}.otel-default",
            ELASTICSEARCH_TRACES_INDEX=f"traces-{self.service}.otel-default",
            PROMETHEUS_OTLP_URL=f"{url['prometheus-otlp']}/api/v1/otlp",
            PROMETHEUS_REMOTE_WRITE_URL=f"{url['prometheus-remote-write']}/api/v1/write",
            OTLP_BACKEND_URL=url["otlp"],
            OTLP_BACKEND_METRICS="nop",
            OTLP_BACKEND_TRACES="nop",
            OTLP_GRPC_BACKEND_URL=f"http://127.0.0.1:{self._grpc.port}",
            OTLP_GRPC_BACKEND_METRICS="nop",
            OTLP_GRPC_BACKEND_LOGS="nop",
            KAFKA_BROKERS=servers.kafka.brokers,
            KAFKA_LOGS_TOPIC=self.service,
            KAFKA_METRICS_TOPIC=f"{self.service}-metrics",
            KAFKA_TRACES_TOPIC=f"{self.service}-spans",
            DD_API_KEY=servers.datadog.api_key,
            ORCHESTRATOR_COLLECTOR_STOP_SECONDS="3",
            **{f"DD_{what}_URL": servers.datadog.url for what in ("METRICS", "LOGS", "TRACES", "OTLP")},
        )

    @contextlib.contextmanager
    def open(self) -> Iterator[Everywhere]:
        """Hands on until the end of the block."""
        with contextlib.ExitStack() as stack:
            for valve in self._valves.values():
                stack.enter_context(valve.open())
            stack.enter_context(self._grpc.open())
            yield self

    def down(self) -> None:
        """All of them at once: Kafka's process ends, the others refuse."""
        for valve in self._valves.values():
            valve.shut = 1.0
        self._grpc.shut(True)
        self.servers.datadog.answer(503)
        self.servers.kafka.stop()

    def up(self) -> None:
        """All of them at once."""
        self.servers.kafka.start()
        self.servers.datadog.answer(200)
        self._grpc.shut(False)
        for valve in self._valves.values():
            valve.shut = 0.0

    def refused(self) -> dict[str, int]:
        """How often each was asked while it was down; of Kafka, which isn't there at all, nothing can be said."""
        at_datadog = [one["path"] for one in self.servers.datadog.requests() if one["status"] == 503]
        return {
            **{name: valve.refused for name, valve in self._valves.items()},
            "otlp-grpc": self._grpc.refused,
            "datadog logs": sum(path.startswith("/v1/logs") for path in at_datadog),
        }

    def send(self, url: str) -> list[int]:
        """Sends the next request of each signal; the statuses of the answers."""
        number, self.sent = self.sent, self.sent + 1
        return [otlp.send(url, signal, payload) for signal, payload in self._payloads(number).items()]

    def _payloads(self, number: int) -> dict[str, dict[str, Any]]:
        resource = {"attributes": otlp.attributes(service__name=self.service)}
        at = str(self.since + number * 1_000_000)  # Prometheus' times are whole milliseconds
        point = {"timeUnixNano": at, "asInt": str(number)}
        metric = {"name": METRIC, "gauge": {"dataPoints": [point]}}
        span = {"traceId": self.trace, "spanId": f"{number + 1:016x}", "name": "s", "kind": 1}
        span |= {"startTimeUnixNano": at, "endTimeUnixNano": at}
        return {
            "logs": batch(self.service, range(number * RECORDS, (number + 1) * RECORDS), self.since),
            "metrics": {"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": [metric]}]}]},
            "traces": {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]},
        }

    def arrived(self) -> dict[str, int]:
        """How many requests' worth of different records, points or spans each backend with a queue on disk has."""
        servers = self.servers
        lines = {
            "datadog logs": _ids(log["attributes"].get("record_id", "") for log in servers.datadog.logs("line ")),
            "elasticsearch": in_elasticsearch(servers.elasticsearch, self.env["ELASTICSEARCH_LOGS_INDEX"]),
            "kafka": _ids(message.decode("latin-1") for message in servers.kafka.messages(self.service)),
            "loki": _ids(in_loki(servers.loki, self.service, self.since)),
            "otlp": _ids(path.read_text() for path in self._files.glob("logs*.jsonl")),
        }
        return {
            **{name: count // RECORDS for name, count in lines.items()},
            "otlp-grpc": len({span["spanID"] for span in servers.jaeger.spans(self.trace)}),
            "prometheus-otlp": len(_points(servers.prometheus, self.service)),
        }

    def in_memory(self) -> dict[str, set[int]]:
        """The numbers of the requests of which something is in the backends whose exporters queue in memory."""
        datadog = self.servers.datadog
        values = [value for series in datadog.metrics(METRIC) for _, value in series["points"]]
        return {
            "prometheus-remote-write": _points(self._written, self.service),
            "datadog metrics": {int(value) for value in values},
            "datadog spans": {int(span["span_id"], 16) - 1 for span in datadog.spans(self.trace)},
        }


def _ids(texts: Any) -> int:
    return len({found for text in texts for found in re.findall(r"record-\d{7}", text)})


def _points(prometheus: Prometheus, service: str) -> set[int]:
    return {int(one.value) for one in prometheus.query(f'durable_request{{job="{service}"}}[2h]')}


@contextlib.contextmanager
def everywhere(binary: Path, folder: Path, servers: Servers) -> Iterator[Everywhere]:
    """All backends, up, with a Prometheus and a collector of their own beside the given servers."""
    servers.datadog.reset()
    behind = folder / "behind"
    behind.mkdir()
    env = environment(behind)
    with (
        Prometheus(folder / "written") as written,
        running(binary, "file", env, within=7200) as http,
        Everywhere(
            servers, written, Path(env["ORCHESTRATOR_COLLECTOR_FILE_DIR"]), folder, http.url("HTTP")
        ).open() as all_,
    ):
        yield all_
