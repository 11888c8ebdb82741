"""What the rendered examples tell our own programs: the collector and the monitor take it, and a record arrives."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from urllib.parse import unquote

import httpx
import pytest
import trustme

from telemetry import secret_files
from telemetry.collector import build as build_collector
from telemetry.collector import validate
from telemetry.settings import load as load_settings
from tests.backends.loki import Loki
from tests.backends.prometheus import Prometheus
from tests.collector import otlp
from tests.collector.harness import environment as of_the_harness
from tests.collector.harness import running
from tests.deploy.kubernetes import NAMES, Object, Pod, environment, mounted_files, objects, of_kind, ours
from tests.waiting import eventually

TOKEN = "made-up-token-of-a-test-0123456789"
LATER = "made-up-token-of-later-0123456789"
MADE_UP = {
    "otlp-token": f"{TOKEN} new\nmade-up-old-token-of-a-test-0123 old\n",
    "otlp-headers": f"authorization=Bearer%20{TOKEN}\n",
    "headers": "{X-Scope-OrgID: team-a}\n",
    "slack": "https://hooks.slack.com/services/made/up\n",
}
"""What the Secrets hold, by key; what isn't here is a text."""
TIERS = [(name, pod.name) for name in NAMES for pod, _ in ours(name, "collector")]
MONITORS = [(name, pod.name) for name in NAMES for pod, _ in ours(name, "monitor")]


def found(name: str, kind: str, pod_name: str) -> tuple[Pod, Object]:
    return next((pod, container) for pod, container in ours(name, kind) if pod.name == pod_name)


def told(pod: Pod, container: Object, folder: Path) -> dict[str, str]:
    """Its environment, with what the pod mounts in a folder of the test's."""
    authority = trustme.CA()
    certificate = authority.issue_cert("gateway.example")
    made = {
        **MADE_UP,
        "tls.crt": certificate.cert_chain_pems[0].bytes().decode(),
        "tls.key": certificate.private_key_pem.bytes().decode(),
        "ca.crt": authority.cert_pem.bytes().decode(),
    }
    for path, _, key in mounted_files(pod, container):
        file = Path(f"{folder}{path}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made.get(key, f"made-up-{key}-of-a-test\n"))
        file.chmod(0o440)
    (folder / "data").mkdir(exist_ok=True)
    moved = {name: value for name, value in environment(container).items() if value.startswith(("/run/", "/data"))}
    return environment(container) | {name: f"{folder}{value}" for name, value in moved.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "pod"), TIERS)
def test_the_collector_takes_its_environment(name: str, pod: str, tmp_path: Path) -> None:
    environ = {"PATH": os.defpath, "HOME": str(tmp_path), **told(*found(name, "collector", pod), tmp_path)}
    assert validate(build_collector(print), environ=environ) is None


@pytest.mark.slow
def test_without_a_token_the_collector_of_a_service_refuses_to_start(tmp_path: Path) -> None:
    environ = told(*found("small", "collector", "orchestrator-telemetry-gateway"), tmp_path)
    del environ["ORCHESTRATOR_COLLECTOR_TOKEN_FILE"]
    said = validate(build_collector(print), environ={"PATH": os.defpath, "HOME": str(tmp_path), **environ})
    assert said is not None
    assert "ORCHESTRATOR_COLLECTOR_TOKEN" in said


@pytest.mark.parametrize(("name", "pod"), MONITORS)
def test_the_monitor_takes_its_environment(name: str, pod: str, tmp_path: Path) -> None:
    environ = told(*found(name, "monitor", pod), tmp_path)
    if "ORCHESTRATOR_CONFIG" in environ:
        (settings,) = of_kind(objects(name), "ConfigMap")
        environ["ORCHESTRATOR_CONFIG"] = str(tmp_path / "settings.yaml")
        (tmp_path / "settings.yaml").write_text(settings["data"]["orchestrator-telemetry.yaml"])
    secret_files.read_into(environ)
    loaded = load_settings(environ=environ, cwd=tmp_path)
    assert loaded.warnings == ()
    assert loaded.settings.dashboard.host == "0.0.0.0"
    assert unquote(environ["OTEL_EXPORTER_OTLP_HEADERS"]) == f"authorization=Bearer {TOKEN}"


