"""An upgrade and a way back by the real Helm on a real API server: nothing is refused, every volume stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.kubernetes import WITH_PODS, Object, example, parsed, pods
from tests.kubernetes.cluster import ApiServer
from tests.kubernetes.helm import CHART, helm, newer, rendered
from tools.kubernetes import FOLDER

SIZES = ("small", "medium", "large")
RELEASE = "orchestrator-telemetry"


def fixed(one: Object) -> Object:
    """What of an object must not change, or its pods lose their volumes, or Kubernetes refuses."""
    spec = one["spec"]
    claims = [
        (
            claim["metadata"]["name"],
            claim["metadata"].get("labels"),
            claim["spec"]["resources"],
            claim["spec"]["accessModes"],
        )
        for claim in spec.get("volumeClaimTemplates", ())
    ]
    return {
        "name": one["metadata"]["name"],
        "selector": spec["selector"],
        "service": spec.get("serviceName"),
        "claims": claims,
        "kept": spec.get("persistentVolumeClaimRetentionPolicy"),
        "order": spec.get("podManagementPolicy"),
    }


@pytest.mark.parametrize("size", SIZES)
def test_a_later_version_changes_no_name_selector_or_claim(size: str, tmp_path: Path) -> None:
    values = ("--values", FOLDER / example(size).source)
    now = parsed(rendered(tmp_path, *values))
    later = parsed(rendered(tmp_path, *values, chart=newer(tmp_path / "later", "0.2.0")))
    assert [(one["kind"], one["metadata"]["name"]) for one in now] == [
        (one["kind"], one["metadata"]["name"]) for one in later
    ]
    with_pods = [(a, b) for a, b in zip(now, later, strict=True) if a["kind"] in WITH_PODS]
    assert with_pods
    for before, after in with_pods:
        assert fixed(before) == fixed(after)
        assert before["spec"]["template"] != after["spec"]["template"]
    assert {container["image"].rpartition(":")[2] for pod in pods(later) for container in pod.containers} == {"0.2.0"}


@pytest.mark.parametrize("size", SIZES)
def test_helm_upgrades_and_goes_back(size: str, cluster: ApiServer, tmp_path: Path) -> None:
    namespace, values = f"telemetry-{size}", ("--values", FOLDER / example(size).source)
    later = newer(tmp_path / "later", "0.2.0")

    def run(*arguments: str | Path) -> None:
        done = helm(tmp_path, *arguments, "--namespace", namespace, kubeconfig=cluster.kubeconfig())
        assert done.returncode == 0, done.stderr

    def held() -> dict[str, tuple[str, Object, set[str]]]:
        """Of what runs: its identity, what must not change, and the versions of its images."""
        found = {}
        for one in parsed(rendered(tmp_path, *values)):
            if one["kind"] in WITH_PODS:
                there = cluster.get({**one, "metadata": {**one["metadata"], "namespace": namespace}})
                (pod,) = pods([there])
                versions = {container["image"].rpartition(":")[2] for container in pod.containers}
                found[there["metadata"]["name"]] = (there["metadata"]["uid"], fixed(there), versions)
        return found

    cluster.namespace(namespace)
    run("install", RELEASE, CHART, *values)
    first = held()
    assert all(versions == {"0.1.0"} for _, _, versions in first.values())
    run("upgrade", RELEASE, later, *values)
    second = held()
    assert all(versions == {"0.2.0"} for _, _, versions in second.values())
    run("rollback", RELEASE, "1")
    third = held()
    assert third == first
    for name, (identity, kept, _) in first.items():
        assert second[name][:2] == (identity, kept), name


def test_a_claim_that_changes_would_be_refused(cluster: ApiServer, tmp_path: Path) -> None:
    """So that the test above can fail: the size of a volume is not for Helm to change."""
    cluster.namespace("telemetry-resized")
    for size, taken in (("10Gi", True), ("20Gi", False)):
        done = helm(
            tmp_path,
            *("upgrade", "--install", RELEASE, CHART, "--namespace", "telemetry-resized"),
            *("--set", f"gateway.persistence.size={size}"),
            kubeconfig=cluster.kubeconfig(),
        )
        assert (done.returncode == 0) is taken, done.stderr
        assert taken or ("spec.volumeClaimTemplates" in done.stderr and "field is immutable" in done.stderr), (
            done.stderr
        )
