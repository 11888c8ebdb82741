"""Hosts → two gateways → Kafka → a second tier of two → Prometheus and Loki: all real, on a network of its own."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.backends.kafka import Kafka
from tests.backends.loki import LogLine, Loki
from tests.backends.prometheus import Prometheus
from tests.backends.server import start_all
from tests.collector.harness import environment
from tests.scale.host import Host
from tests.scale.network import own_network
from tests.scale.records import kept_logs
from tests.scale.tier import Member

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GATEWAYS = ("10.78.0.1", "10.78.0.2")
PARTITIONS = 4
SECOND_TIER = "prometheus-otlp,prometheus-remote-write,loki"
_PAGE = 4000
"""Lines of one answer of Loki's."""


class Partitioned(Kafka):
    """One whose topics can be shared out."""

    def _settings(self) -> dict[str, object]:
        return super()._settings() | {"num.partitions": PARTITIONS}


@dataclass
class Fleet:
    """All of it; `prometheus` holds one server for each way in which metrics get there."""

    hosts: list[Host]
    gateways: list[Member]
    kafka: Kafka
    second: list[Member]
    prometheus: dict[str, Prometheus]
    loki: Loki
    since: float

    def lines(self) -> list[LogLine]:
        """What Loki has of all hosts; a record that it stored twice is there twice."""
        found: dict[tuple[int, str, str], LogLine] = {}
        twice: list[LogLine] = []
        start = self.since
        while True:
            page = self.loki.query('{service_name="orchestrator-cc"}', start=start, limit=_PAGE)
            here: Counter[tuple[int, str, str]] = Counter()
            for line in page:
                key = (line.time, line.labels.get("record_id", ""), line.labels.get("host_name", ""))
                here[key] += 1
                if here[key] > 1:
                    twice.append(line)
                found[key] = line
            if len(page) < _PAGE:
                return [*found.values(), *twice]
            start = page[-1].time / 1e9 - 1e-3  # the pages overlap, since times may be the same

    def in_kafka(self) -> tuple[int, int]:
        """How many log records are in Kafka, and how many different ones."""
        ids = [
            value.value.string_value
            for message in self.kafka.messages("otlp_logs")
            for resource in ExportLogsServiceRequest.FromString(message).resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
            for value in record.attributes
            if value.key == "record_id"
        ]
        return len(ids), len(set(ids))


@contextlib.contextmanager
def fleet(folder: Path, binary: Path, *, hosts: int, agents: int, metrics_every: float) -> Iterator[Fleet]:
    """Everything, up; killed at the end. Where the block fails, the logs of all of it are kept.

    Args:
        folder: For all files.
        binary: The collector's.
        hosts: How many.
        agents: How many on each.
        metrics_every: Seconds from one export of a monitor's metrics to the next.
    """
    kafka, loki = Partitioned(folder / "kafka"), Loki(folder / "loki")
    prometheus = {way: Prometheus(folder / way) for way in ("otlp", "remote-write")}
    token = secrets.token_hex(16)
    with kept_logs(folder), contextlib.ExitStack() as stack:
        stack.enter_context(own_network(*GATEWAYS))
        servers = (kafka, loki, *prometheus.values())
        for server in servers:
            stack.callback(server.stop)
        start_all(servers)
        second = [
            Member(binary, SECOND_TIER, _environment(folder / f"second-{number}", kafka, loki, prometheus))
            for number in range(2)
        ]
        gateways = [
            Member(binary, "kafka", _gateway(folder / f"gateway-{number}", address, token, kafka))
            for number, address in enumerate(GATEWAYS)
        ]
        since = time.time()
        for member in (*second, *gateways):
            stack.enter_context(member.up())
        otlp = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://gateways:4318",
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{token}",
            "OTEL_METRIC_EXPORT_INTERVAL": str(int(metrics_every * 1000)),
        }
        up: list[Host] = []
        for number in range(hosts):
            host = Host.start(number, folder / f"host-{number}", agents, GATEWAYS, otlp)
            stack.callback(host.end)
            up.append(host)
        for host in up:
            host.until_ready()
        yield Fleet(up, gateways, kafka, second, prometheus, loki, since)


def _gateway(folder: Path, address: str, token: str, kafka: Kafka) -> dict[str, str]:
    folder.mkdir()
    return environment(
        folder,
        ORCHESTRATOR_COLLECTOR_HOST=address,
        ORCHESTRATOR_COLLECTOR_HTTP_PORT="4318",
        ORCHESTRATOR_COLLECTOR_TOKEN=token,
        KAFKA_BROKERS=kafka.brokers,
    )


def _environment(folder: Path, kafka: Kafka, loki: Loki, prometheus: dict[str, Prometheus]) -> dict[str, str]:
    folder.mkdir()
    return environment(
        folder,
        ORCHESTRATOR_COLLECTOR_HOST="127.0.0.1",
        ORCHESTRATOR_COLLECTOR_KAFKA_FROM=kafka.brokers,
        LOKI_URL=loki.url,
        PROMETHEUS_OTLP_URL=prometheus["otlp"].otlp_endpoint,
        PROMETHEUS_REMOTE_WRITE_URL=prometheus["remote-write"].remote_write_url,
    )