@pytest.mark.slow
def test_what_a_sender_shows_the_gateway_takes_and_the_backends_have_it(
    tmp_path: Path, prometheus: Prometheus, loki: Loki
) -> None:
    monitor = told(*found("small", "monitor", "orchestrator-telemetry-monitor"), tmp_path)
    secret_files.read_into(monitor)
    header, _, card = unquote(monitor["OTEL_EXPORTER_OTLP_HEADERS"]).partition("=")
    elsewhere = {
        "PROMETHEUS_OTLP_URL": prometheus.otlp_endpoint,
        "LOKI_URL": loki.url,
        "ORCHESTRATOR_COLLECTOR_HOST": "127.0.0.1",
    }
    gateway = told(*found("small", "collector", "orchestrator-telemetry-gateway"), tmp_path)
    environ = of_the_harness(tmp_path) | gateway | elsewhere
    with running(build_collector(print), "", environ) as collector:
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs("without a token")) == httpx.codes.UNAUTHORIZED
        assert otlp.send(collector.url("HTTP"), "logs", otlp.logs("by kubernetes"), **{header: card}) == httpx.codes.OK
        eventually(lambda: loki.query('{service_name=~".+"} |= "by kubernetes"'), what="the record")
        assert (
            otlp.send(collector.url("HTTP"), "metrics", otlp.metrics(restarts=4141), **{header: card}) == httpx.codes.OK
        )
        eventually(lambda: prometheus.query("orchestrator_agent_restarts_total == 4141"), what="the metric")
        assert httpx.get(collector.url("HEALTH"), trust_env=False).status_code == 200
    assert not loki.query('{service_name=~".+"} |= "without a token"')


def mounted_anew(folder: Path, version: str, text: str) -> None:
    """As Kubernetes mounts a Secret, and changes it: files are links through one link, which is replaced at once."""
    (folder / version).mkdir(parents=True)
    (folder / version / "orchestrator_collector_token").write_text(text)
    before = (folder / "..data").resolve()
    (folder / "..new").symlink_to(version)
    (folder / "..new").rename(folder / "..data")
    link = folder / "orchestrator_collector_token"
    if link.is_symlink():
        shutil.rmtree(before)
    else:
        link.symlink_to("..data/orchestrator_collector_token")


@pytest.mark.slow
def test_a_token_that_is_changed_in_its_secret_holds_without_a_restart(tmp_path: Path) -> None:
    gateway = told(*found("small", "collector", "orchestrator-telemetry-gateway"), tmp_path)
    folder = tmp_path / "mounted"
    elsewhere = {
        "BACKENDS": "debug",
        "ORCHESTRATOR_COLLECTOR_HOST": "127.0.0.1",
        "ORCHESTRATOR_COLLECTOR_TOKEN_FILE": str(folder / "orchestrator_collector_token"),
    }
    mounted_anew(folder, "..1", f"{TOKEN} first\n")
    environ = of_the_harness(tmp_path) | gateway | elsewhere
    with running(build_collector(print), "", environ) as collector:

        def answered(token: str) -> int:
            return otlp.send(collector.url("HTTP"), "logs", otlp.logs(), authorization=f"Bearer {token}")

        assert answered(TOKEN) == httpx.codes.OK
        mounted_anew(folder, "..2", f"{LATER} second\n{TOKEN} first\n")
        eventually(lambda: answered(LATER) == httpx.codes.OK, what="the second token taken")
        assert answered(TOKEN) == httpx.codes.OK
        mounted_anew(folder, "..3", f"{LATER} second\n")
        eventually(lambda: answered(TOKEN) == httpx.codes.UNAUTHORIZED, what="the first token refused")
        assert answered(LATER) == httpx.codes.OK
