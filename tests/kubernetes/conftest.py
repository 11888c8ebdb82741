"""One API server for all of these tests."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.backends import needs
from tests.backends.recipes import go_environment
from tests.kubernetes.cluster import ApiServer, Etcd

OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.94.1"
SERVICE_MONITORS = "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml"


def service_monitors(folder: Path) -> Path:
    """What Prometheus Operator defines a ServiceMonitor to be."""
    line = [needs.required("go"), "mod", "download", "-json", OPERATOR]
    said = subprocess.run(line, cwd=folder, env=go_environment(), capture_output=True, text=True, check=True).stdout
    return Path(json.loads(said)["Dir"]) / SERVICE_MONITORS


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The API server, with the kinds that the chart knows."""
    folder = tmp_path_factory.mktemp("cluster")
    with Etcd(folder / "etcd") as etcd, ApiServer(folder / "apiserver", etcd) as server:
        server.define(service_monitors(folder))
        yield server
