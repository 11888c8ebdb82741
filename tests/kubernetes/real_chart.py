"""The chart by the real Helm: what is committed is what it renders, and a real API server takes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backends.server import ServerError
from tests.deploy.kubernetes import NAMES, Object, example, objects, parsed, pods
from tests.kubernetes.cluster import ApiServer
from tests.kubernetes.helm import CHART, helm, program, rendered, settings
from tools import kubernetes

VARIANTS: dict[str, dict[str, str]] = {
    "default": {},
    "stateless": {
        "gateway.persistence.enabled": "false",
        "gateway.autoscaling.enabled": "true",
        "monitor.hub.persistence.enabled": "false",
    },
    "page": {"gateway.replicas": "1", "backends.names": "{prometheus}", "serviceMonitor.enabled": "true"},
    "certificates": {
        "otlp.token.secret": "",
        "otlp.tls.secret": "gateway",
        "otlp.tls.clientCA": "true",
        "otlp.tls.senders": "m",
    },
    "six": {"listen": "[::]", "serviceAccount.name": "telemetry", "networkPolicy.enabled": "false"},
    "tmux": {"monitor.nodes.enabled": "true", "monitor.nodes.tmuxDir": "/tmp/tmux-1000"},  # noqa: S108 - tmux's own
}


@pytest.mark.parametrize("name", NAMES)
def test_what_is_committed_is_what_helm_renders(name: str) -> None:
    text = example(name).rendered(kubernetes.FOLDER).read_text()
    assert text.endswith(kubernetes.render(program(), example(name)))


def test_helm_finds_nothing_wrong_with_the_chart(tmp_path: Path) -> None:
    said = helm(tmp_path, "lint", "--strict", CHART)
    assert said.returncode == 0, said.stdout + said.stderr


def test_variables_of_the_values_win_and_numbers_stay_as_they_are_written(tmp_path: Path) -> None:
    given = {"ORCHESTRATOR_COLLECTOR_LOG_FORMAT": "console", "ORCHESTRATOR_COLLECTOR_QUEUE_BYTES": "268435456"}
    text = rendered(tmp_path, *settings({f"gateway.env.{name}": value for name, value in given.items()}))
    (gateway,) = [pod for pod in pods(parsed(text)) if pod.name == "orchestrator-telemetry-gateway"]
    told = [(one["name"], one["value"]) for one in gateway.ours("collector")["env"] if one["name"] in given]
    assert told == sorted(given.items())


@pytest.mark.parametrize("name", NAMES)
def test_the_api_server_takes_each_example_strictly(name: str, cluster: ApiServer) -> None:
    cluster.namespace(example(name).namespace)
    for one in objects(name):
        cluster.apply(one, dry=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_it_takes_what_else_can_be_set(variant: str, cluster: ApiServer, tmp_path: Path) -> None:
    cluster.namespace("orchestrator-telemetry")
    for one in parsed(rendered(tmp_path, *settings(VARIANTS[variant]))):
        cluster.apply(one, dry=True)


def test_a_field_that_is_not_known_is_refused(cluster: ApiServer) -> None:
    cluster.namespace("orchestrator-telemetry")
    for one in objects("small"):
        damaged = {**one, "spec": {**one.get("spec", {}), "madeUp": True}}
        with pytest.raises(ServerError, match="not declared in schema"):
            cluster.apply(damaged, dry=True)


def pod_of(name: str, pod: Any, namespace: str) -> Object:
    """One pod as its controller would make it, with a claim's volume in the place of the claim."""
    claims = [{"name": claim, "emptyDir": {}} for claim in pod.claims]
    spec = {**pod.spec, "volumes": [*(pod.spec.get("volumes") or ()), *claims], "restartPolicy": "Always"}
    metadata = {"name": f"{name}-{pod.name}", "namespace": namespace, "labels": pod.labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("name", NAMES)
def test_every_pod_but_the_nodes_monitor_runs_where_pods_are_restricted(name: str, cluster: ApiServer) -> None:
    cluster.namespace("restricted", **{"pod-security.kubernetes.io/enforce": "restricted"})
    for pod in pods(objects(name)):
        answer = cluster.applied(pod_of(name, pod, "restricted"), dry=True)
        if pod.kind == "DaemonSet":
            assert answer.status_code == 403
            assert "hostPID" in answer.json()["message"]
        else:
            assert answer.is_success, answer.text
