"""Values that can't work: Helm renders nothing, and says in a line which value it is and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.kubernetes import parsed
from tests.kubernetes.cluster import ApiServer
from tests.kubernetes.helm import refused, rendered, settings

Given = dict[str, str]
KAFKA = {"kafka.enabled": "true", "kafka.brokers": "a:9092"}
SIZE = "must be a number with Mi, Gi or Ti, such as"
CPU = "must be a number of CPUs or thousandths of one, such as 2 or 500m"


def taken(cluster: ApiServer, text: str) -> None:
    """All of it, by the API server."""
    cluster.namespace("orchestrator-telemetry")
    found = parsed(text)
    assert found
    for one in found:
        cluster.apply(one, dry=True)


WRONG: dict[str, tuple[Given, str]] = {
    "nobody": (
        {"otlp.token.secret": ""},
        "otlp: who may send? Set otlp.token.secret, or otlp.tls.secret and otlp.tls.clientCA",
    ),
    "senders": (
        {"otlp.tls.secret": "gateway", "otlp.tls.clientCA": "true"},
        "otlp.tls.clientCA: the monitors need a certificate, too: set otlp.tls.senders",
    ),
    "pages": (
        {"backends.names": "{prometheus}"},
        (
            "backends.names: prometheus is a page of one collector, and there are several: take prometheus-otlp or"
            " prometheus-remote-write"
        ),
    ),
    "brokers": (
        {"kafka.enabled": "true"},
        "kafka.brokers must be set where kafka.enabled is true, such as kafka-0.kafka:9092",
    ),
    "circle": (
        {**KAFKA, "backends.names": "{kafka}"},
        "backends.names: kafka is what the consumers read from: with kafka.enabled it is no backend",
    ),
    # --- how many ---
    "fewest": (
        {"gateway.autoscaling.enabled": "true", "gateway.autoscaling.minReplicas": "9"},
        "gateway.autoscaling.minReplicas=9 must be at most maxReplicas, which is 6",
    ),
    "fewest-consumers": (
        {
            **KAFKA,
            "kafka.consumer.autoscaling.enabled": "true",
            "kafka.consumer.autoscaling.minReplicas": "5",
            "kafka.consumer.autoscaling.maxReplicas": "2",
        },
        "kafka.consumer.autoscaling.minReplicas=5 must be at most maxReplicas, which is 2",
    ),
    # --- how much ---
    "memory": ({"monitor.resources.limits.memory": "lots"}, f"monitor.resources.limits.memory=lots {SIZE} 512Mi"),
    "milli-memory": ({"monitor.resources.requests.memory": "5m"}, f"monitor.resources.requests.memory=5m {SIZE} 512Mi"),
    "kelvin": ({"monitor.resources.limits.memory": "500000K"}, f"monitor.resources.limits.memory=500000K {SIZE} 512Mi"),
    "gateways-cpu": ({"gateway.cpu.request": "much"}, f"gateway.cpu.request=much {CPU}"),
    "gateways-limit": ({"gateway.cpu.limit": "2Gi"}, f"gateway.cpu.limit=2Gi {CPU}"),
    "monitors-cpu": ({"monitor.resources.requests.cpu": "100mm"}, f"monitor.resources.requests.cpu=100mm {CPU}"),
    "cpu-over-limit": (
        {"gateway.cpu.limit": "200m"},
        "gateway.cpu.request=250m must be at most gateway.cpu.limit, which is 200m",
    ),
    "monitors-cpu-over-limit": (
        {"monitor.resources.requests.cpu": "2", "monitor.resources.limits.cpu": "1500m"},
        "monitor.resources.requests.cpu=2 must be at most monitor.resources.limits.cpu, which is 1500m",
    ),
    "memory-over-limit": (
        {"monitor.resources.requests.memory": "1Gi"},
        "monitor.resources.requests.memory=1Gi must be at most monitor.resources.limits.memory, which is 512Mi",
    ),
    "volume": ({"gateway.persistence.size": "5m"}, f"gateway.persistence.size=5m {SIZE} 10Gi"),
    "volume-of-bytes": ({"gateway.persistence.size": "10"}, f"gateway.persistence.size=10 {SIZE} 10Gi"),
    "volume-in-words": ({"gateway.persistence.size": "10 GB"}, f"gateway.persistence.size=10 GB {SIZE} 10Gi"),
    "hubs-volume": ({"monitor.hub.persistence.size": "1g"}, f"monitor.hub.persistence.size=1g {SIZE} 1Gi"),
    "consumers-volume": (
        {**KAFKA, "kafka.consumer.persistence.size": "m"},
        f"kafka.consumer.persistence.size=m {SIZE} 10Gi",
    ),
    # --- queues against their volume ---
    "queue": (
        {"gateway.queueBytes": "100000000000000"},
        (
            "gateway.queueBytes=100000000000000 must be at most 7158278826: the queues of prometheus-otlp are 1, and"
            " gateway.persistence.size=10Gi must hold half as much again"
        ),
    ),
    "queues": (
        {
            "backends.names": "{elasticsearch,datadog}",
            "backends.env.ELASTICSEARCH_URL": "http://e:9200",
            "backends.secrets.DD_API_KEY.secret": "d",
            "backends.secrets.DD_API_KEY.key": "k",
            "gateway.persistence.enabled": "false",
            "gateway.persistence.size": "1Gi",
            "gateway.queueBytes": "150000000",
        },
        (
            "gateway.queueBytes=150000000 must be at most 143165576: the queues of elasticsearch, datadog are 5, and"
            " gateway.persistence.size=1Gi must hold half as much again"
        ),
    ),
    "queue-to-kafka": (
        {**KAFKA, "gateway.persistence.size": "500Mi"},
        (
            "gateway.queueBytes=134217728 must be at most 116508444: the queues of kafka are 3, and"
            " gateway.persistence.size=500Mi must hold half as much again"
        ),
    ),
    "queue-by-variable": (
        {"gateway.env.ORCHESTRATOR_COLLECTOR_QUEUE_BYTES": "8000000000"},
        (
            "gateway.env.ORCHESTRATOR_COLLECTOR_QUEUE_BYTES=8000000000 must be at most 7158278826: the queues of"
            " prometheus-otlp are 1, and gateway.persistence.size=10Gi must hold half as much again"
        ),
    ),
    "files": (
        {"backends.names": "{file}", "gateway.persistence.size": "3Gi"},
        "gateway.persistence.size=3Gi must be more than 3300Mi: the files of file may grow to that",
    ),
    "files-by-variable": (
        {
            "backends.names": "{file}",
            "gateway.env.ORCHESTRATOR_COLLECTOR_FILE_MB": "1000",
            "gateway.env.ORCHESTRATOR_COLLECTOR_FILE_BACKUPS": "3",
        },
        "gateway.persistence.size=10Gi must be more than 12000Mi: the files of file may grow to that",
    ),
    "queues-beside-files": (
        {
            "backends.names": "{prometheus-otlp,file}",
            "gateway.persistence.size": "3500Mi",
            "gateway.queueBytes": "200000000",
        },
        (
            "gateway.queueBytes=200000000 must be at most 139810133: the queues of prometheus-otlp, file are 1, and"
            " gateway.persistence.size=3500Mi must hold half as much again, besides files of 3300 MiB"
        ),
    ),
    # --- what a backend needs ---
    "needs": ({"backends.names": "{loki}"}, "backends.names: loki needs LOKI_URL: set backends.env.LOKI_URL"),
    "needs-a-secret": (
        {"backends.names": "{datadog}"},
        "backends.names: datadog needs DD_API_KEY: set backends.secrets.DD_API_KEY",
    ),
    "needs-more-than-nothing": (
        {"backends.env.PROMETHEUS_OTLP_URL": ""},
        "backends.names: prometheus-otlp needs PROMETHEUS_OTLP_URL: set backends.env.PROMETHEUS_OTLP_URL",
    ),
    "consumers-need": (
        {**KAFKA, "backends.names": "{loki}", "gateway.env.LOKI_URL": "http://loki:3100"},
        "backends.names: loki needs LOKI_URL: set backends.env.LOKI_URL",
    ),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_told_in_its_own_words(given: Given, said: str, tmp_path: Path) -> None:
    assert refused(tmp_path, *settings(given)) == [said]


def test_a_value_that_is_not_known_is_refused(tmp_path: Path) -> None:
    _, said = refused(tmp_path, *settings({"gatway.replicas": "3"}))
    assert said == "- at '': additional properties 'gatway' not allowed"


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    several = [WRONG[one] for one in ("fewest", "memory", "volume", "needs")]
    given = {name: value for part, _ in several for name, value in part.items()}
    assert sorted(refused(tmp_path, *settings(given))) == sorted(said for _, said in several)


RIGHT: dict[str, Given] = {
    "numbers": {"gateway.cpu.request": "1", "gateway.cpu.limit": "2", "monitor.resources.limits.cpu": "1"},
    "bytes": {"monitor.resources.limits.memory": "536870912", "gateway.persistence.size": "1.5T"},
    "unused": {"gateway.autoscaling.minReplicas": "9", "kafka.consumer.queueBytes": "100000000000000"},
    "tebibytes": {"gateway.persistence.size": "1Ti", "monitor.resources.limits.memory": "0.5Gi"},
    "the-consumers-queue": {**KAFKA, "backends.env.ORCHESTRATOR_COLLECTOR_QUEUE_BYTES": "5000000000"},
    "elsewhere": {"monitor.endpoint": "http://g.n.svc:4318", "backends.names": "{loki}"},
    "file": {"backends.names": "{loki}", "gateway.env.LOKI_URL_FILE": "/run/loki"},
    "gateways": {"backends.names": "{loki}", "gateway.env.LOKI_URL": "http://loki:3100"},
    "no-queue": {"backends.names": "{debug}", "gateway.queueBytes": "100000000000000"},
    "fewer-queues": {
        "backends.names": "{otlp}",
        "backends.env.OTLP_BACKEND_URL": "http://jaeger:4318",
        "backends.env.OTLP_BACKEND_METRICS": "nop",
        "backends.env.OTLP_BACKEND_LOGS": "nop",
        "gateway.queueBytes": "7000000000",
    },
}


@pytest.mark.parametrize("given", RIGHT.values(), ids=RIGHT.keys())
def test_what_works_is_rendered_and_the_api_server_takes_it(given: Given, cluster: ApiServer, tmp_path: Path) -> None:
    taken(cluster, rendered(tmp_path, *settings(given)))


OF_A_FILE = """
gateway: {queueBytes: 100000000000000, env: {ORCHESTRATOR_COLLECTOR_QUEUE_STORAGE: KIND}}
monitor: {resources: {limits: {cpu: 0.5, memory: 536870912}}}
"""


@pytest.mark.parametrize("storage", ["file_storage", "null"])
def test_values_of_a_file_are_read_as_those_of_the_command_line(
    storage: str, cluster: ApiServer, tmp_path: Path
) -> None:
    """Numbers of a file are others to Helm than those of --set. A queue in memory takes nothing of the volume."""
    file = tmp_path / "values.yaml"
    file.write_text(OF_A_FILE.replace("KIND", f'"{storage}"'))
    if storage == "null":
        taken(cluster, rendered(tmp_path, "--values", file))
    else:
        (said,) = refused(tmp_path, "--values", file)
        assert said.startswith("gateway.queueBytes=100000000000000 must be at most 7158278826:")
