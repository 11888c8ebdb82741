"""What Kubernetes and Prometheus Operator publish beside their code."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.backends import needs
from tests.backends.parts import PARTS
from tests.backends.recipes import go_environment

KUBERNETES = f"k8s.io/kubernetes@{PARTS['kube-apiserver'].version}"
OPERATOR = "github.com/prometheus-operator/prometheus-operator@v0.94.1"


def openapi(folder: Path) -> Path:
    """The description of Kubernetes' whole API, OpenAPI 2. `folder` is any outside of a Go module."""
    return _downloaded(KUBERNETES, folder) / "api" / "openapi-spec" / "swagger.json"


def service_monitors(folder: Path) -> Path:
    """What Prometheus Operator defines a ServiceMonitor to be."""
    crds = _downloaded(OPERATOR, folder) / "example" / "prometheus-operator-crd"
    return crds / "monitoring.coreos.com_servicemonitors.yaml"


def _downloaded(module: str, folder: Path) -> Path:
    line = [needs.required("go"), "mod", "download", "-json", module]
    said = subprocess.run(line, cwd=folder, env=go_environment(), capture_output=True, text=True, check=True).stdout
    return Path(json.loads(said)["Dir"])
