"""kubeconform, strict, on the rendered examples."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.backends.build import folder
from tests.deploy.kubernetes import NAMES, example, objects
from tests.kubernetes import schemas
from tests.kubernetes.published import openapi, service_monitors
from tools.kubernetes import FOLDER


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("schemas")
    schemas.write(json.loads(openapi(target).read_text()), target)
    schemas.write_defined(yaml.safe_load(service_monitors(target).read_text()), target)
    return target


def conform(file: Path, known: Path) -> dict[str, int]:
    """How many objects are valid, invalid, of no known kind, unreadable."""
    program = folder("kubeconform") / "bin" / "kubeconform"
    line = [str(program), "-strict", "-summary", "-output=json", f"-schema-location={known}/{schemas.NAME}", str(file)]
    said = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    summary: dict[str, int] = json.loads(said.stdout)["summary"]
    return summary


@pytest.mark.parametrize("name", NAMES)
def test_every_object_conforms(name: str, known: Path) -> None:
    everything = {"valid": len(objects(name)), "invalid": 0, "errors": 0, "skipped": 0}
    assert conform(example(name).rendered(FOLDER), known) == everything


def test_a_misspelt_field_does_not(known: Path, tmp_path: Path) -> None:
    file = tmp_path / "damaged.yaml"
    file.write_text(example("small").rendered(FOLDER).read_text().replace("minReadySeconds:", "minReadySecond:"))
    assert conform(file, known)["invalid"] == 1
