"""The configuration files against their documentation, without the built collector."""

from __future__ import annotations

import re
from typing import Any

import yaml

from telemetry.collector import sources_dir
from tests.collector.harness import BACKENDS

SOURCES = sources_dir()
README = (SOURCES / "README.md").read_text()
CONFIGS = sorted((SOURCES / "config").rglob("*.yaml"))


def components(kind: str) -> set[str]:
    found = set()
    for path in CONFIGS:
        section: dict[str, Any] = yaml.safe_load(path.read_text()).get(kind, {})
        found |= {name.split("/")[0].replace("_", "") for name in section}
    return found


def test_the_readme_names_every_backend_and_every_variable() -> None:
    assert sorted(path.stem for path in CONFIGS if path.parent.name == "backends") == list(BACKENDS)
    assert [name for name in BACKENDS if f"| `{name}` |" not in README] == []
    go = "".join(path.read_text() for path in SOURCES.rglob("*.go") if not path.name.endswith("_test.go"))
    used = set(re.findall(r'"(ORCHESTRATOR_COLLECTOR_[A-Z_]+|BACKENDS)"', go))
    for path in CONFIGS:
        used |= set(re.findall(r"\$\{env:([A-Z_]+)", path.read_text()))
    assert {name for name in used if f"`{name}`" not in README} == set()
    documented = set(re.findall(r"`([A-Z][A-Z_]+_[A-Z_]+|BACKENDS)`", README)) - {
        "GOMEMLIMIT",
        "OTEL_EXPORTER_OTLP_CERTIFICATE",
    }
    assert documented - used == set()


def test_what_is_configured_is_in_the_manifest() -> None:
    manifest = yaml.safe_load((SOURCES / "manifest.yaml").read_text())
    items = [item for kind in ("exporters", "extensions", "processors") for item in manifest[kind]]
    modules = "".join(f"{item.get('import', item['gomod'])} " for item in items)
    renamed = {"otlpgrpc": "otlp"}
    for kind in ("exporters", "extensions", "processors"):
        for name in components(kind):
            assert f"/{renamed.get(name, name)}{kind[:-1]} " in modules, name


def test_no_backend_listens_beyond_this_machine_by_default() -> None:
    for path in CONFIGS:
        for line in path.read_text().splitlines():
            if "endpoint: " in line and "PORT" in line:
                assert "${env:ORCHESTRATOR_COLLECTOR_HOST:-127.0.0.1}:" in line
